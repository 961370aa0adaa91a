// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// One cache of the list that `-cache` makes.
public enum CacheSetting: Sendable, Equatable {
    case memory(MemoryCacheSettings)
    case disk(DiskCacheSettings)
    /// The address as it was given.
    case redis(String)
    case s3(S3Address)
    case gcs(GCSAddress)
    case azure(AzureAddress)

    /// Reads one value, by the rules of the original program: what has no scheme that is known is a directory.
    init(_ text: String) throws(FlagError) {
        let (scheme, rest) = Self.split(text)
        switch scheme {
        case "memory": self = .memory(try MemoryCacheSettings(rest))
        case "file": self = .disk(try DiskCacheSettings(fileURL: rest))
        case _ where RedisURL.isOne(text):
            // What is wrong with it is said at the start, and not when it is dialled.
            _ = try RedisURL(text, password: Self.redisPassword)
            self = .redis(text)
        case "rediss":
            throw FlagError(expected: "redis://, which has no TLS: put stunnel before it and name its local address")
        case "s3": self = .s3(try S3Address(rest))
        case "gcs": self = .gcs(try GCSAddress(rest))
        case "azure": self = .azure(try AzureAddress(rest))
        default: self = .disk(try DiskCacheSettings(path: text))
        }
    }

    /// The password that the original program takes from the environment, too.
    static var redisPassword: String? { getenv("REDIS_PASSWORD").map { String(cString: $0) } }

    /// The scheme in lower case, empty when there is none, and what comes after its colon.
    private static func split(_ text: String) -> (scheme: String, rest: Substring) {
        if text == "memory" { return (text, "") }
        guard let colon = text.firstIndex(of: ":") else { return ("", text[...]) }
        return (text[..<colon].lowercased(), text[text.index(after: colon)...])
    }
}

/// Size and age of the in-process cache.
public struct MemoryCacheSettings: Sendable, Equatable {
    /// Bytes; the flag counts in millions of bytes, as the original does.
    public var capacity: Int
    /// Entries older than this are dropped; zero = kept until evicted.
    public var maximumAge: Duration

    public init(capacity: Int, maximumAge: Duration) {
        self.capacity = capacity
        self.maximumAge = maximumAge
    }

    /// `[MB[:age]]`.
    init(_ text: Substring) throws(FlagError) {
        self.init(capacity: 100_000_000, maximumAge: .zero)
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if let size = parts.first, !size.isEmpty {
            guard let size = Int(size), (1...1_000_000).contains(size) else {
                throw FlagError(expected: "memory:MB, a whole number of megabytes from 1 to 1000000")
            }
            self.capacity = size * 1_000_000
        }
        if parts.count > 1 {
            guard let age = Duration(goNotation: String(parts[1])), age >= .zero else {
                throw FlagError(expected: "memory:MB:age, a duration such as 300ms, 5s or 1h30m")
            }
            self.maximumAge = age
        }
    }
}

/// Where a directory is, and how much may be in it.
public struct DiskCacheSettings: Sendable, Equatable {
    public var path: String
    /// nil = whatever fits, as with the original program.
    public var maximumBytes: Int?
    /// Larger messages are neither stored nor read.
    public var largestEntry = 65 << 20

    init(path: String) throws(FlagError) {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw FlagError(expected: "the path of a directory") }
        self.path = path
    }

    /// What comes after `file:`, for example `///var/cache/imageproxy?size=10GB`.
    init(fileURL text: Substring) throws(FlagError) {
        let hint = FlagError(expected: "file:///path, or file:///path?size=10GB")
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].hasPrefix("//"), let slash = parts[0].dropFirst(2).firstIndex(of: "/"),
            let path = Self.percentDecoded(parts[0][slash...])
        else { throw hint }
        try self.init(path: path)
        guard parts.count > 1 else { return }
        for item in parts[1].split(separator: "&") {
            guard item.hasPrefix("size="), let size = ByteSize.parse(item.dropFirst(5)),
                size >= Self.leastBytes
            else { throw hint }
            self.maximumBytes = size
        }
    }

    /// Less would not hold a single photograph.
    private static let leastBytes = 1_000_000

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(rest.prefix(2)) ?? ""
            guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
