// SPDX-License-Identifier: Apache-2.0

/// A queue in an array: what was taken out at the front leaves its place there until enough places are empty.
struct FIFO<Element> {
    private var items: [Element?] = []
    private var head = 0

    /// Empty places that are put up with before the rest is moved down.
    private static var slack: Int { 256 }

    var count: Int { self.items.count - self.head }
    var isEmpty: Bool { self.count == 0 }

    var first: Element? {
        get { self.isEmpty ? nil : self.items[self.head] }
        set {
            precondition(!self.isEmpty, "an empty queue has no first element to replace")
            self.items[self.head] = newValue
        }
    }

    mutating func append(_ element: Element) {
        self.items.append(element)
    }

    mutating func popFirst() -> Element? {
        guard !self.isEmpty else { return nil }
        let element = self.items[self.head]
        self.items[self.head] = nil
        self.head += 1
        if self.head == self.items.count {
            self.items.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head > Self.slack, self.head * 2 > self.items.count {
            self.items.removeFirst(self.head)
            self.head = 0
        }
        return element
    }

    mutating func removeAll() {
        self.items = []
        self.head = 0
    }

    /// Lets `body` change every element in place, first to last.
    mutating func updateEach(_ body: (inout Element) -> Void) {
        for index in self.head..<self.items.count {
            guard var element = self.items[index] else { continue }
            body(&element)
            self.items[index] = element
        }
    }
}
