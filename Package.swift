// swift-tools-version: 6.2
import PackageDescription

// The one settings array: every Swift target is held to it.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// Targets that touch no C: an unsafe construct in one of them is a warning, and so an error.
let memorySafe = strict + [.strictMemorySafety()]

// No fused multiply-add, which rounds once less: every machine makes the same pixels.
let gnu: [CSetting] = [
    .define("_GNU_SOURCE"), .unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]),
]

// Fuzz harnesses have no main of their own (libFuzzer brings it), so they exist only when asked for.
let fuzzTargets: [Target] =
    Context.environment["FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "FuzzRequestHead", dependencies: ["FrontendCore"], path: "Tests/Fuzz/FuzzRequestHead",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzResponseHead", dependencies: ["FrontendCore"], path: "Tests/Fuzz/FuzzResponseHead",
            exclude: ["Seeds"], swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzRequestURL", dependencies: ["FrontendCore", "ImageJob"], path: "Tests/Fuzz/FuzzRequestURL",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzHosts", dependencies: ["FrontendCore", "CCurl"], path: "Tests/Fuzz/FuzzHosts",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzWorkerProtocol", dependencies: ["WorkerProtocol"], path: "Tests/Fuzz/FuzzWorkerProtocol",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzCacheEntry", dependencies: ["FrontendCore"], path: "Tests/Fuzz/FuzzCacheEntry",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzImage", dependencies: ["JobRunner", "ImageJob"], path: "Tests/Fuzz/FuzzImage",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
        .executableTarget(
            name: "FuzzHeader", dependencies: ["Codecs", "ImageJob"], path: "Tests/Fuzz/FuzzHeader",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
    ]

let package = Package(
    name: "imageproxy",
    products: [
        .executable(name: "imageproxy", targets: ["imageproxy"]),
        .executable(name: "imageproxy-worker", targets: ["imageproxy-worker"]),
    ],
    targets: [
        // Shared: values and the wire; no policy, no globals.
        .target(name: "ImageJob", path: "Sources/Shared/ImageJob", swiftSettings: memorySafe),
        .target(
            name: "WorkerProtocol", dependencies: ["ImageJob"], path: "Sources/Shared/WorkerProtocol",
            swiftSettings: memorySafe),
        .target(name: "CPlatform", path: "Sources/Shared/CPlatform", cSettings: gnu),
        .target(
            name: "Platform", dependencies: ["CPlatform"], path: "Sources/Shared/Platform", swiftSettings: strict),
        .target(name: "Telemetry", path: "Sources/Shared/Telemetry", swiftSettings: memorySafe),

        // Frontend: every privilege, no codec.
        .systemLibrary(
            name: "CLibuv", path: "Sources/Frontend/CLibuv", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(
            name: "CCurl", path: "Sources/Frontend/CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CCrypto", path: "Sources/Frontend/CCrypto", pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]),
        // No pkgConfig: hiredis.pc has a -D that SwiftPM refuses with a warning on every build, and nothing that is needed.
        .systemLibrary(name: "CHiredis", path: "Sources/Frontend/CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(
            name: "EventLoop", dependencies: ["CLibuv"], path: "Sources/Frontend/EventLoop", swiftSettings: strict),
        .target(
            name: "FrontendCore",
            dependencies: [
                "EventLoop", "WorkerProtocol", "ImageJob", "Platform", "CCurl", "CCrypto", "CHiredis", "Telemetry",
            ],
            path: "Sources/Frontend/FrontendCore", swiftSettings: strict),
        .executableTarget(
            name: "imageproxy", dependencies: ["FrontendCore"], path: "Sources/Frontend/Main", swiftSettings: strict),

        // Worker: every codec, no privilege, no Foundation.
        .systemLibrary(
            name: "CJPEG", path: "Sources/Worker/CJPEG", pkgConfig: "libjpeg",
            providers: [.apt(["libjpeg62-turbo-dev"])]),
        .systemLibrary(
            name: "CPNG", path: "Sources/Worker/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(
            name: "CDeflate", path: "Sources/Worker/CDeflate", pkgConfig: "libdeflate",
            providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(
            name: "CWebP", path: "Sources/Worker/CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .systemLibrary(
            name: "CGIF", path: "Sources/Worker/CGIF", pkgConfig: "libgif", providers: [.apt(["libgif-dev"])]),
        .systemLibrary(
            name: "CTIFF", path: "Sources/Worker/CTIFF", pkgConfig: "libtiff-4", providers: [.apt(["libtiff-dev"])]),
        .systemLibrary(
            name: "CLCMS", path: "Sources/Worker/CLCMS", pkgConfig: "lcms2", providers: [.apt(["liblcms2-dev"])]),
        // Its pkg-config file defines a macro for Windows, which SwiftPM refuses.
        .systemLibrary(name: "CAVIF", path: "Sources/Worker/CAVIF", providers: [.apt(["libavif-dev"])]),
        .systemLibrary(
            name: "CSeccomp", path: "Sources/Worker/CSeccomp", pkgConfig: "libseccomp",
            providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CSandbox", dependencies: ["CSeccomp"], path: "Sources/Worker/CSandbox", cSettings: gnu),
        .target(
            name: "Sandbox", dependencies: ["CSandbox", "WorkerProtocol"], path: "Sources/Worker/Sandbox",
            swiftSettings: strict),
        .target(name: "CResample", path: "Sources/Worker/CResample", cSettings: gnu),
        .target(
            name: "CCodecShims",
            dependencies: ["CJPEG", "CPNG", "CDeflate", "CWebP", "CGIF", "CTIFF", "CAVIF", "CLCMS", "CResample"],
            path: "Sources/Worker/CCodecShims", cSettings: gnu,
            // What no pkg-config file above names.
            linkerSettings: [
                .linkedLibrary("webpdemux"), .linkedLibrary("webpmux"), .linkedLibrary("avif"), .linkedLibrary("z"),
            ]),
        .target(
            name: "Pixels", dependencies: ["ImageJob", "CResample"], path: "Sources/Worker/Pixels",
            swiftSettings: strict),
        .target(
            name: "Codecs", dependencies: ["Pixels", "ImageJob", "CCodecShims"], path: "Sources/Worker/Codecs",
            swiftSettings: strict),
        .target(
            name: "Transforms", dependencies: ["Pixels", "ImageJob", "CResample"], path: "Sources/Worker/Transforms",
            swiftSettings: strict),
        .target(
            name: "JobRunner", dependencies: ["Codecs", "Transforms", "Pixels", "ImageJob"],
            path: "Sources/Worker/JobRunner", swiftSettings: strict),
        .executableTarget(
            name: "imageproxy-worker",
            dependencies: ["JobRunner", "Codecs", "Sandbox", "WorkerProtocol", "ImageJob", "Platform"],
            path: "Sources/Worker/Main", swiftSettings: strict),

        .executableTarget(
            name: "bench-pipeline", dependencies: ["JobRunner", "Codecs", "Pixels", "CCodecShims", "ImageJob"],
            path: "Tests/Benchmarks/Pipeline", swiftSettings: strict),

        .executableTarget(
            name: "bench-encoders", dependencies: ["CCodecShims"], path: "Tests/Benchmarks/Encoders", cSettings: gnu,
            linkerSettings: [.linkedLibrary("m")]),

        .executableTarget(
            name: "bench-fork", dependencies: ["JobRunner", "Sandbox", "ImageJob"], path: "Tests/Benchmarks/Fork",
            swiftSettings: strict),

        .executableTarget(
            name: "bench-signature", dependencies: ["FrontendCore", "ImageJob"], path: "Tests/Benchmarks/Signature",
            swiftSettings: strict),

        .executableTarget(
            name: "bench-keys", dependencies: ["FrontendCore", "ImageJob"], path: "Tests/Benchmarks/Keys",
            swiftSettings: strict),

        .testTarget(
            name: "SharedTests", dependencies: ["ImageJob", "WorkerProtocol", "Platform", "Telemetry"],
            path: "Tests/SharedTests", swiftSettings: strict),
        .testTarget(
            name: "FrontendTests",
            dependencies: ["FrontendCore", "EventLoop", "ImageJob", "WorkerProtocol", "Platform"],
            path: "Tests/FrontendTests", swiftSettings: strict),
        // Pictures of every kind by the reference libraries, for tests.
        .target(
            name: "CPictures", dependencies: ["CJPEG", "CPNG"], path: "Tests/Support/CPictures", cSettings: gnu),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "JobRunner", "Codecs", "Transforms", "Pixels", "CResample", "CCodecShims", "CPictures", "CJPEG",
                "Sandbox",
                "ImageJob",
            ],
            path: "Tests/WorkerTests", swiftSettings: strict),
    ] + fuzzTargets
)
