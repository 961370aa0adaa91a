// SPDX-License-Identifier: Apache-2.0
//
// What a worker's pipeline costs beyond its codecs: the whole job, against decoding and encoding with nothing between. All
// in one run, in turns, so that a busy machine disturbs both alike; medians of this thread's CPU time. Where the job's time
// goes is its own word, in time by the clock.

internal import Codecs
internal import Foundation
internal import ImageJob
internal import JobRunner

let help = """
    bench-pipeline: CPU time of transforming pictures, against what the codecs alone cost.

    Usage: bench-pipeline [options] FILE…

      --width N,…     of the result (default 500); several make a row for each
      --quality Q     of the result (default 80)
      --options TEXT  instead of the two: any options, as in a request
      --rounds N      (default 41)
      --json FILE     writes the figures there, too
      --output DIR    writes the results there, to be looked at

    The floor is decoding the same file, at the scale at which the job decodes it, and encoding the result's pixels, nothing
    between; of an animation, decoding all frames. Stock is the same floor with libjpeg-turbo alone, of an animated GIF
    with giflib alone, and stock/stock the job with it alone, too.

    """

func fail(_ text: String) -> Never {
    FileHandle.standardError.write(Data("bench-pipeline: \(text)\n".utf8))
    exit(2)
}

func measure(_ path: String, _ options: TransformOptions, rounds: Int, output: String?) -> Row {
    guard let data = FileManager.default.contents(atPath: path), !data.isEmpty else { fail("cannot read \(path)") }
    let file = URL(filePath: path)
    return data.withUnsafeBytes { bytes in
        let request = JobRequest(options: options, scaleUp: false, limits: .standard, deadline: 0)
        var row = Row(file: file.lastPathComponent, sourceBytes: bytes.count)
        var floor: Floor?
        do throws(JobFailure) {
            let result = try JobRunner.run(request, source: bytes)
            row.result = "\(result.image.size.width)x\(result.image.size.height)"
            row.resultBytes = result.image.bytes.count
            floor = try Floor(bytes, options, result: result)
            if let output {
                let stem = file.deletingPathExtension().lastPathComponent
                let name = "\(stem)-\(row.result).\(result.image.format.optionWord)"
                let path = URL(filePath: output).appending(path: name)
                guard (try? Data(result.image.bytes).write(to: path)) != nil else { fail("cannot write \(path.path)") }
            }
        } catch {
            fail("\(path): \(error)")
        }
        guard let floor else { fail("\(path): nothing to compare with") }
        func job() -> JobResult.Timings {
            guard let result = try? JobRunner.run(request, source: bytes) else { fail("\(path): failed") }
            return result.timings
        }
        var samples = Samples()
        for _ in 0..<rounds {
            samples.add(floor: Samples.cpuTime(of: floor.run))
            if floor.hasStock {
                Floor.withStock {
                    samples.add(stock: Samples.cpuTime(of: floor.run))
                    samples.add(stockPipeline: Samples.cpuTime { _ = job() })
                }
            }
            samples.add(pipeline: Samples.cpuTime { samples.add(stages: job()) })
        }
        row.take(samples)
        return row
    }
}

var widths = [500]
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
    case "--width":
        widths = value().split(separator: ",").map { Int($0) ?? { fail("--width needs numbers; see --help") }() }
        guard !widths.isEmpty else { fail("--width needs numbers; see --help") }
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

JobRunner.warmUp()
print(Row.heading)
var rows: [Row] = []
for file in files {
    for options in text.map({ [$0] }) ?? widths.map({ "\($0)x,q\(quality)" }) {
        let row = measure(file, TransformOptions(parsing: options), rounds: rounds, output: output)
        print(row.line(after: rows.last))
        rows.append(row)
    }
}
if let json {
    guard let data = try? JSONEncoder().encode(rows), (try? data.write(to: URL(filePath: json))) != nil else {
        fail("cannot write \(json)")
    }
}
