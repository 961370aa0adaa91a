// SPDX-License-Identifier: Apache-2.0

internal import ImageJob

extension Job {
    /// What is on or off. No table of key paths: a child would have the runtime make them anew for its one job, which
    /// takes a thirtieth of the time of a picture.
    struct Flags: OptionSet {
        let rawValue: UInt16

        static let fit = Flags(rawValue: 1 << 0)
        static let flipVertical = Flags(rawValue: 1 << 1)
        static let flipHorizontal = Flags(rawValue: 1 << 2)
        static let smartCrop = Flags(rawValue: 1 << 3)
        static let trim = Flags(rawValue: 1 << 4)
        static let scaleUp = Flags(rawValue: 1 << 5)
        static let keepsSmaller = Flags(rawValue: 1 << 6)
        static let optimizesJPEG = Flags(rawValue: 1 << 7)
        static let makesProgressiveJPEG = Flags(rawValue: 1 << 8)
        static let all = Flags(rawValue: 1 << 9 - 1)
    }

    var flags: Flags {
        var flags: Flags = []
        if self.options.fit { flags.insert(.fit) }
        if self.options.flipVertical { flags.insert(.flipVertical) }
        if self.options.flipHorizontal { flags.insert(.flipHorizontal) }
        if self.options.smartCrop { flags.insert(.smartCrop) }
        if self.options.trim { flags.insert(.trim) }
        if self.scaleUp { flags.insert(.scaleUp) }
        if self.policy.keepsSmaller { flags.insert(.keepsSmaller) }
        if self.policy.optimizesJPEG { flags.insert(.optimizesJPEG) }
        if self.policy.makesProgressiveJPEG { flags.insert(.makesProgressiveJPEG) }
        return flags
    }
}
