// SPDX-License-Identifier: Apache-2.0

/// How much work there was for workers in the last minute, and how many of them that calls for.
///
/// The load is the time that workers were busy, divided by the time that has passed: 2.5 means that two and a half of
/// them were. Jobs that had to wait count once they are done, and those that were refused as if each had taken the mean
/// time; one that comes again counts again.
struct LoadMeter {
    private static let slot = Duration.seconds(5)
    private static let slots = 12
    /// Busier than this, a worker is often still at one job when the next one comes: at 80 % the mean wait for a single
    /// worker is four service times (M/M/1), and for several it is a fraction of one.
    static let targetUtilisation = 0.8

    private var busy = [Duration](repeating: .zero, count: LoadMeter.slots)
    private var waited = [Duration](repeating: .zero, count: LoadMeter.slots)
    private var jobs = [Int](repeating: 0, count: LoadMeter.slots)
    private var refused = [Int](repeating: 0, count: LoadMeter.slots)
    private var current: Int64 = 0
    private var firstSlot: Int64?

    /// - Parameter now: since any fixed moment.
    mutating func add(busy: Duration, waited: Duration, at now: Duration) {
        self.advance(to: now)
        let index = Int(self.current % Int64(Self.slots))
        self.busy[index] += busy
        self.waited[index] += waited
        self.jobs[index] += 1
    }

    /// A job was refused because too many wait.
    ///
    /// - Parameter now: since any fixed moment.
    mutating func refuse(at now: Duration) {
        self.advance(to: now)
        self.refused[Int(self.current % Int64(Self.slots))] += 1
    }

    /// The last minute, or what there has been of it.
    struct Load: Sendable {
        /// Workers that were busy, on average.
        var busyWorkers: Double
        var jobsPerSecond: Double
        var refusedPerSecond = 0.0
        /// Seconds, mean of the jobs that were done.
        var serviceTime: Double
        var waitingTime: Double

        /// Workers that would be busy four fifths of the time if nothing had been refused; at least one.
        var advisedWorkers: Int {
            let asked = self.busyWorkers + self.refusedPerSecond * self.serviceTime
            return max(1, Int(min(asked / LoadMeter.targetUtilisation, 1e6).rounded(.up)))
        }
    }

    mutating func load(at now: Duration) -> Load {
        self.advance(to: now)
        let elapsedSlots = min(Int64(Self.slots), self.current - (self.firstSlot ?? self.current) + 1)
        let window = Double(elapsedSlots) * (Self.slot / .seconds(1))
        let count = self.jobs.reduce(0, +)
        let busy = self.busy.reduce(.zero, +) / .seconds(1)
        let waited = self.waited.reduce(.zero, +) / .seconds(1)
        return Load(
            busyWorkers: busy / window, jobsPerSecond: Double(count) / window,
            refusedPerSecond: Double(self.refused.reduce(0, +)) / window,
            serviceTime: count > 0 ? busy / Double(count) : 0, waitingTime: count > 0 ? waited / Double(count) : 0)
    }

    private mutating func advance(to now: Duration) {
        let slot = Int64(now / Self.slot)
        if self.firstSlot == nil {
            self.firstSlot = slot
            self.current = slot
        }
        while self.current < slot {
            // After a long pause every slot is emptied once, and that is enough.
            self.current = max(self.current + 1, slot - Int64(Self.slots) + 1)
            let index = Int(self.current % Int64(Self.slots))
            self.busy[index] = .zero
            self.waited[index] = .zero
            self.jobs[index] = 0
            self.refused[index] = 0
        }
    }
}
