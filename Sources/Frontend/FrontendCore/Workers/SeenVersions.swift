// SPDX-License-Identifier: Apache-2.0

internal import WorkerProtocol

/// What workers have said that they are made of, and when the last one has said the same.
struct SeenVersions {
    typealias Seen = (versions: WorkerVersions, at: ContinuousClock.Instant)

    /// One that was taken over by a picture may say something else every time.
    static let most = 16

    private(set) var all: [Seen] = []

    mutating func note(_ versions: WorkerVersions, at now: ContinuousClock.Instant) {
        self.all.removeAll { $0.versions == versions }
        self.all.append((versions, now))
        // The one that was heard of least lately stands first.
        if self.all.count > Self.most { self.all.removeFirst() }
    }
}
