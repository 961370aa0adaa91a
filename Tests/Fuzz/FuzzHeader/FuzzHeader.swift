// SPDX-License-Identifier: Apache-2.0
//
// The readers of headers: the front's, for the size of a picture, which it must survive without a sandbox; and the
// worker's, for the way up and the colours. All of them are total: any bytes give an answer, and soon.

@testable import Codecs
internal import ImageJob

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    // Where the memory ends, the bytes end: a step beyond them is a finding.
    let bytes = UnsafeBufferPointer(start: start, count: count).span
    if let size = ImageHeader.size(of: bytes) {
        precondition((1...Int(Int32.max)).contains(size.width) && (1...Int(Int32.max)).contains(size.height))
    }
    for format in ImageFormat.allCases {
        precondition((1...8).contains(PictureMetadata(of: bytes, format: format).orientation))
    }
    // The same blocks without a file around them: a mutation reaches deeper there.
    precondition((1...8).contains(ExifOrientation.read(bytes)))
    _ = ColourProfile.isStandard(bytes)
    return 0
}
