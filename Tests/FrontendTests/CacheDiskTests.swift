// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import Testing

@testable import FrontendCore

/// One at a time: some of them change limits of the whole process.
@Suite(.serialized)
struct CacheDiskTests {
    private static func settings(_ path: String, _ maximum: Int? = nil) throws -> DiskCacheSettings {
        var settings = try DiskCacheSettings(path: path)
        settings.maximumBytes = maximum
        return settings
    }

    @LoopActor
    private static func store(_ path: String, _ maximum: Int? = nil) throws -> DiskStore {
        DiskStore(try Self.settings(path, maximum))
    }

    private static func files(_ folder: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.utf8.count == 38 && !$0.hasPrefix(".incomplete") }.sorted()
    }

    private static let head = Array("HTTP/1.1 200 OK\r\n\r\n".utf8)

    @Test(arguments: [
        ("https://example.com/a.jpg", "7c/ff/7cff6e664a8bf6783610a2814043d343"),
        ("https://example.com/a.jpg#500x0", "4a/5b/4a5b2961fd8068ce0d2f2cf8b2deb869"),
        ("", "d4/1d/d41d8cd98f00b204e9800998ecf8427e"),
    ])
    func `a key's file is where the original program has it`(key: String, path: String) {
        let name = DiskName(key: key)
        #expect("\(name.folder)/\(name.text)" == path)
        #expect(DiskName(name.text) == name)
    }

    @Test(arguments: [
        "", "7CFF6E664A8BF6783610A2814043D343", "7cff6e664a8bf6783610a2814043d34", "7cff6e664a8bf6783610a2814043d34g",
    ])
    func `what is not named like an entry is none`(text: String) {
        #expect(DiskName(text) == nil)
    }

    @Test func `what is stored is read, replaced and removed`() async throws {
        try await withTemporaryFolder { folder in
            try await onLoop {
                // The folder itself is made when it is needed.
                let disk = try Self.store(folder + "/new/cache")
                #expect(await disk.load("a") == nil)
                for count in [10, 100_000, 0] {
                    await disk.store("a", head: Self.head, body: Blob(jpeg(count)), lifetime: nil)
                    #expect(await disk.load("a")?.content == Self.head + jpeg(count))
                }
                #expect(await disk.load("b") == nil)
                await disk.remove("a")
                #expect(await disk.load("a") == nil)
                let left = try FileManager.default.contentsOfDirectory(atPath: folder + "/new/cache/.incomplete")
                #expect(left.isEmpty)
                await disk.close()
            }
        }
    }

    @Test func `what is no file of ours is a miss`() async throws {
        try await withTemporaryFolder { folder in
            try await onLoop {
                let disk = try Self.store(folder)
                func path(_ key: String) throws -> String {
                    let name = DiskName(key: key)
                    try FileManager.default.createDirectory(
                        atPath: "\(folder)/\(name.folder)", withIntermediateDirectories: true)
                    return "\(folder)/\(name.folder)/\(name.text)"
                }
                try FileManager.default.createSymbolicLink(
                    atPath: try path("link"), withDestinationPath: "/etc/hostname")
                try FileManager.default.createDirectory(atPath: try path("folder"), withIntermediateDirectories: false)
                #expect(mkfifo(try path("pipe"), 0o600) == 0)
                #expect(FileManager.default.createFile(atPath: try path("empty"), contents: nil))
                // Larger than any entry, and nothing but a hole.
                let file = open(try path("huge"), O_CREAT | O_WRONLY, 0o600)
                #expect(ftruncate(file, 1 << 40) == 0)
                close(file)
                for key in ["link", "folder", "pipe", "empty", "huge"] {
                    #expect(await disk.load(key) == nil, "\(key)")
                }
                await disk.close()
            }
        }
    }

    @Test func `a file that cannot be read leaves what is known of others`() async throws {
        try await withTemporaryFolder { folder in
            try await onLoop {
                let disk = try Self.store(folder)
                await disk.store("kept", head: Self.head, body: Blob(jpeg()), lifetime: nil)
                let name = DiskName(key: "bad")
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/\(name.folder)", withIntermediateDirectories: true)
                // A socket cannot be opened, not even by root.
                #expect(mknod("\(folder)/\(name.folder)/\(name.text)", S_IFSOCK | 0o600, 0) == 0)
                func word(_ key: String) async -> String {
                    switch await disk.ask(key) {
                    case .message: "message"
                    case .nothing: "nothing"
                    case .unknown: "unknown"
                    }
                }
                #expect(await word("bad") == "unknown")
                #expect(await word("absent") == "nothing")
                #expect(await word("kept") == "message")
                await disk.close()
            }
        }
    }

    @Test func `the least recently used go first, and a restart remembers which`() async throws {
        try await withTemporaryFolder { folder in
            let size = 100_000
            func fill(_ disk: DiskStore, _ keys: Range<Int>) async {
                for key in keys {
                    await disk.store("\(key)", head: Self.head, body: Blob(jpeg(size - 30)), lifetime: nil)
                }
            }
            func age(_ key: Int, _ seconds: Int) throws {
                let name = DiskName(key: "\(key)")
                let time = timeval(tv_sec: Int(Foundation.time(nil)) - seconds, tv_usec: 0)
                #expect(utimes("\(folder)/\(name.folder)/\(name.text)", [time, time]) == 0)
            }
            try await onLoop {
                let disk = try Self.store(folder)
                await fill(disk, 0..<20)
                await disk.close()
            }
            for key in 0..<20 { try age(key, 10_000 - key) }
            try await onLoop {
                // Unbounded until now; reading makes 3 and 5 the newest.
                let disk = try Self.store(folder)
                for key in [3, 5] { #expect(await disk.load("\(key)") != nil) }
                await disk.close()
            }
            try await onLoop {
                let disk = try Self.store(folder, 1_300_000)
                disk.start()
                let deadline = ContinuousClock.now + .seconds(10)
                while Self.files(folder).count > 12, .now < deadline { try await sleep(for: .milliseconds(10)) }
                // 102400 bytes each as the disk counts: twelve fit.
                #expect(Self.files(folder).count == 12)
                for key in 0..<20 {
                    let isThere = await disk.load("\(key)") != nil
                    #expect(isThere == (key >= 10 || key == 3 || key == 5), "\(key)")
                }
                // What comes now pushes out what was used least recently in this process.
                for key in 10..<20 where key != 13 { _ = await disk.load("\(key)") }
                for key in [3, 5] { _ = await disk.load("\(key)") }
                await fill(disk, 100..<101)
                while Self.files(folder).count > 12, .now < deadline { try await sleep(for: .milliseconds(10)) }
                #expect(await disk.load("13") == nil)
                #expect(await disk.load("100") != nil)
                await disk.close()
            }
        }
    }

    @Test func `what others put there is counted, and what is not an entry is left alone`() async throws {
        try await withTemporaryFolder { folder in
            try await onLoop {
                let other = try Self.store(folder)
                for key in 0..<40 {
                    await other.store("\(key)", head: Self.head, body: Blob(jpeg(90_000)), lifetime: nil)
                }
                let stranger = "\(folder)/ab/cd"
                try FileManager.default.createDirectory(atPath: stranger, withIntermediateDirectories: true)
                #expect(
                    FileManager.default.createFile(atPath: stranger + "/notes.txt", contents: Data(count: 5_000_000)))
                let disk = try Self.store(folder, 1_000_000)
                disk.start()
                let deadline = ContinuousClock.now + .seconds(10)
                while Self.files(folder).count > 11, .now < deadline { try await sleep(for: .milliseconds(10)) }
                // 22 blocks each.
                #expect(Self.files(folder).count == 11)
                #expect(FileManager.default.fileExists(atPath: stranger + "/notes.txt"))
                await disk.close()
                await other.close()
            }
        }
    }

    @Test func `what was begun and never finished is cleared away, what is being written is not`() async throws {
        try await withTemporaryFolder { folder in
            try await onLoop {
                try FileManager.default.createDirectory(
                    atPath: folder + "/.incomplete", withIntermediateDirectories: true)
                for name in ["old", "new"] {
                    #expect(
                        FileManager.default.createFile(
                            atPath: "\(folder)/.incomplete/\(name)", contents: Data(count: 9)))
                }
                let time = timeval(tv_sec: Int(Foundation.time(nil)) - 3600, tv_usec: 0)
                #expect(utimes(folder + "/.incomplete/old", [time, time]) == 0)
                let disk = try Self.store(folder)
                disk.start()
                let deadline = ContinuousClock.now + .seconds(5)
                while FileManager.default.fileExists(atPath: folder + "/.incomplete/old"), .now < deadline {
                    try await sleep(for: .milliseconds(5))
                }
                await disk.close()
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/.incomplete") == ["new"])
            }
        }
    }

    // MARK: A disk that fails

    /// What standard error gets while `body` runs.
    private static func logged(_ body: () async throws -> Void) async throws -> [String] {
        let saved = dup(STDERR_FILENO)
        let file = try #require(tmpfile())
        dup2(fileno(file), STDERR_FILENO)
        defer {
            dup2(saved, STDERR_FILENO)
            close(saved)
            fclose(file)
        }
        try await body()
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(fileno(file), &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @LoopActor
    private static func fillUntilItFails(_ disk: DiskStore, _ keys: Range<Int>) async {
        for key in keys { await disk.store("\(key)", head: Self.head, body: Blob(jpeg(200_000)), lifetime: nil) }
    }

    @Test func `a full disk costs misses and a line`() async throws {
        try await withTemporaryFolder { folder in
            let small = try SmallDisk(size: "1m", on: folder)
            let path = small.path + "/cache"
            let lines = try await Self.logged {
                try await onLoop {
                    let disk = try Self.store(path)
                    await Self.fillUntilItFails(disk, 0..<20)
                    #expect(await disk.load("0") != nil)
                    #expect(await disk.load("19") == nil)
                    let left = try FileManager.default.contentsOfDirectory(atPath: path + "/.incomplete")
                    #expect(left.isEmpty)
                    await disk.close()
                }
            }
            let ours = lines.filter { $0.contains(folder) }
            #expect(ours.count == 1)
            #expect(ours.first?.contains("No space left on device") == true)
        }
    }

    /// How large a file this process may write.
    private static var fileLimit: rlim_t {
        get {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            return limit.rlim_cur
        }
        set {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            limit.rlim_cur = newValue
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        }
    }

    @Test func `a file that may not grow is no entry`() async throws {
        try await withTemporaryFolder { folder in
            signal(SIGXFSZ, SIG_IGN)
            let saved = Self.fileLimit
            defer { Self.fileLimit = saved }
            let lines = try await Self.logged {
                try await onLoop {
                    let disk = try Self.store(folder)
                    let large = Blob(count: 41 << 20) { $0.initializeMemory(as: UInt8.self, repeating: 7) }
                    await disk.store("small", head: Self.head, body: Blob(jpeg(50_000)), lifetime: nil)
                    // Larger than what any test that runs beside this one writes.
                    Self.fileLimit = 40 << 20
                    for key in 0..<3 { await disk.store("\(key)", head: Self.head, body: large, lifetime: nil) }
                    Self.fileLimit = saved
                    #expect(await disk.load("small") != nil)
                    for key in 0..<3 { #expect(await disk.load("\(key)") == nil) }
                    await disk.close()
                }
            }
            #expect(lines.filter { $0.contains(folder) }.count == 1)
            #expect(Self.files(folder).count == 1)
        }
    }

    @Test func `a directory that may only be read is read`() async throws {
        try await withTemporaryFolder { folder in
            let small = try SmallDisk(size: "4m", on: folder)
            let path = small.path
            let lines = try await Self.logged {
                try await onLoop {
                    let disk = try Self.store(path)
                    await disk.store("a", head: Self.head, body: Blob(jpeg()), lifetime: nil)
                    let name = DiskName(key: "a")
                    let time = timeval(tv_sec: 1000, tv_usec: 0)
                    #expect(utimes("\(path)/\(name.folder)/\(name.text)", [time, time]) == 0)
                    try small.mayOnlyBeReadFromNowOn()
                    await Self.fillUntilItFails(disk, 0..<3)
                    await disk.remove("a")
                    #expect(await disk.load("a") != nil)
                    await disk.close()
                }
            }
            #expect(lines.filter { $0.contains(folder) }.count == 1)
        }
    }

    @Test func `a directory that vanishes is made anew`() async throws {
        try await withTemporaryFolder { folder in
            try await onLoop {
                let disk = try Self.store(folder + "/cache")
                await disk.store("a", head: Self.head, body: Blob(jpeg()), lifetime: nil)
                try FileManager.default.removeItem(atPath: folder + "/cache")
                #expect(await disk.load("a") == nil)
                await disk.store("a", head: Self.head, body: Blob(jpeg()), lifetime: nil)
                #expect(await disk.load("a") != nil)
                await disk.close()
            }
        }
    }

    @Test func `a place that is no directory is a cache that is always empty`() async throws {
        try await withTemporaryFolder { folder in
            #expect(FileManager.default.createFile(atPath: folder + "/file", contents: nil))
            let lines = try await Self.logged {
                try await onLoop {
                    let disk = try Self.store(folder + "/file")
                    await Self.fillUntilItFails(disk, 0..<3)
                    #expect(await disk.load("0") == nil)
                    await disk.close()
                }
            }
            #expect(lines.filter { $0.contains(folder) }.count == 1)
        }
    }

    @Test func `failing is news once, and so is its end`() {
        var health = DiskHealth()
        let now = ContinuousClock.now
        #expect(health.mayWrite(at: now))
        let first = (health.succeeded(), health.failed(at: now))
        #expect(first == (false, true))
        let (early, due) = (DiskHealth.pause - .milliseconds(1), DiskHealth.pause)
        #expect(!health.mayWrite(at: now + early))
        #expect(health.mayWrite(at: now + due))
        let second = health.failed(at: now + due)
        #expect(!second)
        #expect(!health.mayWrite(at: now + due + early))
        let end = health.succeeded()
        #expect(end)
        #expect(health.mayWrite(at: now))
    }

    @Test func `a disk that hangs is not waited for, and asked again when it answers`() async throws {
        try await withTemporaryFolder { folder in
            let lines = try await Self.logged {
                try await onLoop {
                    let disk = DiskStore(try Self.settings(folder), readLimit: .milliseconds(50))
                    await disk.store("a", head: Self.head, body: Blob(jpeg()), lifetime: nil)
                    // All of the pool's threads are busy with something else: the same, as far as it can tell.
                    let busy = (0..<4).map { _ in spawn { await work { usleep(400_000) } } }
                    let clock = ContinuousClock()
                    #expect(await disk.load("a") == nil)
                    // From now on nobody waits at all.
                    let time = await clock.measure { for _ in 0..<100 { #expect(await disk.load("a") == nil) } }
                    #expect(time < .milliseconds(300))
                    for one in busy { _ = try await one.value }
                    try await eventually { await disk.load("a") != nil }
                    await disk.close()
                }
            }
            #expect(lines.filter { $0.contains(folder) }.count == 2)
        }
    }

    // MARK: The index

    private static func file(_ number: Int, bytes: Int = 4096, lastUse: Int64 = 0) -> DiskIndex.File {
        DiskIndex.File(name: DiskName(key: "\(number)"), bytes: bytes, lastUse: lastUse)
    }

    @Test func `an index is in the order of use, and counts blocks`() {
        var index = DiskIndex()
        for number in 0..<4 { index.insert(Self.file(number, bytes: number * 4096 + 1)) }
        #expect(index.bytes == (1 + 2 + 3 + 4) * 4096)
        index.touch(DiskName(key: "0"), at: 9)
        index.insert(Self.file(1, bytes: 1))
        #expect(index.count == 4)
        let order = (0..<5).map { _ in index.popOldest()?.name }
        #expect(order == [2, 3, 0, 1].map { DiskName(key: "\($0)") } + [nil])
        #expect(index.bytes == 0)
    }

    @Test func `a scan knows nothing better than who has used an entry since`() {
        var index = DiskIndex()
        // Known, and gone from the disk.
        index.insert(Self.file(1, lastUse: 50))
        // Known, and used here after its file was touched last.
        index.insert(Self.file(2, lastUse: 60))
        // Written while the scan went on, which passed its folder too early.
        index.insert(Self.file(3, lastUse: 101))
        index.replace(by: [Self.file(2, lastUse: 10), Self.file(4, lastUse: 55)], scannedSince: 100)
        #expect(index.count == 3)
        let order = (0..<3).map { _ in index.popOldest()?.name }
        #expect(order == [4, 2, 3].map { DiskName(key: "\($0)") })
    }

    @Test func `a scan does not mix up what happened within a second`() {
        var index = DiskIndex()
        let files = (0..<100).map { Self.file($0, lastUse: 50) }
        for file in files { index.insert(file) }
        index.replace(by: files.shuffled(), scannedSince: 40)
        let order = (0..<100).map { _ in index.popOldest()?.name }
        #expect(order == files.map(\.name))
    }

    // MARK: The lane

    @Test func `a lane runs so many at once, and takes so many more`() async throws {
        try await onLoop {
            let lane = WorkLane(width: 2, mostWaiting: 3)
            let all = (0..<8).map { number in
                spawn {
                    await lane.run { () -> Int in
                        usleep(20_000)
                        return number
                    }
                }
            }
            var done: [Int] = []
            for one in all { if let number = try await one.value { done.append(number) } }
            #expect(done == [0, 1, 2, 3, 4])
            #expect(lane.isIdle)
        }
    }
}
