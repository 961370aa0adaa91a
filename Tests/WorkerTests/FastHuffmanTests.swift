// SPDX-License-Identifier: Apache-2.0
import CCodecShims
import CJPEG
import Foundation
import Glibc
import Testing

/// What the shortcuts past libjpeg's decoder give, against what libjpeg gives.
struct FastHuffmanTests {
    @Test func `the libjpeg that the shortcuts were written for is told from others`() {
        #expect((jpeg_shortcuts_warm_up() == 1) == Self.isKnownVersion)
    }

    @Test(arguments: JPEGRecipe.baseline, [8, 4, 2, 1])
    fileprivate func `a baseline file comes out as from libjpeg`(recipe: JPEGRecipe, scale: Int32) {
        let file = recipe.encoded()
        let (stock, ours) = Self.transcodeBoth(file, recipe, scale: scale)
        #expect(stock.status == CODEC_OK)
        #expect(ours.answer == stock.answer)
        #expect(stock.taken == 0 && ours.taken == (Self.isKnownVersion ? 1 : 0))
    }

    @Test(arguments: JPEGRecipe.striped, [8, 4, 2, 1])
    fileprivate func `numbers that do not fit into 16 bits come out as from libjpeg`(recipe: JPEGRecipe, scale: Int32) {
        var file = recipe.encoded()
        // Two tables of 64 quantisers each, behind their number.
        for table in [20, 20 + 69] {
            for k in 5..<69 { file[table + k] = UInt8(truncatingIfNeeded: 255 - (k - 5) % 7 * 31) }
        }
        let (stock, ours) = Self.transcodeBoth(file, recipe, scale: scale)
        #expect(stock.status == CODEC_OK)
        #expect(ours.answer == stock.answer)
        #expect(ours.taken == (Self.isKnownVersion ? 1 : 0))
    }

    @Test(arguments: JPEGRecipe.progressive, [8, 4, 2, 1])
    fileprivate func `a progressive file comes out as from libjpeg`(recipe: JPEGRecipe, scale: Int32) {
        let (stock, ours) = Self.transcodeBoth(recipe.encoded(), recipe, scale: scale)
        #expect(stock.status == CODEC_OK)
        #expect(ours.answer == stock.answer)
        #expect(stock.taken == 0 && ours.taken == (Self.isKnownVersion ? 1 : 0))
    }

    @Test(
        arguments: [
            (JPEGRecipe(), 8), (JPEGRecipe(), 1), (JPEGRecipe(restartInterval: 7), 8),
            (JPEGRecipe(restartInterval: 7), 1),
            // Not at an eighth, where damage in most of the file is of no importance.
            (JPEGRecipe(isProgressive: true), 8), (JPEGRecipe(restartInterval: 7, isProgressive: true), 8),
        ] as [(JPEGRecipe, Int32)])
    fileprivate func `a damaged file gets libjpeg's answer`(recipe: JPEGRecipe, scale: Int32) {
        let file = recipe.encoded()
        var answers = (right: 0, wrong: 0)
        for at in stride(from: 700, to: file.count, by: file.count / 60) {
            for byte: UInt8 in [0xFF, 0xD3, file[at] ^ 0x10] {
                var damaged = file
                damaged[at] = byte
                let (stock, ours) = Self.transcodeBoth(damaged, recipe, scale: scale)
                #expect(ours.answer == stock.answer, "byte \(at) is \(byte)")
                if stock.status == CODEC_OK { answers.right += 1 } else { answers.wrong += 1 }
            }
        }
        // Or else there would be nothing to see here.
        #expect(answers.right > 0 && answers.wrong > 0)
    }

    @Test(arguments: [JPEGRecipe(), JPEGRecipe(isProgressive: true)], [1, 8])
    fileprivate func `a file that is cut off is refused`(recipe: JPEGRecipe, scale: Int32) {
        let file = recipe.encoded()
        for count in stride(from: 700, to: file.count - 40, by: file.count / 40) {
            let (stock, ours) = Self.transcodeBoth(Array(file[..<count]), recipe, scale: scale)
            #expect(stock.status == CODEC_CORRUPT && ours.status == CODEC_CORRUPT, "after \(count) bytes")
        }
    }

    @Test func `a progressive file's DC scans need little memory`() {
        let recipe = JPEGRecipe(isProgressive: true)
        let (stock, ours) = Self.transcodeBoth(recipe.encoded(), recipe, scale: 1, maxMemory: 100_000)
        #expect(stock.status == CODEC_TOO_MANY_PIXELS)
        #expect(ours.status == (Self.isKnownVersion ? CODEC_OK : CODEC_TOO_MANY_PIXELS))
        let (_, tight) = Self.transcodeBoth(recipe.encoded(), recipe, scale: 1, maxMemory: 1000)
        #expect(tight.status == CODEC_NO_MEMORY)
    }

    @Test func `a file with too many scans is refused, of whichever kind they are`() throws {
        let recipe = JPEGRecipe(isProgressive: true)
        let file = recipe.encoded()
        let scans = file.scans
        // libjpeg warns of the first scan when it comes again, and goes on.
        let cases = [(scans[0], 50, CODEC_OK), (scans[0], 100, CODEC_CORRUPT), (scans[9], 100, CODEC_CORRUPT)]
        for (scan, count, status) in cases {
            let more = repeatElement(file[scan], count: count).joined()
            let long = Array(file[..<scan.lowerBound]) + Array(more) + Array(file[scan.lowerBound...])
            let (stock, ours) = Self.transcodeBoth(long, recipe, scale: 1)
            #expect(stock.status == status && ours.status == status, "\(count) more of \(scan)")
        }
    }

    @Test(arguments: try Self.corpus(), [8, 1])
    func `a file from the fuzzer's corpus gets libjpeg's answer`(name: String, scale: Int32) throws {
        // Longer, as files that are too short are left to libjpeg anyway.
        let file = try Self.read(name) + [UInt8](repeating: 0, count: 10_000)
        var header = jpeg_header()
        #expect(jpeg_read_header_of(file, file.count, &header) == CODEC_OK)
        let recipe = JPEGRecipe(width: header.width, height: header.height, isGray: header.components == 1)
        let (stock, ours) = Self.transcodeBoth(file, recipe, scale: scale)
        #expect(ours.answer == stock.answer)
    }

    // MARK: - What it takes

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzz/Corpus/jpeg")

    private static func corpus() throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter {
            $0.hasSuffix(".jpg")
        }
        return try #require(names.isEmpty ? nil : names)
    }

    private static func read(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: Self.folder.appending(path: name)))
    }

    private static let isKnownVersion = JPEG_LIB_VERSION == 62 && LIBJPEG_TURBO_VERSION_NUMBER == 2_001_005

    private struct Outcome {
        let status: codec_status
        let bytes: [UInt8]
        let planes: [UInt8]
        let taken: UInt

        var answer: String { "\(self.status) \(self.bytes.hashed) \(self.planes.hashed)" }
    }

    private static func transcodeBoth(
        _ file: [UInt8], _ recipe: JPEGRecipe, scale: Int32, maxMemory: UInt64 = 0
    ) -> (stock: Outcome, ours: Outcome) {
        defer { jpeg_shortcuts_enable(1) }
        jpeg_shortcuts_enable(0)
        let stock = Self.transcode(file, recipe, scale: scale, maxMemory: maxMemory)
        jpeg_shortcuts_enable(1)
        return (stock, Self.transcode(file, recipe, scale: scale, maxMemory: maxMemory))
    }

    private static func transcode(
        _ file: [UInt8], _ recipe: JPEGRecipe, scale: Int32, maxMemory: UInt64
    ) -> Outcome {
        var job = planar_job()
        (job.source_width, job.source_height) = (recipe.width, recipe.height)
        // Not smaller than what is decoded, so that each of its samples counts.
        job.resampled_width = max(1, recipe.width * scale / 8)
        job.resampled_height = max(1, recipe.height * scale / 8)
        (job.window_width, job.window_height) = (job.resampled_width, job.resampled_height)
        job.quality = 95
        job.max_bytes = 1 << 24
        job.max_memory = maxMemory
        job.scale = scale
        job.keeps_planes = 1
        var result = planar_result()
        let before = jpeg_shortcuts_taken()
        let status = jpeg_planar_transcode(file, file.count, &job, &result)
        defer {
            free(result.image.bytes)
            free(result.planes)
        }
        // Planes of whole MCUs, chroma with a quarter of luma's samples.
        let unit = recipe.isGray ? 8 : 16
        let padded = [job.resampled_width, job.resampled_height].map { (Int($0) + unit - 1) / unit * unit }
        let samples = padded[0] * padded[1] * (recipe.isGray ? 2 : 3) / 2
        return Outcome(
            status: status, bytes: Array(UnsafeBufferPointer(start: result.image.bytes, count: result.image.count)),
            planes: Array(UnsafeBufferPointer(start: result.planes, count: result.planes == nil ? 0 : samples)),
            taken: jpeg_shortcuts_taken() - before)
    }
}

extension [UInt8] {
    /// Each from its header to the marker after its data.
    fileprivate var scans: [Range<Int>] {
        let markers = self.indices.dropLast().filter { self[$0] == 0xFF && ![0, 0xFF].contains(self[$0 + 1]) }
        return zip(markers, markers.dropFirst()).filter { self[$0.0 + 1] == 0xDA }.map { $0.0..<$0.1 }
    }

    fileprivate var hashed: UInt64 {
        self.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

/// A JPEG file of noise that grows from left to right, so that it has codes of all lengths.
private struct JPEGRecipe: CustomTestStringConvertible {
    var width: Int32 = 203
    var height: Int32 = 155
    var sampling: (Int32, Int32) = (2, 2)
    var quality: Int32 = 80
    var restartInterval: UInt32 = 0
    var isGray = false
    var isOptimized = false
    var isProgressive = false
    /// Two of five columns of blocks are the same in each row: they have coefficients in their first row only.
    var isStriped = false
    /// Scans of its own: DC coefficients bit by bit, each component by itself.
    var isSlow = false

    static let baseline = [
        JPEGRecipe(), JPEGRecipe(sampling: (2, 1)), JPEGRecipe(sampling: (1, 2)), JPEGRecipe(sampling: (1, 1)),
        JPEGRecipe(sampling: (4, 1)), JPEGRecipe(isGray: true), JPEGRecipe(sampling: (2, 2), isGray: true),
        JPEGRecipe(restartInterval: 1), JPEGRecipe(sampling: (1, 1), restartInterval: 5),
        JPEGRecipe(restartInterval: 13, isOptimized: true), JPEGRecipe(quality: 100), JPEGRecipe(quality: 98),
        JPEGRecipe(width: 400, height: 400, quality: 35), JPEGRecipe(quality: 99, isOptimized: true),
        JPEGRecipe(width: 1024, height: 512, quality: 90), JPEGRecipe(width: 208, height: 160),
    ]

    static let striped = [(2, 2), (2, 1), (1, 2), (1, 1), (4, 1)].map { JPEGRecipe(sampling: $0, isStriped: true) }

    static let progressive = [
        JPEGRecipe(isProgressive: true), JPEGRecipe(sampling: (2, 1), isProgressive: true),
        JPEGRecipe(sampling: (1, 2), isProgressive: true), JPEGRecipe(sampling: (1, 1), isProgressive: true),
        JPEGRecipe(isGray: true, isProgressive: true), JPEGRecipe(restartInterval: 3, isProgressive: true),
        JPEGRecipe(width: 8, height: 8, isProgressive: true), JPEGRecipe(width: 17, height: 33, isProgressive: true),
        JPEGRecipe(width: 1024, height: 512, quality: 98, isProgressive: true), JPEGRecipe(isSlow: true),
        JPEGRecipe(sampling: (2, 1), restartInterval: 7, isSlow: true), JPEGRecipe(isGray: true, isSlow: true),
    ]

    var testDescription: String {
        "\(self.width)x\(self.height) \(self.sampling) q\(self.quality) r\(self.restartInterval)"
            + "\(self.isGray ? " gray" : "")\(self.isOptimized ? " optimised" : "")"
            + "\(self.isProgressive ? " progressive" : "")\(self.isSlow ? " slow" : "")\(self.isStriped ? " striped" : "")"
    }

    private static func slowScans(components: Int32) -> [jpeg_scan_info] {
        func scan(_ component: Int32, _ band: ClosedRange<Int32>, _ high: Int32, _ low: Int32) -> jpeg_scan_info {
            jpeg_scan_info(
                comps_in_scan: 1, component_index: (component, 0, 0, 0), Ss: band.lowerBound, Se: band.upperBound,
                Ah: high, Al: low)
        }
        let bits = [(0, 3), (3, 2), (2, 1), (1, 0)] as [(Int32, Int32)]
        let dc = bits.flatMap { bit in (0..<components).map { scan($0, 0...0, bit.0, bit.1) } }
        return dc + (0..<components).map { scan($0, 1...63, 0, 0) }
    }

    func encoded() -> [UInt8] {
        var manager = jpeg_error_mgr()
        var info = jpeg_compress_struct()
        var bytes: UnsafeMutablePointer<UInt8>?
        var count: UInt = 0
        withUnsafeMutablePointer(to: &manager) { manager in
            info.err = jpeg_std_error(manager)
            jpeg_CreateCompress(&info, JPEG_LIB_VERSION, MemoryLayout<jpeg_compress_struct>.size)
            jpeg_mem_dest(&info, &bytes, &count)
            (info.image_width, info.image_height) = (JDIMENSION(self.width), JDIMENSION(self.height))
            info.input_components = self.isGray ? 1 : 3
            info.in_color_space = self.isGray ? JCS_GRAYSCALE : JCS_YCbCr
            jpeg_set_defaults(&info)
            jpeg_set_quality(&info, self.quality, 1)
            info.comp_info[0].h_samp_factor = self.sampling.0
            info.comp_info[0].v_samp_factor = self.sampling.1
            info.restart_interval = self.restartInterval
            info.optimize_coding = self.isOptimized ? 1 : 0
            if self.isProgressive { jpeg_simple_progression(&info) }
            let scans = self.isSlow ? Self.slowScans(components: info.input_components) : []
            let copy = UnsafeMutablePointer<jpeg_scan_info>.allocate(capacity: scans.count)
            defer { copy.deallocate() }
            copy.initialize(from: scans, count: scans.count)
            if self.isSlow { (info.scan_info, info.num_scans) = (UnsafePointer(copy), Int32(scans.count)) }
            jpeg_start_compress(&info, 1)
            var noise: UInt32 = 1
            let samples = Int(self.width) * Int(info.input_components)
            for _ in 0..<self.height {
                var row = (0..<samples).map { x in
                    noise = noise &* 1_664_525 &+ 1_013_904_223
                    let isStripe = self.isStriped && x / Int(info.input_components) / 8 % 5 < 2
                    let value = isStripe ? UInt32(x) &* 2_654_435_761 : noise
                    return UInt8(128 + (Int(value >> 24) - 128) * x / samples)
                }
                row.withUnsafeMutableBufferPointer { row in
                    var start = row.baseAddress
                    jpeg_write_scanlines(&info, &start, 1)
                }
            }
            jpeg_finish_compress(&info)
            jpeg_destroy_compress(&info)
        }
        defer { free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }
}
