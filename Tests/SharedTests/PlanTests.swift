// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ImageJob

/// One row of the geometry table that the original service produced.
struct GeometryVector: Decodable, Sendable, CustomTestStringConvertible {
    enum CodingKeys: String, CodingKey {
        case options, resize, source = "src", output = "out", crop = "crop_rect", width = "resize_w"
        case height = "resize_h", scaleUp = "server_scaleUp"
    }

    let source: [Int]
    let options: String
    let scaleUp: Bool
    let crop: [Int]
    let resize: Bool
    let width: Int
    let height: Int
    let output: [Int]

    var testDescription: String { "\(self.source) \(self.options) \(self.scaleUp)" }
}

struct PlanTests {
    @Test(arguments: try vectors("geometry.json", of: GeometryVector.self))
    func `the geometry is the original service's, but never empty`(vector: GeometryVector) {
        let size = ImageSize(width: vector.source[0], height: vector.source[1])
        let options = TransformOptions(parsing: vector.options)
        let plan = TransformPlan.make(for: size, options: options, scaleUp: vector.scaleUp)
        let target = TransformPlan.resizeTarget(for: size, options: options, scaleUp: vector.scaleUp)
        #expect(target == (vector.resize ? ImageSize(width: vector.width, height: vector.height) : nil))
        if !options.smartCrop {
            let bounds = TransformPlan.cropBounds(of: size, options: options)
            #expect(bounds.map { [$0.x0, $0.y0, $0.x1, $0.y1] } ?? [0, 0] + vector.source == vector.crop)
        }

        if vector.output == [0, 0] {
            // There, a crop beside the picture and a fit into one side give an empty one: here, they are left out.
            var without = options
            let isOneSidedFit = options.fit && (options.width == 0) != (options.height == 0)
            if isOneSidedFit { without.fit = false }
            if plan.crop == PixelRect(size) { without.clearCrop() }
            #expect(without != options, "an empty output must have one of the two reasons")
            #expect(plan == TransformPlan.make(for: size, options: without, scaleUp: vector.scaleUp))
        } else {
            #expect([plan.output.width, plan.output.height] == vector.output)
        }
    }

    @Test(arguments: [
        ("0.5x", false, ImageSize(width: 32, height: 0)), ("x0.5", false, ImageSize(width: 0, height: 64)),
        ("0.5", false, ImageSize(width: 32, height: 64)), ("100x200", false, nil),
        ("100x200", true, ImageSize(width: 100, height: 200)),
        ("64x", false, nil), ("x128", false, nil), ("64x128", false, nil), ("", false, nil), ("-3x0.001", false, nil),
    ])
    func `a resize target is limited by the picture unless scaling up`(text: String, scaleUp: Bool, target: ImageSize?)
    {
        let size = ImageSize(width: 64, height: 128)
        #expect(
            TransformPlan.resizeTarget(for: size, options: TransformOptions(parsing: text), scaleUp: scaleUp) == target)
    }

    @Test(arguments: [
        ("cw10", [0, 0, 10, 128]), ("ch10", [0, 0, 64, 10]), ("cw-1,ch-1", [0, 0, 64, 128]),
        ("cw50,ch100", [0, 0, 50, 100]),
        ("cw100,ch100", [0, 0, 64, 100]), ("cx50,cy100", [50, 100, 64, 128]),
        ("cx50,cy100,cw100,ch150", [50, 100, 64, 128]),
        ("cx-50,cy-50", [14, 78, 64, 128]), ("cy0.5,cw0.5", [0, 64, 32, 128]), ("cx64", [0, 0, 64, 128]),
        ("cx-80", [0, 0, 48, 128]),
    ])
    func `a crop is cut at the picture's border, and left out when beside it`(text: String, corners: [Int]) {
        let plan = TransformPlan.make(
            for: ImageSize(width: 64, height: 128), options: TransformOptions(parsing: text), scaleUp: false)
        #expect(
            plan.crop
                == PixelRect(
                    x: corners[0], y: corners[1], width: corners[2] - corners[0], height: corners[3] - corners[1]))
        #expect(plan.source == plan.crop)
        #expect(!plan.resamples)
    }

    @Test(arguments: [("500x,fit", "500x"), ("x500,fit", "x500"), ("fit", "")])
    func `fit with one side is as without fit`(text: String, same: String) {
        let size = ImageSize(width: 1600, height: 1067)
        #expect(
            TransformPlan.make(for: size, options: TransformOptions(parsing: text), scaleUp: false)
                == TransformPlan.make(for: size, options: TransformOptions(parsing: same), scaleUp: false))
    }

    @Test(arguments: [
        (0, 0), (45, 0), (360, 0), (90, 1), (180, 2), (270, 3), (-90, 3), (450, 1), (630, 3), (91, 0), (Int.min, 0),
        (-360, 0), (Int.max, 0),
    ])
    func `only whole quarter turns turn, counter-clockwise`(degrees: Int, turns: Int) {
        var options = TransformOptions()
        options.rotate = degrees
        options.width = 200
        options.height = 100
        let plan = TransformPlan.make(for: ImageSize(width: 1600, height: 1067), options: options, scaleUp: false)
        #expect(plan.quarterTurns == turns)
        #expect(
            plan.output == (turns % 2 == 0 ? ImageSize(width: 200, height: 100) : ImageSize(width: 100, height: 200)))
    }

    @Test func `a large source is cut to the target's aspect before resampling`() {
        let plan = TransformPlan.make(
            for: ImageSize(width: 1600, height: 1067), options: TransformOptions(parsing: "200x200"), scaleUp: false)
        #expect(plan.source == PixelRect(x: 266, y: 0, width: 1067, height: 1067))
        #expect(plan.resampled == ImageSize(width: 200, height: 200))
        #expect(plan.window == PixelRect(plan.resampled))
    }

    @Test func `a small source is resampled to cover the target and then cut`() {
        let plan = TransformPlan.make(
            for: ImageSize(width: 333, height: 99), options: TransformOptions(parsing: "20x20"), scaleUp: false)
        #expect(plan.source == PixelRect(x: 0, y: 0, width: 333, height: 99))
        #expect(plan.resampled == ImageSize(width: 67, height: 20))
        #expect(plan.window == PixelRect(x: 23, y: 0, width: 20, height: 20))
    }

    @Test func `the target's size is taken from the picture before cropping`() {
        let plan = TransformPlan.make(
            for: ImageSize(width: 1600, height: 1067), options: TransformOptions(parsing: "cw50,ch50,500x"),
            scaleUp: false)
        #expect(plan.source.size == ImageSize(width: 50, height: 50))
        #expect(plan.output == ImageSize(width: 500, height: 500))
    }

    @Test func `every number gives a plan whose rectangles lie inside each other`() {
        let numbers: [Double] = [
            0, -0.0, 1, -1, 0.5, -0.5, 0.0001, 1.5, 99, 100, 101, 2000, 65_536, 0x1p31, 0x1p62, 0x1p63, 1e300, -1e300,
            .infinity,
            -.infinity, .nan, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ]
        let sides = [0, 1, 2, 3, 99, 100, 101, 1067, 65_535, Int(Int32.max), 1 << 31, Int.max, Int.min, -1]
        var random = SystemRandomNumberGenerator()
        func number() -> Double {
            Bool.random(using: &random)
                ? numbers.randomElement(using: &random)! : Double.random(in: -10...3000, using: &random)
        }
        for _ in 0..<50_000 {
            var options = TransformOptions()
            options.width = number()
            options.height = number()
            if Bool.random(using: &random) {
                options.cropX = number()
                options.cropY = number()
                options.cropWidth = number()
                options.cropHeight = number()
            }
            options.fit = Bool.random(using: &random)
            options.rotate = [0, 90, Int.min, Int.max].randomElement(using: &random)!
            let size = ImageSize(
                width: sides.randomElement(using: &random)!, height: sides.randomElement(using: &random)!)
            let plan = TransformPlan.make(for: size, options: options, scaleUp: Bool.random(using: &random))
            let image = ImageSize(width: min(max(1, size.width), 1 << 31), height: min(max(1, size.height), 1 << 31))
            let isNested =
                plan.crop.lies(in: PixelRect(image)) && plan.source.lies(in: plan.crop)
                && plan.window.lies(in: PixelRect(plan.resampled))
            #expect(isNested, "\(options) of \(size): \(plan)")
            #expect(plan.resampled.width <= 1 << 31 && plan.resampled.height <= 1 << 31)
            #expect(plan.output.area >= 1 && plan.resampled.area >= 1)
        }
    }
}

extension TransformOptions {
    fileprivate mutating func clearCrop() {
        self.cropX = 0
        self.cropY = 0
        self.cropWidth = 0
        self.cropHeight = 0
    }
}

extension PixelRect {
    /// Whether it is not empty and nothing of it is outside `other`.
    fileprivate func lies(in other: PixelRect) -> Bool {
        self.width >= 1 && self.height >= 1 && self.x >= other.x && self.y >= other.y
            && self.x + self.width <= other.x + other.width && self.y + self.height <= other.y + other.height
    }
}
