// SPDX-License-Identifier: Apache-2.0
//
// What a worker's pipeline costs beyond its codecs. For a JPEG: the floor (decoding at the same DCT scale and encoding,
// nothing between) against the whole job; for the rest, the job alone. All in one run, in turns, so that a busy machine
// disturbs both alike; medians of this thread's CPU time.

internal import CCodecShims
internal import Codecs
internal import Foundation
internal import ImageJob
internal import JobRunner
internal import Pixels

let help = """
    bench-pipeline: CPU time of transforming pictures, against what the codecs alone cost.

    Usage: bench-pipeline [options] FILE…

      --width N       of the result (default 500)
      --quality Q     of the result (default 80)
      --options TEXT  instead of the two: any options, as in a request
      --rounds N      (default 41)
      --json FILE     writes the figures there, too
      --output DIR    writes the results there, to be looked at

    """

func fail(_ text: String) -> Never {
    FileHandle.standardError.write(Data("bench-pipeline: \(text)\n".utf8))
    exit(2)
}

struct Row: Codable {
    let file: String
    let sourceBytes: Int
    let resultBytes: Int
    let result: String
    /// Milliseconds of CPU time.
    let pipeline: Double
    let floor: Double?
    let ratio: Double?
}

func cpuTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1_000_000
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// The planar job that the runner makes of these options, for an upright picture.
func planarJob(for bytes: UnsafeRawBufferPointer, _ options: TransformOptions) -> planar_job? {
    let span = bytes.assumingMemoryBound(to: UInt8.self).span
    let metadata = PictureMetadata(of: span, format: .jpeg)
    guard ImageFormat(magic: span) == .jpeg, options.format == nil || options.format == .jpeg, !options.trim,
        metadata.orientation == 1, !metadata.hasForeignProfile,
        let size = try? EncodedPicture.sizeOfTranscodable(jpeg: bytes)
    else { return nil }
    let plan = TransformPlan.make(for: size, options: options, scaleUp: false)
    let geometry = StoredGeometry(plan, orientation: Symmetry(), part: PixelRect(size))
    var job = planar_job(geometry)
    job.quality = options.quality == 0 ? 95 : Int32(options.quality)
    job.max_bytes = 64 << 20
    job.max_memory = 512 << 20
    return job
}

/// Decoding and encoding the same planes again, with nothing between; nil when this is no planar job.
func makeFloor(_ bytes: UnsafeRawBufferPointer, _ options: TransformOptions) -> (() -> Void)? {
    guard var job = planarJob(for: bytes, options) else { return nil }
    let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
    job.keeps_planes = 1
    var first = planar_result()
    guard jpeg_planar_transcode(start, bytes.count, &job, &first) == CODEC_OK, let planes = first.planes else {
        return nil
    }
    free(first.image.bytes)
    job.keeps_planes = 0
    job.floor_planes = planes
    return {
        var result = planar_result()
        guard jpeg_planar_transcode(start, bytes.count, &job, &result) == CODEC_OK else { fail("the floor failed") }
        free(result.image.bytes)
    }
}

func measure(_ path: String, _ options: TransformOptions, rounds: Int, output: String?) -> Row {
    guard let data = FileManager.default.contents(atPath: path), !data.isEmpty else { fail("cannot read \(path)") }
    let file = URL(filePath: path)
    return data.withUnsafeBytes { bytes in
        let request = JobRequest(options: options, scaleUp: false, limits: .standard, deadline: 0)
        var size = ImageSize(width: 0, height: 0)
        var count = 0
        do throws(JobFailure) {
            let result = try JobRunner.run(request, source: bytes)
            size = result.image.size
            count = result.image.bytes.count
            if let output {
                let name = file.deletingPathExtension().lastPathComponent + "." + result.image.format.optionWord
                let path = URL(filePath: output).appending(path: name)
                guard (try? Data(result.image.bytes).write(to: path)) != nil else { fail("cannot write \(path.path)") }
            }
        } catch {
            fail("\(path): \(error)")
        }
        let floor = makeFloor(bytes, options)
        var pipelineTimes: [Double] = []
        var floorTimes: [Double] = []
        for _ in 0..<rounds {
            if let floor {
                let before = cpuTime()
                floor()
                floorTimes.append(cpuTime() - before)
            }
            let before = cpuTime()
            _ = try? JobRunner.run(request, source: bytes)
            pipelineTimes.append(cpuTime() - before)
        }
        let pipeline = median(pipelineTimes)
        let floorTime = floorTimes.isEmpty ? nil : median(floorTimes)
        return Row(
            file: file.lastPathComponent, sourceBytes: bytes.count, resultBytes: count,
            result: "\(size.width)x\(size.height)", pipeline: pipeline, floor: floorTime,
            ratio: floorTime.map { pipeline / $0 })
    }
}

func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return left ? text + space : space + text
}

func decimals(_ value: Double?, _ digits: Int) -> String { value.map { String(format: "%.\(digits)f", $0) } ?? "–" }

var width = 500
var quality = 80
var text: String?
var rounds = 41
var json: String?
var output: String?
var files: [String] = []
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    func value() -> String { arguments.popFirst() ?? { fail("\(argument) needs a value; see --help") }() }
    func number() -> Int { Int(value()) ?? { fail("\(argument) needs a number; see --help") }() }
    switch argument {
    case "--help":
        print(help, terminator: "")
        exit(0)
    case "--width": width = number()
    case "--quality": quality = number()
    case "--options": text = value()
    case "--rounds": rounds = max(1, number())
    case "--json": json = value()
    case "--output": output = value()
    default:
        guard !argument.hasPrefix("-") else { fail("unknown option \(argument); see --help") }
        files.append(argument)
    }
}
guard !files.isEmpty else { fail("which files? see --help") }
let options = TransformOptions(parsing: text ?? "\(width)x,q\(quality)")

JobRunner.warmUp()
print(
    padded("file", 28, left: true), padded("bytes", 9), padded("result", 10), padded("bytes", 9),
    padded("floor ms", 9), padded("ours ms", 9), padded("ours / floor", 13))
var rows: [Row] = []
for file in files {
    let row = measure(file, options, rounds: rounds, output: output)
    rows.append(row)
    print(
        padded(row.file, 28, left: true), padded("\(row.sourceBytes)", 9), padded(row.result, 10),
        padded("\(row.resultBytes)", 9), padded(decimals(row.floor, 2), 9), padded(decimals(row.pipeline, 2), 9),
        padded(decimals(row.ratio, 3), 13))
}
if let json {
    guard let data = try? JSONEncoder().encode(rows), (try? data.write(to: URL(filePath: json))) != nil else {
        fail("cannot write \(json)")
    }
}

extension planar_job {
    init(_ geometry: StoredGeometry) {
        self.init()
        self.source_x = Int32(geometry.source.x)
        self.source_y = Int32(geometry.source.y)
        self.source_width = Int32(geometry.source.width)
        self.source_height = Int32(geometry.source.height)
        self.resampled_width = Int32(geometry.resampled.width)
        self.resampled_height = Int32(geometry.resampled.height)
        self.window_x = Int32(geometry.window.x)
        self.window_y = Int32(geometry.window.y)
        self.window_width = Int32(geometry.window.width)
        self.window_height = Int32(geometry.window.height)
    }
}
