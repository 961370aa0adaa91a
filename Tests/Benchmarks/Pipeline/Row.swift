// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import JobRunner

/// What one picture at one size has cost, in milliseconds.
struct Row: Codable {
    var file: String
    var sourceBytes: Int
    var result = ""
    var resultBytes = 0
    /// CPU time of the whole job.
    var pipeline = 0.0
    var floor = 0.0
    var ratio = 0.0
    /// The floor with libjpeg-turbo or giflib alone; nil where there is none.
    var stock: Double?
    /// The job with that alone.
    var stockPipeline: Double?
    /// Where the job says that its time has gone.
    var header = 0.0
    var decode = 0.0
    var resize = 0.0
    var encode = 0.0

    init(file: String, sourceBytes: Int) {
        self.file = file
        self.sourceBytes = sourceBytes
    }

    mutating func take(_ samples: Samples) {
        self.pipeline = Samples.median(samples.pipeline)
        self.floor = Samples.median(samples.floor)
        self.ratio = self.pipeline / self.floor
        self.stock = samples.stock.isEmpty ? nil : Samples.median(samples.stock)
        self.stockPipeline = samples.stockPipeline.isEmpty ? nil : Samples.median(samples.stockPipeline)
        self.header = Samples.median(samples.stages.map { Double($0.header) / 1e6 })
        self.decode = Samples.median(samples.stages.map { Double($0.decode) / 1e6 })
        self.resize = Samples.median(samples.stages.map { Double($0.resize) / 1e6 })
        self.encode = Samples.median(samples.stages.map { Double($0.encode) / 1e6 })
    }

    private static let widths = [30, 11, 9, 8, 8, 8, 8, 9, 9, 8, 8, 12]

    static var heading: String {
        Self.joined([
            "source", "result", "bytes", "header", "decode", "resize", "encode", "job ms", "floor ms", "/ floor",
            "/ stock", "stock/stock",
        ])
    }

    /// - Parameter previous: the row above, whose file is not named again.
    func line(after previous: Row?) -> String {
        func text(_ value: Double?, _ digits: Int) -> String {
            value.map { String(format: "%.\(digits)f", $0) } ?? "–"
        }
        let name = previous?.file == self.file ? "" : "\(self.file) (\(self.sourceBytes / 1000) kB)"
        func overStock(_ job: Double?) -> Double? {
            guard let job, let stock = self.stock else { return nil }
            return job / stock
        }
        return Self.joined(
            [name, self.result, "\(self.resultBytes)"]
                + [self.header, self.decode, self.resize, self.encode, self.pipeline, self.floor].map { text($0, 2) }
                + [self.ratio, overStock(self.pipeline), overStock(self.stockPipeline)].map { text($0, 3) })
    }

    private static func joined(_ cells: [String]) -> String {
        zip(cells, Self.widths).enumerated().map { index, cell in
            let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return index == 0 ? cell.0 + space : space + cell.0
        }.joined()
    }
}
