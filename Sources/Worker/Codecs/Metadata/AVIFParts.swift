// SPDX-License-Identifier: Apache-2.0

/// The parts of an AVIF file that make up its picture. They stay where they are, as they tell of each other by their
/// places. A file that has metadata, or anything that is not known here, is none to be kept.
///
/// Total and bounded: every step moves forward, and no box is looked into twice.
struct AVIFParts {
    private var kept: [Range<Int>] = []
    private var data: [Range<Int>] = []
    private var coded: Set<Int> = []
    private var places: [(item: Int, range: Range<Int>)] = []

    private struct Box {
        let start: Int
        let content: Range<Int>
    }

    /// More than a still in tiles has, with its alpha.
    private static let maxItems = 1000
    private static let maxBoxes = 4 * Self.maxItems

    /// - Returns: what is to be kept, in order, and in its place.
    static func find(in bytes: Span<UInt8>) -> [Range<Int>]? {
        var file = AVIFParts()
        guard file.readFile(bytes), file.readData(bytes) else { return nil }
        return file.kept.sorted { $0.lowerBound < $1.lowerBound }
    }

    private mutating func readFile(_ bytes: Span<UInt8>) -> Bool {
        guard let boxes = Self.boxes(in: 0..<bytes.count, bytes) else { return false }
        for box in boxes {
            if bytes.has("ftyp", at: box.start + 4) {
                self.kept.append(box.start..<box.content.upperBound)
            } else if bytes.has("meta", at: box.start + 4) {
                guard self.readMeta(box, bytes) else { return false }
            } else if bytes.has("mdat", at: box.start + 4) {
                self.kept.append(box.start..<box.content.lowerBound)
                self.data.append(box.content)
            } else {
                return false
            }
        }
        return true
    }

    private mutating func readMeta(_ meta: Box, _ bytes: Span<UInt8>) -> Bool {
        guard meta.content.count >= 4,
            let boxes = Self.boxes(in: meta.content.lowerBound + 4..<meta.content.upperBound, bytes)
        else { return false }
        self.kept.append(meta.start..<meta.content.lowerBound + 4)
        for box in boxes {
            let content = box.content
            var end = content.upperBound
            if bytes.has("hdlr", at: box.start + 4) {
                // What comes after the kind is a name.
                guard bytes.has("pict", at: content.lowerBound + 8), content.count >= 24 else { return false }
                end = content.lowerBound + 12
            } else if bytes.has("iinf", at: box.start + 4) {
                guard self.readItems(content, bytes) else { return false }
                continue
            } else if bytes.has("iloc", at: box.start + 4) {
                guard self.readPlaces(content, bytes) else { return false }
            } else if bytes.has("iprp", at: box.start + 4) {
                guard Self.arePlain(content, bytes) else { return false }
            } else if bytes.has("iref", at: box.start + 4) {
                guard content.count >= 4, let all = Self.boxes(in: content.lowerBound + 4..<content.upperBound, bytes),
                    all.allSatisfy({ Self.isOne(of: ["auxl", "dimg", "prem"], $0, bytes) })
                else { return false }
            } else if !Self.isOne(of: ["pitm"], box, bytes) {
                return false
            }
            self.kept.append(box.start..<end)
        }
        return true
    }

    /// Pictures are all that there may be. What follows an item's kind is its name.
    private mutating func readItems(_ content: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        let head = content.lowerBound + (bytes.word(content.lowerBound) == 0 ? 6 : 8)
        guard head <= content.upperBound, let items = Self.boxes(in: head..<content.upperBound, bytes) else {
            return false
        }
        // The box's own head comes before its content.
        self.kept.append(content.lowerBound - 8..<head)
        for item in items {
            let at = item.content.lowerBound
            guard bytes.has("infe", at: item.start + 4), item.content.count >= 12, let version = bytes.word(at),
                version >> 24 == 2, bytes.has("av01", at: at + 8), let number = bytes.half(at + 4)
            else { return false }
            self.coded.insert(number)
            self.kept.append(item.start..<at + 12)
        }
        return true
    }

    private mutating func readPlaces(_ content: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        var at = content.lowerBound + 8
        guard bytes.word(content.lowerBound) == 0, let sizes = bytes.half(at - 4), let count = bytes.half(at - 2),
            count <= Self.maxItems
        else { return false }
        // Offsets and lengths of 32 bits from the file's beginning, as everybody writes them.
        guard sizes == 0x4400 else { return false }
        for _ in 0..<count {
            guard at + 14 <= content.upperBound, let item = bytes.half(at), bytes.half(at + 4) == 1,
                let start = bytes.word(at + 6), let length = bytes.word(at + 10), length > 0
            else { return false }
            self.places.append((item, start..<start + length))
            at += 14
        }
        return at == content.upperBound
    }

    /// Whether properties say nothing but how to decode the pictures: neither profiles nor turns are among them.
    private static func arePlain(_ content: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        guard let boxes = Self.boxes(in: content, bytes) else { return false }
        return boxes.allSatisfy { box in
            if bytes.has("ipma", at: box.start + 4) { return true }
            guard bytes.has("ipco", at: box.start + 4), let all = Self.boxes(in: box.content, bytes) else {
                return false
            }
            return all.allSatisfy { property in
                if bytes.has("colr", at: property.start + 4) {
                    return bytes.has("nclx", at: property.content.lowerBound)
                }
                if bytes.has("av1C", at: property.start + 4) {
                    let units = property.content.dropFirst(4)
                    return Self.isPlain(units.startIndex..<units.endIndex, bytes)
                }
                return Self.isOne(of: ["ispe", "pixi", "auxC", "pasp"], property, bytes)
            }
        }
    }

    /// Every item's data is inside of the boxes for it, and AV1 without metadata of its own.
    private mutating func readData(_ bytes: Span<UInt8>) -> Bool {
        self.places.sort { $0.range.lowerBound < $1.range.lowerBound }
        // What is told of several times would be looked at, and copied, as often.
        guard !self.places.isEmpty, self.places.count == self.coded.count,
            zip(self.places, self.places.dropFirst()).allSatisfy({ $0.range.upperBound <= $1.range.lowerBound })
        else { return false }
        for (item, range) in self.places {
            let isInside = self.data.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
            guard isInside, self.coded.contains(item), Self.isPlain(range, bytes) else { return false }
            self.kept.append(range)
        }
        return true
    }

    /// Sequence header, temporal delimiter, frames and their parts.
    private static let plainUnits: Set<UInt8> = [1, 2, 3, 4, 6, 7]

    private static func isPlain(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        var at = range.lowerBound
        while at < range.upperBound {
            let head = bytes[at]
            guard Self.plainUnits.contains(head >> 3 & 15) else { return false }
            at += head & 4 == 0 ? 1 : 2
            // Without a length it is the last.
            if head & 2 == 0 { return at <= range.upperBound }
            var length = 0
            for shift in stride(from: 0, to: 35, by: 7) {
                guard at < range.upperBound else { return false }
                let part = bytes[at]
                at += 1
                length |= Int(part & 127) << shift
                if part & 128 == 0 { break }
            }
            guard length <= range.upperBound - at else { return false }
            at += length
        }
        return true
    }

    private static func isOne(of names: [StaticString], _ box: Box, _ bytes: Span<UInt8>) -> Bool {
        names.contains { bytes.has($0, at: box.start + 4) }
    }

    /// The boxes that fill a range, each with a length of 32 bits; nil when they do not.
    private static func boxes(in range: Range<Int>, _ bytes: Span<UInt8>) -> [Box]? {
        var boxes: [Box] = []
        var at = range.lowerBound
        while at < range.upperBound {
            guard boxes.count < Self.maxBoxes, let length = bytes.word(at), length >= 8, length <= range.upperBound - at
            else { return nil }
            boxes.append(Box(start: at, content: at + 8..<at + length))
            at += length
        }
        return boxes
    }
}
