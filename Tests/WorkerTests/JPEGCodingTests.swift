// SPDX-License-Identifier: Apache-2.0
import CPictures
import ImageJob
import Testing

struct JPEGCodingTests {
    /// What tells the codings apart: the kind of frame, the scans, and what the Huffman tables say.
    private struct Coding: Equatable {
        var frame: UInt8 = 0
        var scans = 0
        var tables: [[UInt8]] = []

        var isProgressive: Bool { self.frame == 0xC2 && self.scans > 1 }
        var isBaseline: Bool { self.frame == 0xC0 && self.scans == 1 }

        init(of file: [UInt8]) {
            var at = 2
            while at + 4 <= file.count {
                // Between the end of a scan's data and the next marker.
                guard file[at] == 0xFF, file[at + 1] != 0, !(0xD0...0xD7).contains(file[at + 1]) else {
                    at += 1
                    continue
                }
                let marker = file[at + 1]
                let end = at + 2 + Int(file[at + 2]) << 8 + Int(file[at + 3])
                switch marker {
                case 0xC4: self.tables.append(Array(file[at + 4..<end]))
                case 0xDA: self.scans += 1
                case 0xC0...0xCF: self.frame = marker
                default: break
                }
                at = end
            }
        }
    }

    private static func policy(optimizes: Bool = false, isProgressive: Bool = false) -> ResultPolicy {
        var policy = ResultPolicy()
        policy.optimizesJPEG = optimizes
        policy.makesProgressiveJPEG = isProgressive
        return policy
    }

    private static let plain = policy()
    private static let optimized = policy(optimizes: true)
    private static let progressive = policy(isProgressive: true)

    /// In planes, kept in planes for smart cropping, and by the way through RGB.
    @Test(arguments: ["JPEG", "gray", "PNG"], ["157x103,q80,jpeg", "61x,q80,jpeg,r90", "60x60,sc,q80,jpeg"])
    func `a coding changes the file and not the picture`(source: String, options: String) throws {
        let picture = Picture.soft(320, 210, channels: source == "gray" ? 1 : 3)
        let file = try source == "PNG" ? picture.png() : picture.jpeg()
        let plain = try transform(file, options, policy: Self.plain).file
        let optimized = try transform(file, options, policy: Self.optimized).file
        let progressive = try transform(file, options, policy: Self.progressive).file
        let usual = Coding(of: plain)
        #expect(usual.isBaseline)
        let own = Coding(of: optimized)
        #expect(own.isBaseline && own.tables != usual.tables)
        #expect(optimized.count < plain.count)
        #expect(Coding(of: progressive).isProgressive)
        let expected = try Picture(decoding: plain)
        #expect(try Picture(decoding: optimized) == expected)
        #expect(try Picture(decoding: progressive) == expected)
        // Scans have tables of their own in any case.
        let both = try transform(file, options, policy: Self.policy(optimizes: true, isProgressive: true)).file
        #expect(both == progressive)
    }

    @Test(arguments: ["jpeg", "r180", "r90"], [1, 3])
    func `kept coefficients are written in the coding that is wanted`(options: String, channels: Int) throws {
        let picture = Picture.soft(192, 128, channels: channels)
        let file = picture.jpeg { $0.quality = 70 }
        let plain = try transform(file, options, policy: Self.plain).file
        #expect(Coding(of: plain).isBaseline)
        let optimized = try transform(file, options, policy: Self.optimized).file
        #expect(Coding(of: optimized).isBaseline && Coding(of: optimized).tables != Coding(of: file).tables)
        let progressive = try transform(file, options, policy: Self.progressive).file
        #expect(Coding(of: progressive).isProgressive)
        let expected = try Picture(decoding: plain)
        #expect(try Picture(decoding: optimized) == expected)
        #expect(try Picture(decoding: progressive) == expected)
        // A progressive one is none that has to be made.
        let source = picture.jpeg {
            $0.quality = 70
            $0.is_progressive = 1
        }
        for policy in [Self.plain, Self.optimized, Self.progressive] {
            #expect(Coding(of: try transform(source, options, policy: policy).file).isProgressive)
        }
        #expect(
            try transform(source, "jpeg", policy: Self.progressive).file
                == transform(source, "jpeg", policy: Self.plain).file)
    }

    @Test func `a damaged file is not coded anew`() {
        let file = Picture.soft(192, 128).jpeg { $0.quality = 70 }
        for policy in [Self.optimized, Self.progressive] {
            #expect(throws: JobFailure.corruptSource) {
                try transform(Array(file.prefix(file.count / 2)), "jpeg", policy: policy)
            }
        }
    }

    @Test func `scans keep to the limits as well`() throws {
        let file = try Picture.noise(300, 200, channels: 3).png()
        var limits = PixelLimits.standard
        limits.maxResultBytes = 5000
        for policy in [Self.optimized, Self.progressive] {
            #expect(throws: JobFailure.resultTooLarge) {
                try transform(file, "jpeg", limits: limits, policy: policy)
            }
            #expect(throws: JobFailure.deadlinePassed) { try transform(file, "jpeg", policy: policy, deadline: 1) }
        }
    }
}
