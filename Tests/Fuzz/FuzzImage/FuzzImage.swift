// SPDX-License-Identifier: Apache-2.0
//
// A whole job on hostile bytes: the first ones choose the options, the rest is the picture.

internal import ImageJob
internal import JobRunner

/// Bytes that choose the options.
private let optionBytes = 10

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > optionBytes else { return 0 }
    var file = Array(UnsafeBufferPointer(start: start + optionBytes, count: count - optionBytes))
    repairChecksums(&file)
    // Small enough for thousands of runs in a second, large enough for every path.
    let limits = PixelLimits(maxSourcePixels: 1 << 18, maxOutputPixels: 1 << 18, maxResultBytes: 1 << 20)
    let request = JobRequest(
        options: options(UnsafeBufferPointer(start: start, count: optionBytes)), scaleUp: start[9] & 1 != 0,
        limits: limits, policy: policy(start[9]), deadline: 0)
    file.withUnsafeBytes { bytes in
        guard let result = try? JobRunner.run(request, source: bytes) else { return }
        precondition(result.image.bytes.count <= limits.maxResultBytes)
        precondition(result.image.size.area <= limits.maxOutputPixels)
    }
    return 0
}

private func options(_ bytes: UnsafeBufferPointer<UInt8>) -> TransformOptions {
    var options = TransformOptions()
    // Half of the values are fractions, the others pixels.
    func number(_ byte: UInt8) -> Double { byte < 128 ? Double(byte) / 128 : Double(byte &- 128) * 4 }
    options.width = number(bytes[0])
    options.height = number(bytes[1])
    options.cropX = bytes[2] & 1 == 0 ? 0 : number(bytes[2])
    options.cropY = bytes[3] & 1 == 0 ? 0 : number(bytes[3])
    options.cropWidth = bytes[4] & 1 == 0 ? 0 : number(bytes[4])
    options.cropHeight = bytes[5] & 1 == 0 ? 0 : number(bytes[5])
    options.rotate = Int(bytes[6] & 3) * 90
    options.flipHorizontal = bytes[6] & 4 != 0
    options.flipVertical = bytes[6] & 8 != 0
    options.fit = bytes[6] & 16 != 0
    options.trim = bytes[6] & 32 != 0
    options.smartCrop = bytes[6] & 64 != 0
    if bytes[6] & 128 != 0 { options.background = RGBColour(red: 32, green: 192, blue: 64) }
    options.quality = Int(bytes[7])
    options.format = ImageFormat(rawValue: bytes[8])
    if bytes[9] & 16 != 0 { options.accepted = [.webp] }
    return options
}

private func policy(_ byte: UInt8) -> ResultPolicy {
    var policy = ResultPolicy()
    policy.keepsSmaller = byte & 2 == 0
    policy.optimizesJPEG = byte & 4 != 0
    policy.makesProgressiveJPEG = byte & 8 != 0
    return policy
}

/// No mutation survives PNG's checksums; what lies behind them is to be tried.
private func repairChecksums(_ file: inout [UInt8]) {
    guard file.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return }
    var at = 8
    while at + 12 <= file.count {
        let length = file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
        guard length <= file.count - at - 12 else { return }
        var sum = ~UInt32(0)
        for byte in file[at + 4..<at + 8 + length] {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
        }
        for index in 0..<4 { file[at + 8 + length + index] = UInt8(truncatingIfNeeded: ~sum >> UInt32(24 - 8 * index)) }
        at += 12 + length
    }
}
