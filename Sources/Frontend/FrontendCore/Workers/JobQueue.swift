// SPDX-License-Identifier: Apache-2.0

/// Jobs waiting for a worker: bounded, small ones before large ones, and nobody waits for ever.
///
/// A job's turn is decided by its arrival plus a handicap that grows with its cost, up to `maximumHandicap`. A small job
/// overtakes a large one that came shortly before it; a large one that has waited longer than the handicap is overtaken
/// by nobody who comes now.
struct JobQueue<Element> {
    private struct Entry {
        let turn: Int64
        let id: UInt64
        let cost: Int64
        let element: Element

        func isBefore(_ other: Entry) -> Bool { self.turn != other.turn ? self.turn < other.turn : self.id < other.id }
    }

    /// Milliseconds.
    static var maximumHandicap: Int64 { 2000 }

    let capacity: Int
    /// A binary heap: an entry is before both of its children, at 2i+1 and 2i+2.
    private var heap: [Entry] = []
    private var nextID: UInt64 = 0
    /// Of all that waits, in milliseconds of work.
    private(set) var cost: Int64 = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { self.heap.count }
    var isEmpty: Bool { self.heap.isEmpty }

    /// - Parameters:
    ///   - cost: expected milliseconds of work.
    ///   - now: monotonic milliseconds.
    /// - Returns: a ticket for `remove`, or nil when the queue is full.
    mutating func push(_ element: Element, cost: Int64, now: Int64) -> UInt64? {
        guard self.heap.count < self.capacity else { return nil }
        self.nextID += 1
        let turn = now + min(max(0, cost), Self.maximumHandicap)
        self.append(Entry(turn: turn, id: self.nextID, cost: max(0, cost), element: element))
        return self.nextID
    }

    /// Puts back a job whose worker went away, ahead of everybody: it has waited once. It may exceed the capacity.
    mutating func pushFirst(_ element: Element, cost: Int64) -> UInt64 {
        self.nextID += 1
        self.append(Entry(turn: .min, id: self.nextID, cost: max(0, cost), element: element))
        return self.nextID
    }

    private mutating func append(_ entry: Entry) {
        self.cost += entry.cost
        self.heap.append(entry)
        self.siftUp(self.heap.count - 1)
    }

    /// Takes the job whose turn it is.
    mutating func pop() -> Element? {
        self.heap.isEmpty ? nil : self.remove(at: 0)
    }

    /// Takes out a job that nobody waits for any more; false when it is not here.
    mutating func remove(_ id: UInt64) -> Bool {
        guard let position = self.heap.firstIndex(where: { $0.id == id }) else { return false }
        _ = self.remove(at: position)
        return true
    }

    private mutating func remove(at position: Int) -> Element {
        let entry = self.heap[position]
        self.cost -= entry.cost
        let last = self.heap.removeLast()
        if position < self.heap.count {
            self.heap[position] = last
            self.siftDown(position)
            self.siftUp(position)
        }
        return entry.element
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].isBefore(self.heap[parent]) else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var first = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                if self.heap[child].isBefore(self.heap[first]) { first = child }
            }
            guard first != parent else { return }
            self.heap.swapAt(parent, first)
            parent = first
        }
    }
}
