// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import FrontendCore

@Suite struct ObjectStoreTests {
    private static let none = OperatorEnvironment([:])

    @Test(arguments: [
        ("//eu-west-1/pictures", "https://pictures.s3.eu-west-1.amazonaws.com/x"),
        ("//eu-west-1/pictures/a/b", "https://pictures.s3.eu-west-1.amazonaws.com/a/b/x"),
        ("//eu-west-1/pictures//a/./b//", "https://pictures.s3.eu-west-1.amazonaws.com/a/b/x"),
        ("//cn-north-1/pictures", "https://pictures.s3.cn-north-1.amazonaws.com.cn/x"),
        ("//eu-west-1/pictures?disableSSL=1", "http://pictures.s3.eu-west-1.amazonaws.com/x"),
        // No certificate covers a bucket with dots.
        ("//eu-west-1/my.pictures", "https://s3.eu-west-1.amazonaws.com/my.pictures/x"),
        ("//eu-west-1/pictures?s3ForcePathStyle=1", "https://s3.eu-west-1.amazonaws.com/pictures/x"),
        ("//r/pictures?endpoint=minio.internal:9000", "https://pictures.minio.internal:9000/x"),
        ("//r/pictures?endpoint=minio.internal:9000&disableSSL=1", "http://pictures.minio.internal:9000/x"),
        ("//r/pictures?endpoint=https://minio.internal:443/", "https://pictures.minio.internal/x"),
        ("//r/pictures?endpoint=http://127.0.0.1:9000", "http://127.0.0.1:9000/pictures/x"),
        ("//r/pictures/a%20b?endpoint=http%3A%2F%2Fh", "http://pictures.h/a%20b/x"),
    ])
    func `an S3 address leads where the original's library goes`(text: String, url: String) throws {
        let address = try S3Address(text[...], environment: Self.none)
        #expect("\(address.endpoint.scheme)://\(address.authority)\(address.path(of: address.prefix + "x"))" == url)
    }

    @Test(arguments: [
        "s3://eu-west-1/pictures?timeout=", "gcs://pictures?timeout=", "azure://pictures/?timeout=",
    ])
    func `an operator says how long an answer waits for a look`(address: String) throws {
        let key = ["AZURESTORAGE_ACCOUNT_NAME": "account", "AZURESTORAGE_ACCESS_KEY": "Zm9v"]
        func timeout(_ text: String) throws -> Duration? {
            let all = address + text
            let rest = all[all.firstIndex(of: "/")!...]
            return switch all.first {
            case "s": try S3Address(rest, environment: Self.none).timeout
            case "g": try GCSAddress(rest, environment: Self.none).timeout
            default: try AzureAddress(rest, environment: OperatorEnvironment(key)).timeout
            }
        }
        #expect(try timeout("1.5s") == .milliseconds(1500))
        #expect(try timeout("") == nil)
        for text in ["0", "0s", "61s", "-1s", "500", "soon", "1ms,2ms"] {
            #expect(throws: FlagError.self) { try timeout(text) }
        }
    }

    @Test func `a region may come from the environment`() throws {
        let environment = OperatorEnvironment(["AWS_REGION": "eu-west-1"])
        #expect(try S3Address("///bucket", environment: environment).region == "eu-west-1")
        #expect(throws: FlagError.self) { try S3Address("///bucket", environment: Self.none) }
    }

    /// The values are botocore's for this request.
    @Test func `a signature is the one that Amazon documents`() {
        let signature = SignatureV4(
            credentials: AWSCredentials(accessKey: "AKID", secretKey: "secret", sessionToken: nil), region: "us-east-1",
            service: "s3", time: 1_369_353_600)
        let fields = signature.fields(
            method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/test.txt",
            payload: Digest.hex(Digest.sha256("")))
        #expect(fields["x-amz-date"] == "20130524T000000Z")
        #expect(
            fields["Authorization"]
                == "AWS4-HMAC-SHA256 Credential=AKID/20130524/us-east-1/s3/aws4_request, "
                + "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                + "Signature=3d1313436f4be8b3ed3e028c4e44252a089e894b081356a738230ac283052018")
    }

    @Test func `a store rests after failures in a row, and one trial at a time finds that it works`() {
        var health = ObjectHealth()
        var now = ContinuousClock.now
        func failed(_ attempt: ObjectHealth.Attempt = .ordinary) -> Bool { health.failed(attempt, at: now) }
        func succeeded() -> Bool { health.succeeded() }
        func attempt() -> ObjectHealth.Attempt? { health.attempt(at: now) }
        for _ in 1..<ObjectHealth.enough { #expect(!failed()) }
        #expect(!succeeded())
        for _ in 1..<ObjectHealth.enough { #expect(!failed()) }
        #expect(attempt() == .ordinary)
        #expect(failed())
        var rest = ObjectHealth.shortest
        for _ in 0..<6 {
            // Those that were on their way when it began to rest.
            for _ in 0..<ObjectHealth.enough { #expect(!failed()) }
            now += rest - .milliseconds(1)
            #expect(attempt() == nil)
            now += .milliseconds(1)
            #expect(attempt() == .trial)
            #expect(attempt() == nil)
            #expect(!failed(.trial))
            rest = min(rest * 2, ObjectHealth.longest)
        }
        now += rest
        #expect(attempt() == .trial)
        #expect(succeeded())
        #expect(attempt() == .ordinary && attempt() == .ordinary)
        // One that was late is one failure again.
        for _ in 1..<ObjectHealth.enough { #expect(!failed(.trial)) }
        #expect(failed())
    }

    @Test func `credentials come from the first place that has some`() throws {
        func find(_ values: [String: String]) throws -> AWSCredentialSource {
            try AWSCredentialSource.find(region: "eu-west-1", in: OperatorEnvironment(values))
        }
        let keys = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"]
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"]
        let token = ["AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/f"]
        #expect(
            try find(keys.merging(container) { $1 })
                == .environment(AWSCredentials(accessKey: "a", secretKey: "b", sessionToken: "c")))
        #expect(
            try find(container.merging(token) { $1 })
                == .webIdentity(
                    role: "r", tokenFile: "/f", session: "imageproxy",
                    endpoint: ServiceEndpoint(authority: "sts.eu-west-1.amazonaws.com")))
        #expect(try find(container) == .container(url: "http://169.254.170.2/x", authorization: .none))
        #expect(
            try find(["AWS_EC2_METADATA_DISABLED": "false"])
                == .instanceMetadata(ServiceEndpoint(scheme: "http", authority: "169.254.169.254")))
        for url in ["http://10.0.0.1/", "http://example.com/", "ftp://127.0.0.1/"] {
            #expect(throws: UsageError.self) { try find(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]) }
        }
        for url in ["http://127.0.0.1:5/a", "http://[::1]/a", "http://169.254.170.23/v1", "https://example.com/"] {
            #expect(throws: Never.self) { try find(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]) }
        }
    }

    @Test(arguments: [
        ("2013-05-24T00:00:00Z", 1_369_353_600 as Int64?), ("2026-11-24T16:41:34.123Z", 1_795_538_494),
        ("2013-05-24T00:00:00", nil), ("2013-13-24T00:00:00Z", nil), ("2013-05-24 00:00:00Z", nil), ("", nil),
    ])
    func `times of web services are read`(text: String, time: Int64?) {
        #expect(HTTPDate.parseISO(text) == time)
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("\u{3ff}\u{fbf}", "z7/gvr8=")])
    func `standard base64 goes both ways`(text: String, encoded: String) {
        #expect(Base64.encodeStandard(Array(text.utf8)) == encoded)
        #expect(Base64.decodeStandard(encoded) == Array(text.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Z===", "-_==", "Zg==\n", "Zm9v="])
    func `what is no standard base64 is refused`(text: String) {
        #expect(Base64.decodeStandard(text) == nil)
    }

    @Test func `credentials are kept, renewed ahead, and fetched once for all who wait`() async throws {
        try await onLoop {
            let time = TestTime()
            let fetches = TestTime()
            let keeper = CredentialKeeper<Int64>(clock: WallClock(now: { time.now })) {
                fetches.now += 1
                if fetches.now == 4 { throw ObjectFailure("none to be had") }
                try await sleep(for: .milliseconds(5))
                return Credential(value: fetches.now, expires: time.now + 1000)
            }
            await #expect(throws: CredentialsPending.self) { _ = try await keeper.value(waits: false) }
            async let first = keeper.value(waits: true)
            async let second = keeper.value(waits: true)
            let both = try await [first, second]
            #expect(both == [1, 1])
            time.now += 700
            #expect(try await keeper.value(waits: false) == 1)
            // Ends soon: still good, and new ones are on their way.
            time.now += 100
            #expect(try await keeper.value(waits: false) == 1)
            while try await keeper.value(waits: false) == 1 { try await sleep(for: .milliseconds(1)) }
            #expect(fetches.now == 2)
            // Refused when they are new: they would be the same. Refused later: fetched again.
            keeper.wereRefused()
            #expect(try await keeper.value(waits: false) == 2)
            time.now += 60
            keeper.wereRefused()
            #expect(try await keeper.value(waits: true) == 3)
            time.now += 2000
            await #expect(throws: ObjectFailure.self) { _ = try await keeper.value(waits: true) }
            // The failure is remembered for a while.
            await #expect(throws: ObjectFailure.self) { _ = try await keeper.value(waits: true) }
            #expect(fetches.now == 4)
            time.now += 10
            #expect(try await keeper.value(waits: true) == 5)
        }
    }
}

/// A number that a clock reads on the loop.
private final class TestTime: @unchecked Sendable {
    var now: Int64 = 0
}
