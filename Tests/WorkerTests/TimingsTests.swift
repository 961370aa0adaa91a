// SPDX-License-Identifier: Apache-2.0
import CPictures
import Codecs
import ImageJob
import JobRunner
import Testing

struct TimingsTests {
    /// Sources that go through each of the ways that a job can take.
    private static func sources() throws -> [(name: String, file: [UInt8])] {
        let picture = Picture.soft(320, 240)
        return try [
            ("planes of a JPEG", picture.jpeg()),
            ("planes of a progressive JPEG", picture.jpeg { $0.is_progressive = 1 }),
            ("rows of a JPEG", picture.jpeg { $0.kind = JPEG_RGB_AS_IT_IS }),
            ("rows of a PNG", picture.png()),
            ("rows of a WebP", picture.encoded(.webp)),
        ]
    }

    @Test func `every stage of a job is told, and together they are no more than the job`() throws {
        for (name, file) in try Self.sources() {
            var options = TransformOptions()
            options.width = 100
            let request = JobRequest(options: options, scaleUp: false, limits: .standard, deadline: 0)
            try file.withUnsafeBytes { bytes in
                let before = JobTimings.now
                let timings = try JobRunner.run(request, source: bytes).timings
                let whole = JobTimings.now - before
                let stages = [timings.header, timings.decode, timings.resize, timings.encode]
                for (stage, time) in zip(["header", "decode", "resize", "encode"], stages) {
                    #expect(time > 0, "\(stage) of \(name)")
                }
                #expect(stages.reduce(0, +) <= whole, "\(name)")
            }
        }
    }
}
