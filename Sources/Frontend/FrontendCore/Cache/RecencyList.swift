// SPDX-License-Identifier: Apache-2.0

/// Orders the slots of an array from the most to the least recently used; every step takes constant time.
///
/// Several lists can share one array of links, as long as a slot is in one of them only.
struct RecencyList {
    struct Link {
        fileprivate var newer = RecencyList.none
        fileprivate var older = RecencyList.none
    }

    private static let none: Int32 = -1

    private var first = RecencyList.none
    private var last = RecencyList.none

    /// The slot that was not used for the longest time.
    var oldest: Int? { self.last == Self.none ? nil : Int(self.last) }

    /// The one that comes after a slot on the way from the oldest to the newest.
    func newer(than slot: Int, _ links: ContiguousArray<Link>) -> Int? {
        let newer = links[slot].newer
        return newer == Self.none ? nil : Int(newer)
    }

    /// Puts a slot that is in no list at the newest end.
    mutating func insert(_ slot: Int, _ links: inout ContiguousArray<Link>) {
        links[slot] = Link(newer: Self.none, older: self.first)
        if self.first == Self.none { self.last = Int32(slot) } else { links[Int(self.first)].newer = Int32(slot) }
        self.first = Int32(slot)
    }

    mutating func remove(_ slot: Int, _ links: inout ContiguousArray<Link>) {
        let link = links[slot]
        if link.newer == Self.none { self.first = link.older } else { links[Int(link.newer)].older = link.older }
        if link.older == Self.none { self.last = link.newer } else { links[Int(link.older)].newer = link.newer }
        links[slot] = Link()
    }

    mutating func touch(_ slot: Int, _ links: inout ContiguousArray<Link>) {
        guard self.first != Int32(slot) else { return }
        self.remove(slot, &links)
        self.insert(slot, &links)
    }
}
