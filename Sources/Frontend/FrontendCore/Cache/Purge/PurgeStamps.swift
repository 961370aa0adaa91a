// SPDX-License-Identifier: Apache-2.0

/// Which URLs were purged, and when.
///
/// A stamp is a number that grows from purge to purge; it looks like microseconds of the Unix clock, and no clock is
/// trusted to agree with another. An entry carries the newest stamp that was known when its origin was asked, so it is
/// gone when its URL has a newer one. Nothing is searched for, and nothing has to be deleted.
struct PurgeStamps: Sendable, Equatable {
    /// By digest of the URL. Two URLs with the same digest are purged together, which costs a fetch.
    private(set) var stamps: [UInt64: Int64] = [:]
    private(set) var newest: Int64 = 0
    /// Purges up to here are not remembered one by one: whatever is older than this counts as purged.
    private(set) var floor: Int64 = 0

    /// About 40 bytes of memory each.
    static let most = 100_000
    /// What Redis can keep as a score.
    static let latest: Int64 = 1 << 53 - 1

    /// The digest of the URL that a key belongs to: what comes before `#` or a line feed, which no URL has in it
    /// (FNV-1a).
    static func digest(ofKey key: String) -> UInt64 {
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key.utf8 {
            if byte == UInt8(ascii: "#") || byte == 0x0A { break }
            digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        return digest
    }

    /// - Parameter stamp: the entry's, less than `newest`.
    func covers(_ stamp: Int64, key: String) -> Bool {
        stamp < self.floor || self.stamps[Self.digest(ofKey: key)].map { stamp < $0 } ?? false
    }

    /// The next stamp, for a purge of which nobody else knows.
    func next(now: Int64) -> Int64 { max(now, self.newest + 1) }

    /// - Returns: whether it was news.
    @discardableResult
    mutating func add(_ digest: UInt64, _ stamp: Int64) -> Bool {
        guard (1...Self.latest).contains(stamp), stamp > self.stamps[digest] ?? self.floor else { return false }
        self.stamps[digest] = stamp
        self.newest = max(self.newest, stamp)
        if self.stamps.count > Self.most { self.forgetOldest() }
        return true
    }

    mutating func raiseFloor(to stamp: Int64) {
        guard stamp > self.floor, stamp <= Self.latest else { return }
        self.floor = stamp
        self.newest = max(self.newest, stamp)
        self.stamps = self.stamps.filter { $0.value > stamp }
    }

    /// A tenth at a time, so that sorting them is seldom.
    private mutating func forgetOldest() {
        let sorted = self.stamps.values.sorted()
        self.raiseFloor(to: sorted[Self.most / 10])
    }

    /// - Returns: whether there was news.
    mutating func merge(_ other: PurgeStamps) -> Bool {
        let before = (self.newest, self.floor, self.stamps.count)
        self.raiseFloor(to: other.floor)
        var isNews = false
        for (digest, stamp) in other.stamps where self.add(digest, stamp) { isNews = true }
        return isNews || before != (self.newest, self.floor, self.stamps.count)
    }
}

// MARK: Written down

extension PurgeStamps {
    /// What a place keeps the list under. No URL is called so.
    static let key = "imageproxy:purges"

    private static let title = "imageproxy: purged URLs, by digest and stamp"

    static func hex(_ digest: UInt64) -> String {
        let digits = String(digest, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func digest(hex text: some StringProtocol) -> UInt64? {
        text.utf8.count == 16 ? UInt64(text, radix: 16) : nil
    }

    /// A line for each, and a seal after them.
    func encoded(_ seal: Seal) -> [UInt8] {
        var text = "\(Self.title)\nfloor \(self.floor)\n"
        for (digest, stamp) in self.stamps.sorted(by: { $0.value < $1.value }) {
            text += "\(Self.hex(digest)) \(stamp)\n"
        }
        let bytes = Array(text.utf8)
        return bytes + Array("\(seal.mark(bytes))\n".utf8)
    }

    /// - Returns: nil for what is not as it was written.
    init?(_ bytes: UnsafeRawBufferPointer, _ seal: Seal) {
        let bytes = Array(bytes)
        guard bytes.last == 0x0A, let end = bytes.dropLast().lastIndex(of: 0x0A) else { return nil }
        let signed = bytes[...end]
        guard seal.isRight(String(decoding: bytes[(end + 1)...].dropLast(), as: UTF8.self), for: signed) else {
            return nil
        }
        let lines = String(decoding: signed, as: UTF8.self).split(separator: "\n")
        guard lines.count >= 2, lines[0] == Self.title, lines[1].hasPrefix("floor "),
            let floor = Int64(lines[1].dropFirst("floor ".count))
        else { return nil }
        self.init()
        self.raiseFloor(to: floor)
        for line in lines.dropFirst(2) {
            let words = line.split(separator: " ")
            guard words.count == 2, let digest = Self.digest(hex: words[0]), let stamp = Int64(words[1]) else {
                return nil
            }
            self.add(digest, stamp)
        }
    }
}
