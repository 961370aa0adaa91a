// SPDX-License-Identifier: Apache-2.0
import ImageJob
import JobRunner
import Testing

struct DisabledFormatsTests {
    private static func policy(_ formats: [ImageFormat]) -> ResultPolicy {
        var policy = ResultPolicy()
        policy.disabledFormats = ImageFormatSet(formats)
        return policy
    }

    @Test(arguments: ImageFormat.allCases)
    func `no library sees a byte of a format that is switched off`(format: ImageFormat) throws {
        let file = try Picture.soft(40, 30).encoded(format)
        #expect(throws: JobFailure.disabledFormat) {
            try transform(file, "10x,png", policy: Self.policy([format]))
        }
        // Nothing but the first bytes is right: whoever went on would have said that it is damaged.
        let head = Array(file.prefix(ImageFormat.magicLength)) + [UInt8](repeating: 0xAA, count: 100)
        #expect(throws: JobFailure.disabledFormat) {
            try transform(head, "10x,png", policy: Self.policy([format]))
        }
        let others = ImageFormat.allCases.filter { $0 != format && $0 != .png }
        #expect(try transform(file, "10x,png", policy: Self.policy(others)).format == .png)
    }

    @Test(arguments: ImageFormat.allCases)
    func `no such format is made`(format: ImageFormat) throws {
        // What it would not become by itself.
        let source = try Picture.soft(40, 30).encoded(format == .png ? .bmp : .png)
        #expect(throws: JobFailure.disabledFormat) {
            try transform(source, "10x,\(format.optionWord)", policy: Self.policy([format]))
        }
    }

    @Test func `what depends on the pixels is looked at when they are known`() throws {
        let opaque = try Picture.soft(40, 30).encoded(.tiff)
        let clear = try Picture(40, 30, channels: 4) { x, _ in [9, 9, 9, UInt8(x)] }.encoded(.tiff)
        let policy = Self.policy([.jpeg])
        #expect(try transform(clear, "10x", policy: policy).format == .png)
        #expect(throws: JobFailure.disabledFormat) { try transform(opaque, "10x", policy: policy) }
    }

    @Test func `negotiation takes the next format`() throws {
        let file = Picture.soft(40, 30).jpeg()
        func made(_ disabled: [ImageFormat]) throws -> ImageFormat {
            var options = TransformOptions(parsing: "10x")
            options.accepted = [.webp, .avif]
            let request = JobRequest(
                options: options, scaleUp: false, limits: .standard, policy: Self.policy(disabled), deadline: 0)
            return try file.withUnsafeBytes { try JobRunner.run(request, source: $0).image.format }
        }
        #expect(try made([]) == .webp)
        #expect(try made([.webp]) == .avif)
        #expect(try made([.webp, .avif]) == .jpeg)
    }
}
