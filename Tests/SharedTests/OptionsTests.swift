// SPDX-License-Identifier: Apache-2.0
import ImageJob
import Testing

struct OptionsTests {
    /// Where we differ from the original service on purpose: input, our canonical form, why.
    static let deviations: [String: (canonical: String, reason: String)] = [
        "1e999x": ("0x0", "an infinite size is garbage there; here the number is not given"),
        "bmp": ("0x0,bmp", "bmp is a format here"),
    ]

    @Test(arguments: try vectors("options.json", of: OptionsVector.self).filter { deviations[$0.input] == nil })
    func `options read as the original service reads them`(vector: OptionsVector) {
        let options = TransformOptions(parsing: vector.input)
        var expected = TransformOptions()
        expected.width = vector.width.value
        expected.height = vector.height.value
        expected.fit = vector.fit
        expected.rotate = vector.rotate
        expected.flipVertical = vector.flipV
        expected.flipHorizontal = vector.flipH
        expected.quality = vector.quality
        expected.signature = vector.signature
        expected.scaleUp = vector.scaleUp
        expected.format = ImageFormat.allCases.first { $0.optionWord == vector.format }
        expected.cropX = vector.cropX.value
        expected.cropY = vector.cropY.value
        expected.cropWidth = vector.cropW.value
        expected.cropHeight = vector.cropH.value
        expected.smartCrop = vector.smartCrop
        expected.trim = vector.trim
        // The table has no column for it, but the canonical form shows it.
        expected.validUntil = options.validUntil
        #expect(options == expected)
        #expect(options.canonical == vector.canonical)
        #expect(options.isTransformation == vector.transform)
    }

    @Test(arguments: deviations.keys.sorted())
    func `where the original service is wrong the options differ, and only there`(input: String) throws {
        let ours = try #require(Self.deviations[input])
        #expect(TransformOptions(parsing: input).canonical == ours.canonical, "\(ours.reason)")
        let theirs = try vectors("options.json", of: OptionsVector.self).first { $0.input == input }
        #expect(try #require(theirs).canonical != ours.canonical)
    }

    @Test(arguments: [
        // Items in the order of the rules.
        ("", "0x0"), (",,,,", "0x0"), ("fit,,fit", "0x0,fit"), ("1x2,3", "3x3"), ("1x,x2", "1x2"),
        ("FOO,1,BAR,r90", "1x1,r90"),
        ("smart", "0x0,smart"), ("scx", "0x0,scx"), ("sc", "0x0,sc"), ("red,r", "0x0"), ("r90,rx", "0x0"),
        ("qx", "0x0"),
        ("100x200,max", "0x200"), ("100%2Cfit", "0x0"), (" 100", "0x0"), ("webp", "0x0,webp"), ("avif,gif", "0x0,gif"),
        ("jpg", "0x0"), ("WEBP", "0x0"), ("tiff,jpeg", "0x0,jpeg"),
        // A colour has three or six digits; anything else with these letters is what it was to the original.
        ("bg0a0B0c", "0x0,bg0a0b0c"), ("bgfAb", "0x0,bgffaabb"), ("bgf00,bg00ff00", "0x0,bg00ff00"),
        ("bgf00,bg", "0x0,bgff0000"), ("bg", "0x0"), ("bgff", "0x0"), ("bgffff", "0x0"), ("bgfffffff", "0x0"),
        ("bg12345g", "0x0"), ("bg#fff", "0x0"), ("bg-12345", "0x0"), ("bgred", "0x0"), ("BGfff", "0x0"),
        ("5x6,bgxff", "0x0"), ("fit,sc,bgfff,trim,1x2", "1x2,bgffffff,fit,sc,trim"),
        // Whole numbers.
        ("r+90", "0x0,r90"), ("r-90", "0x0,r-90"), ("r1_0", "0x0"), ("r1.0", "0x0"), ("r0x10", "0x0"), ("r-", "0x0"),
        ("r007", "0x0,r7"),
        ("r9223372036854775808", "0x0,r9223372036854775807"), ("q-99999999999999999999", "0x0,q-9223372036854775808"),
        ("q-9223372036854775808", "0x0,q-9223372036854775808"), ("r90,r", "0x0"), ("q\u{661}", "0x0"),
        ("vu5,vu-1,vu0,vux,vu", "0x0,vu5"), ("vu99999999999999999999", "0x0,vu9223372036854775807"),
        ("vu+7", "0x0,vu7"),
        // Floats: Go's grammar.
        ("1_000", "1000x1000"), ("_1", "0x0"), ("1_", "0x0"), ("1__0", "0x0"), ("1_.5", "0x0"),
        ("1e1_0", "1e+10x1e+10"), ("1e_1", "0x0"),
        (".5", "0.5x0.5"), ("5.", "5x5"), (".", "0x0"), ("+5", "5x5"), ("-5", "-5x-5"), ("1e2", "100x100"),
        ("1E+2", "100x100"),
        ("1e", "0x0"), ("1e+", "0x0"), ("e5", "0x0"), ("1.2.3", "0x0"), ("5.e0", "5x5"), ("--5", "0x0"), ("1 ", "0x0"),
        ("0b1", "0x0"),
        ("cx0x10p2", "0x0,cx64"), ("cx0X.8P1", "0x0,cx1"), ("cx0x10", "0x0"), ("cx0x_1p4", "0x0,cx16"),
        ("cx0xp1", "0x0"), ("cx0x1p-1", "0x0,cx0.5"),
        ("7x0x1p4", "7x16"), ("1x2x3", "1x0"), ("5x6,ax", "0x6"), ("nan(1)", "0x0"), ("cy1f", "0x0"),
    ])
    func `options have one canonical form`(input: String, canonical: String) {
        #expect(TransformOptions(parsing: input).canonical == canonical)
    }

    @Test(arguments: [
        "inf", "-Inf", "+INFINITY", "NaN", "1e999", "-1e999x-1e999", "infxnan", "1e19", "9223372036854775808x", "xinf",
    ])
    func `a size that cannot be meant counts as not given`(item: String) {
        #expect(TransformOptions(parsing: item).canonical == "0x0")
        #expect(TransformOptions(parsing: "30x40,\(item)").canonical == "30x40")
        #expect(TransformOptions(parsing: "cw7,cw\(item.prefix { $0 != "x" })").cropWidth == (item == "xinf" ? 0 : 7))
    }

    @Test(arguments: [
        (999_999, "999999"), (1_000_000, "1e+06"), (1_234_567, "1.234567e+06"), (0.0001, "0.0001"), (0.00001, "1e-05"),
        (100.125, "100.125"), (0.1, "0.1"), (-0.5, "-0.5"), (-0.0, "-0"), (1e16, "1e+16"), (9e18, "9e+18"),
        (123_456.789, "123456.789"),
        (1e-100, "1e-100"), (.leastNonzeroMagnitude, "5e-324"), (0.00012345, "0.00012345"),
        (0.3 - 0.1, "0.19999999999999998"),
        (120, "120"),
        (1_000_000.5, "1.0000005e+06"),
    ])
    func `numbers print as Go prints them`(number: Double, text: String) {
        var options = TransformOptions()
        options.width = number
        #expect(options.canonical == "\(text)x0")
    }

    @Test func `any number read prints as a number that reads back the same`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard abs(number) < 0x1p63 else { continue }
            var options = TransformOptions()
            options.height = number
            #expect(TransformOptions(parsing: options.canonical) == options)
        }
    }

    @Test func `any items give a canonical form that reads back to itself`() {
        let alphabet = Array("fitvhscaleUpjpegnrqxycwbgf0123456789.+-e_uN,,,,,,")
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...24, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
            let options = TransformOptions(parsing: text)
            #expect(TransformOptions(parsing: options.canonical) == options, "\(text)")
        }
    }

    @Test func `the cache's form leaves out who may ask and until when`() {
        let options = TransformOptions(parsing: "100,sABC,vu2000000000,scaleUp")
        #expect(options.canonical == "100x100,sABC,scaleUp,vu2000000000")
        #expect(options.canonicalForCache == "100x100,scaleUp")
        #expect(TransformOptions(parsing: "100,bgfff,sA").canonicalForCache == "100x100,bgffffff")
    }

    @Test(arguments: [
        ("fit,sc,sABC,scaleUp,vu9", false), ("1x", true), ("x-1", true), ("r90", true), ("r0", false), ("fv", true),
        ("fh", true), ("q80", true),
        ("png", true), ("cx1", true), ("cy1", true), ("cw1", true), ("ch1", true), ("trim", true), ("-0x-0", false),
        ("bgfff", true),
    ])
    func `only what changes the picture is a transformation`(input: String, expected: Bool) {
        #expect(TransformOptions(parsing: input).isTransformation == expected)
    }
}
