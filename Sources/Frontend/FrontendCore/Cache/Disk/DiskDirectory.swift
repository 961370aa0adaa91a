// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Platform
internal import Synchronization

/// The files of a cache directory. Every call blocks, so none is made on the loop.
///
///     DIR/aa/bb/<md5>         an entry; aa and bb are the first digits of its name, as in the original program
///     DIR/.incomplete/…       entries being written, which are renamed into place when they are whole
struct DiskDirectory: Sendable {
    let path: String

    /// An entry's time of use is written down when it is older than this, in seconds: often enough to know after a
    /// restart what was in use, and seldom enough not to make every read a write.
    private static let useInterval = 300
    /// Seconds after which an incomplete file belongs to nobody any more.
    private static let abandonedAfter = 600

    private static let counter = Atomic<UInt64>(0)

    private var incomplete: String { self.path + "/.incomplete" }

    private func file(_ name: DiskName) -> String { "\(self.path)/\(name.folder)/\(name.text)" }

    /// Reads a whole entry and notes that it was used.
    ///
    /// The bytes are copied: with the digest that is computed of them, a mapping takes twice as long for 4 kB, as long
    /// for 300 kB and a twentieth less for 1 MB, and would kill the process if somebody else made the file shorter.
    ///
    /// - Returns: nil when there is none, or what is there cannot be one.
    func read(_ name: DiskName, atMost limit: Int) throws(SystemError) -> Blob? {
        // Neither a link nor a pipe is an entry, whoever put it there.
        let number = open(self.file(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else {
            if [ENOENT, ENOTDIR, ELOOP].contains(errno) { return nil }
            throw SystemError(errno, "cannot read")
        }
        let descriptor = OwnedDescriptor(adopting: number)
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { throw SystemError(errno, "cannot read") }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size > 0, status.st_size <= limit else { return nil }
        var failure: Int32?
        let blob = Blob(count: Int(status.st_size)) { failure = Self.fill($0, from: descriptor) }
        if let failure {
            // An early end is somebody else's doing, not the disk's.
            if failure == 0 { return nil }
            throw SystemError(failure, "cannot read")
        }
        self.noteUse(descriptor, status)
        return blob
    }

    /// - Returns: nil = filled; 0 = the file ended early; else an errno.
    private static func fill(_ buffer: UnsafeMutableRawBufferPointer, from file: borrowing OwnedDescriptor) -> Int32? {
        var filled = 0
        while filled < buffer.count {
            let count = Glibc.read(file.number, buffer.baseAddress! + filled, buffer.count - filled)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? 0 : errno }
            filled += count
        }
        return nil
    }

    private func noteUse(_ descriptor: borrowing OwnedDescriptor, _ status: stat) {
        let now = time(nil)
        guard max(status.st_atim.tv_sec, status.st_mtim.tv_sec) + Self.useInterval < now else { return }
        // Set outright, so that it does not depend on how the file system was mounted. A directory that may only be
        // read keeps no such times.
        let times = [timespec(tv_sec: now, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: Self.leaveAsItIs)]
        _ = futimens(descriptor.number, times)
    }

    /// UTIME_OMIT, a macro that Swift does not see.
    private static let leaveAsItIs = (1 << 30) - 2

    /// Writes an entry in a way that nobody ever sees half of it.
    func write(_ name: DiskName, head: [UInt8], body: Blob) throws(SystemError) {
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        let temporary = "\(self.incomplete)/\(getpid())-\(number)-\(name.text)"
        do throws(SystemError) {
            try self.create(temporary, head: head, body: body)
            try self.move(temporary, to: name)
        } catch {
            _ = unlink(temporary)
            throw error
        }
    }

    private func create(_ file: String, head: [UInt8], body: Blob) throws(SystemError) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        var number = open(file, flags, 0o666)
        if number < 0, errno == ENOENT {
            try Self.makeFolders(self.incomplete)
            number = open(file, flags, 0o666)
        }
        guard number >= 0 else { throw SystemError(errno, "cannot create a file") }
        if let failure = head.withUnsafeBytes({ Self.append($0, to: number) }) ?? Self.append(body.bytes, to: number) {
            close(number)
            throw SystemError(failure, "cannot write")
        }
        // Some file systems say only now that there was no room.
        guard close(number) == 0 || errno == EINTR else { throw SystemError(errno, "cannot write") }
    }

    /// - Returns: nil = all is written; else an errno.
    private static func append(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
        var rest = bytes
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        }
        return nil
    }

    private func move(_ temporary: String, to name: DiskName) throws(SystemError) {
        if rename(temporary, self.file(name)) == 0 { return }
        guard errno == ENOENT else { throw SystemError(errno, "cannot put a file in its place") }
        try Self.makeFolders("\(self.path)/\(name.folder)")
        guard rename(temporary, self.file(name)) == 0 else {
            throw SystemError(errno, "cannot put a file in its place")
        }
    }

    /// `mkdir -p`; who may read them is decided by the process's umask, as with the original program.
    private static func makeFolders(_ path: String) throws(SystemError) {
        if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw SystemError(errno, "cannot create a folder")
        }
        try Self.makeFolders(String(path[..<slash]))
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw SystemError(errno, "cannot create a folder") }
    }

    func remove(_ name: DiskName) { _ = unlink(self.file(name)) }

    /// Removes a file unless somebody has used it since it was chosen.
    ///
    /// - Returns: the file as it is now, if it stays.
    func evict(_ file: DiskIndex.File) -> DiskIndex.File? {
        var status = stat()
        guard lstat(self.file(file.name), &status) == 0 else { return nil }
        let now = Self.described(file.name, status)
        guard now.lastUse <= file.lastUse else { return now }
        self.remove(file.name)
        return nil
    }

    private static func described(_ name: DiskName, _ status: stat) -> DiskIndex.File {
        DiskIndex.File(
            name: name, bytes: Int(status.st_size), lastUse: Int64(max(status.st_atim.tv_sec, status.st_mtim.tv_sec)))
    }

    /// Removes what was begun and never finished. Others may be writing here at this moment: theirs is younger.
    func removeAbandoned() {
        let oldest = time(nil) - Self.abandonedAfter
        for name in Self.names(in: self.incomplete) {
            var status = stat()
            let file = "\(self.incomplete)/\(name)"
            guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mtim.tv_sec < oldest else {
                continue
            }
            _ = unlink(file)
        }
    }

    /// The entries in one of the 256 folders; what is not named like one is none of ours and is left alone.
    func entries(inFolder number: Int) -> [DiskIndex.File] {
        let folder = "\(self.path)/\(Self.twoDigits(number))"
        var files: [DiskIndex.File] = []
        for inner in Self.names(in: folder) where inner.utf8.count == 2 {
            for text in Self.names(in: "\(folder)/\(inner)") {
                var status = stat()
                guard let name = DiskName(text), name.folder == "\(Self.twoDigits(number))/\(inner)",
                    lstat("\(folder)/\(inner)/\(text)", &status) == 0, status.st_mode & S_IFMT == S_IFREG
                else { continue }
                files.append(Self.described(name, status))
            }
        }
        return files
    }

    private static func twoDigits(_ number: Int) -> String { Digest.hex([UInt8(truncatingIfNeeded: number)]) }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
