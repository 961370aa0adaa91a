// SPDX-License-Identifier: Apache-2.0

extension TransformOptions {
    /// Reads an options segment: items between commas, in any order, the later of two that disagree winning.
    ///
    /// Never fails: an item that is not understood changes nothing, and neither does a number that is infinite, not a
    /// number, or beyond 64 bits. Nothing is trimmed or percent-decoded, and case matters.
    ///
    /// - Parameter text: the segment as it stands in the request's path, without slashes.
    public init(parsing text: Substring) {
        self.init()
        for item in text.utf8.split(separator: UInt8(ascii: ",")) { self.read(item) }
    }

    public init(parsing text: String) {
        self.init(parsing: text[...])
    }

    /// Applies one item. The first rule that matches has it, so the order is part of the grammar: `smart` is a
    /// signature, `red` a rotation by nothing.
    private mutating func read(_ item: Substring.UTF8View) {
        if self.readWord(item) { return }
        if let value = item.dropPrefix("r") {
            self.rotate = Int(OptionNumber.integer(value) ?? 0)
        } else if let value = item.dropPrefix("q") {
            self.quality = Int(OptionNumber.integer(value) ?? 0)
        } else if let value = item.dropPrefix("s") {
            self.signature = String(decoding: value, as: UTF8.self)
        } else if let value = item.dropPrefix("cx") {
            Self.read(value, into: &self.cropX)
        } else if let value = item.dropPrefix("cy") {
            Self.read(value, into: &self.cropY)
        } else if let value = item.dropPrefix("cw") {
            Self.read(value, into: &self.cropWidth)
        } else if let value = item.dropPrefix("ch") {
            Self.read(value, into: &self.cropHeight)
        } else if let value = item.dropPrefix("vu") {
            if let seconds = OptionNumber.integer(value), seconds > 0 { self.validUntil = seconds }
        } else if let value = item.dropPrefix("bg"), let colour = RGBColour(hexadecimal: value) {
            self.background = colour
        } else if let separator = item.firstIndex(of: UInt8(ascii: "x")) {
            let width = item[..<separator]
            let height = item[separator...].dropFirst()
            if !width.isEmpty { Self.read(width, into: &self.width) }
            if !height.isEmpty { Self.read(height, into: &self.height) }
        } else if case .value(let side) = OptionNumber.float(item) {
            self.width = side
            self.height = side
        }
    }

    /// Applies an item that is a whole word; false if it is none.
    private mutating func readWord(_ item: Substring.UTF8View) -> Bool {
        // Sizes are none.
        guard let first = item.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        switch String(decoding: item, as: UTF8.self) {
        case "fit": self.fit = true
        case "fv": self.flipVertical = true
        case "fh": self.flipHorizontal = true
        case "scaleUp": self.scaleUp = true
        case "sc": self.smartCrop = true
        case "trim": self.trim = true
        case let word:
            guard let format = ImageFormat.allCases.first(where: { $0.optionWord == word }) else { return false }
            self.format = format
        }
        return true
    }

    /// A malformed number is 0, an absurd one leaves `value` as it was.
    private static func read(_ text: Substring.UTF8View, into value: inout Double) {
        switch OptionNumber.float(text) {
        case .value(let number): value = number
        case .malformed: value = 0
        case .absurd: break
        }
    }
}

extension Substring.UTF8View {
    /// What follows `prefix`, or nil when the text does not start with it.
    fileprivate func dropPrefix(_ prefix: String) -> Substring.UTF8View? {
        self.starts(with: prefix.utf8) ? self.dropFirst(prefix.utf8.count) : nil
    }
}
