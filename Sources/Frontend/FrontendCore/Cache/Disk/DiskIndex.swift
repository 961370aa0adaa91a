// SPDX-License-Identifier: Apache-2.0

/// Which files a bounded cache directory has, how large they are, and in what order they were used last.
struct DiskIndex {
    struct File: Sendable, Equatable {
        var name: DiskName
        /// What the file takes on the disk, in blocks.
        var blocks: UInt32
        /// Seconds of the Unix clock.
        var lastUse: UInt32

        init(name: DiskName, bytes: Int, lastUse: Int64) {
            self.name = name
            self.blocks = UInt32(clamping: (bytes + DiskIndex.block - 1) / DiskIndex.block)
            self.lastUse = UInt32(clamping: lastUse)
        }
    }

    /// Bytes of a block: what file systems give out at least.
    static let block = 4096

    private var slots: [DiskName: Int32] = [:]
    private var files: ContiguousArray<File> = []
    private var links: ContiguousArray<RecencyList.Link> = []
    private var free: [Int32] = []
    private var list = RecencyList()
    private var blocks = 0

    var count: Int { self.slots.count }

    var bytes: Int { self.blocks * Self.block }

    /// Adds a file that was just written, or read for the first time.
    mutating func insert(_ file: File) {
        self.remove(file.name)
        let slot = self.free.popLast() ?? Int32(self.files.count)
        if Int(slot) == self.files.count {
            self.files.append(file)
            self.links.append(RecencyList.Link())
        } else {
            self.files[Int(slot)] = file
        }
        self.slots[file.name] = slot
        self.blocks += Int(file.blocks)
        self.list.insert(Int(slot), &self.links)
    }

    mutating func touch(_ name: DiskName, at now: Int64) {
        guard let slot = self.slots[name] else { return }
        self.files[Int(slot)].lastUse = UInt32(clamping: now)
        self.list.touch(Int(slot), &self.links)
    }

    mutating func remove(_ name: DiskName) {
        guard let slot = self.slots.removeValue(forKey: name) else { return }
        self.blocks -= Int(self.files[Int(slot)].blocks)
        self.list.remove(Int(slot), &self.links)
        self.free.append(slot)
    }

    /// Takes out the file that was not used for the longest time.
    mutating func popOldest() -> File? {
        guard let slot = self.list.oldest else { return nil }
        let file = self.files[slot]
        self.remove(file.name)
        return file
    }

    /// Replaces everything by what a scan of the directory has found.
    ///
    /// - Parameter start: when the scan began. What was used since then is kept, seen or not: the scan may have passed
    ///   its folder before it was written.
    mutating func replace(by found: [File], scannedSince start: Int64) {
        // Within a second only this index knows what came after what.
        var files: [DiskName: (file: File, rank: Int)] = [:]
        for file in found { files[file.name] = (file, 0) }
        var next = self.list.oldest
        var rank = 0
        while let slot = next {
            let known = self.files[slot]
            rank += 1
            if let found = files[known.name]?.file {
                files[known.name] = (found.lastUse > known.lastUse ? found : known, rank)
            } else if Int64(known.lastUse) >= start {
                files[known.name] = (known, rank)
            }
            next = self.list.newer(than: slot, self.links)
        }
        self = DiskIndex()
        let order = files.values.sorted { ($0.file.lastUse, $0.rank) < ($1.file.lastUse, $1.rank) }
        for (file, _) in order { self.insert(file) }
    }
}
