// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

@testable import FrontendCore

struct AcceptedFormatsTests {
    @Test(arguments: [
        (["image/avif,image/webp,image/apng,*/*;q=0.8"], [ImageFormat.avif, .webp]), (["image/webp,*/*"], [.webp]),
        (["*/*"], []), (["image/*"], []), ([""], []), ([], []), (["image/webp;q=0, image/avif;q=0.000"], []),
        (["image/webp;q=0.1"], [.webp]), (["IMAGE/WebP ; Q=1"], [.webp]), (["image/webp;q=nonsense"], []),
        (["image/png", "image/avif"], [.avif]), (["image/webpx, ximage/webp"], []), (["image/webp;level=1;q=0"], []),
    ])
    func `only formats that are named count, in the operator's order`(accept: [String], expected: [ImageFormat]) {
        #expect(AcceptedFormats.choose(from: [.avif, .webp], accept: accept) == expected)
        #expect(AcceptedFormats.choose(from: [.webp, .avif], accept: accept) == expected.reversed())
        #expect(AcceptedFormats.choose(from: [], accept: accept) == [])
    }

    @Test func `the key of a variant tells what the client can show only where that matters`() throws {
        func key(_ options: String, _ accepted: [ImageFormat]) throws -> String {
            try RequestURL.parse(target: "/\(options)/http://example.com/a.jpg", baseURL: nil).accepting(accepted)
                .cacheKey
        }
        #expect(try key("500x", []) == "http://example.com/a.jpg#500x0")
        #expect(try key("500x", [.avif, .webp]) == "http://example.com/a.jpg#500x0;avif,webp")
        #expect(try key("500x,png", [.avif, .webp]) == "http://example.com/a.jpg#500x0,png")
        #expect(try key("fit", [.webp]) == "http://example.com/a.jpg#0x0,fit")
    }
}
