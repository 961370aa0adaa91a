// SPDX-License-Identifier: Apache-2.0

extension TransformOptions {
    /// The one spelling of these options, as the original service prints them: signatures are made over it (without
    /// their own `s…` item), and reading it back gives the same options.
    public var canonical: String {
        var items = [OptionNumber.text(self.width) + "x" + OptionNumber.text(self.height)]
        if self.fit { items.append("fit") }
        if self.rotate != 0 { items.append("r\(self.rotate)") }
        if self.flipVertical { items.append("fv") }
        if self.flipHorizontal { items.append("fh") }
        if self.quality != 0 { items.append("q\(self.quality)") }
        if !self.signature.isEmpty { items.append("s" + self.signature) }
        if self.scaleUp { items.append("scaleUp") }
        if let format = self.format { items.append(format.optionWord) }
        for (name, value) in [
            ("cx", self.cropX), ("cy", self.cropY), ("cw", self.cropWidth), ("ch", self.cropHeight),
        ] where value != 0 {
            items.append(name + OptionNumber.text(value))
        }
        if let background = self.background { items.append("bg" + background.hexadecimal) }
        if self.smartCrop { items.append("sc") }
        if self.trim { items.append("trim") }
        if self.validUntil != 0 { items.append("vu\(self.validUntil)") }
        // By bytes: String's own order is Unicode's.
        items.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return items.joined(separator: ",")
    }

    /// ``canonical`` without what says who may ask and until when, so that one picture signed twice is stored once; with the
    /// formats that the client can show, if that may matter.
    public var canonicalForCache: String {
        var options = self
        options.signature = ""
        options.validUntil = 0
        let accepted = self.accepted.map(\.optionWord).joined(separator: ",")
        return options.canonical + (accepted.isEmpty ? "" : ";" + accepted)
    }

    /// Whether anything is asked for that changes the picture. Otherwise its bytes pass through untouched.
    ///
    /// `fit`, `sc` and `scaleUp` only say how a size is to be reached, so alone they ask for nothing.
    public var isTransformation: Bool {
        self.width != 0 || self.height != 0 || self.rotate != 0 || self.flipHorizontal || self.flipVertical
            || self.quality != 0 || self.format != nil || self.cropX != 0 || self.cropY != 0 || self.cropWidth != 0
            || self.cropHeight != 0 || self.trim || self.background != nil
    }
}
