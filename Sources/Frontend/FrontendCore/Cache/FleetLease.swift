// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The right to fill a key for all fronts.
///
/// It is kept alive until it has ended; if this front dies, it runs out. Whoever holds it says `end` when the value is
/// where the others look, which may be later than when it answers its own clients. Dropped without a word, it ends as
/// `notStored`.
@LoopActor
final class FleetLease {
    private var finish: (@LoopActor (FleetAnnouncement) -> Void)?
    private var renewal: LoopTimer?

    /// - Parameters:
    ///   - interval: between two calls of `renew`.
    ///   - finish: called once.
    init(
        every interval: Duration, renew: @escaping @LoopActor () -> Void,
        finish: @escaping @LoopActor (FleetAnnouncement) -> Void
    ) {
        self.finish = finish
        self.renewal = LoopTimer(after: interval, every: interval, renew)
    }

    isolated deinit {
        self.renewal?.stop()
        self.finish?(.notStored)
    }

    func end(_ announcement: FleetAnnouncement) {
        self.renewal?.stop()
        self.renewal = nil
        let finish = self.finish
        self.finish = nil
        finish?(announcement)
    }
}
