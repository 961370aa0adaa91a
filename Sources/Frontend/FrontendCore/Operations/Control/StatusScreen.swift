// SPDX-License-Identifier: Apache-2.0

/// What `imageproxy status` shows: at most a terminal's height and 80 columns, so that it can be watched.
struct StatusScreen {
    let state: FrontState
    /// Fronts, one line each, when there are several.
    let fronts: [(address: String, state: JSON)]
    let units: Int?
    let isColoured: Bool

    private static let width = 78

    var text: String {
        let blocks = [self.head, self.requests, self.workers, self.stages, self.places, self.frontLines]
        return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    private var head: [String] {
        let version = self.fronts.first?.state["version"]?.string ?? ""
        let isReady = self.state.complaints.isEmpty
        let count = self.state.fronts == 1 ? "1 front" : "\(self.state.fronts) fronts"
        let place = self.fronts.count == 1 ? self.fronts[0].state["address"]?.string.map { " on \($0)" } ?? "" : ""
        var lines = [
            self.bold("imageproxy \(version)") + " · \(count)\(place) · up \(Self.span(self.state.uptime)) · "
                + (isReady ? self.green("ready") : self.red("not ready"))
        ]
        lines += self.state.complaints.map { self.red("  " + $0) }
        return lines
    }

    private var requests: [String] {
        let state = self.state
        let ratio = FrontState.hitRatio(state.rates).map(Self.percent) ?? "–"
        let total = FrontState.hitRatio(state.totals).map { " (since start \(Self.percent($0)))" } ?? ""
        let outcomes = Metrics.Outcome.allCases.compactMap { outcome -> String? in
            guard let rate = state.rates[outcome.rawValue], rate > 0 else { return nil }
            return "\(outcome.rawValue) \(Self.percent(rate / max(state.requestRate, 1e-9)))"
        }
        let saved =
            state.sourceBytes > 0
            ? "results are \(Self.percent(state.resultBytes / state.sourceBytes)) of their sources' bytes" : ""
        var lines = [
            self.row(
                "requests",
                "\(Self.rate(state.requestRate)) · \(Int(state.inFlight)) in flight · "
                    + "\(Int(state.connections)) connections"),
            self.row("hit ratio", ratio + total),
        ]
        if !outcomes.isEmpty { lines += self.wrapped("", outcomes) }
        let errors = state.errorRates.filter { $0.value > 0 }.sorted { $0.value > $1.value }
        if !errors.isEmpty {
            lines += self.wrapped("errors", errors.prefix(6).map { "\($0.key) \(Self.rate($0.value))" })
        }
        lines.append(
            self.row(
                "bytes",
                "to clients \(Self.bytes(state.clientBytesRate))/s · from origins "
                    + "\(Self.bytes(state.originBytesRate))/s"))
        if !saved.isEmpty { lines.append(self.row("", saved)) }
        return lines
    }

    private var workers: [String] {
        let state = self.state
        let number: String
        if let wanted = state.workersWanted {
            let running = state.workersRunning ?? 0
            let text = "\(Int(running)) of \(Int(wanted)) run"
            number = running < wanted ? self.red(text) : text
        } else if let units {
            number = "\(units) units run"
        } else {
            number = "run by somebody else"
        }
        let restarts = state.restarts > 0 ? " · \(Int(state.restarts)) replaced since start" : ""
        let queue = "\(Int(state.queued)) of \(Int(state.queueLimit))"
        var lines = [
            self.row(
                "workers",
                number + " · \(Int(state.busy)) busy now, \(Self.tenths(state.busyOnAverage)) on average" + restarts),
            self.row("queue", (state.queued >= state.queueLimit ? self.red(queue) : queue) + " jobs wait"),
        ]
        if let sandbox = state.sandbox { lines += self.wrapped("sandbox", [sandbox]) }
        lines += self.wrapped("advice", [state.advice(units: self.units).text])
        return lines
    }

    private var stages: [String] {
        let columns = ["last minute", "per second", "p50", "p99", "mean"]
        var lines = [self.dim(Self.columns(columns))]
        for stage in Metrics.Stage.allCases {
            let histogram = self.state.stages[stage.rawValue] ?? Histogram()
            let mean = histogram.count > 0 ? histogram.sum / Double(histogram.count) : nil
            lines.append(
                Self.columns([
                    stage.rawValue, Self.number(self.state.stageRates[stage.rawValue] ?? 0),
                    Self.time(histogram.quantile(0.5)), Self.time(histogram.quantile(0.99)), Self.time(mean),
                ]))
        }
        return lines
    }

    private var places: [String] {
        var lines: [String] = []
        for tier in Set(self.state.lookupRates.keys).union(self.state.leftAlone.keys).sorted() {
            let (hits, misses) = self.state.lookupRates[tier] ?? (0, 0)
            let ratio = hits + misses > 0 ? Self.percent(hits / (hits + misses)) : "–"
            let alone = self.state.leftAlone[tier].map { " · left alone for \($0.sorted().joined(separator: " and "))" }
            lines.append(
                self.row(tier, "\(Self.rate(hits + misses)) looked up, \(ratio) found" + (alone.map(self.red) ?? "")))
        }
        let fetches = self.state.fetchRates.filter { $0.value > 0 }.sorted { $0.value > $1.value }
        if !fetches.isEmpty {
            lines += self.wrapped("origins", fetches.prefix(6).map { "\($0.key) \(Self.rate($0.value))" })
        }
        return lines
    }

    private var frontLines: [String] {
        guard self.fronts.count > 1 else { return [] }
        return self.fronts.map { address, state in
            var one = FrontState()
            one.add(state, from: address)
            let isReady = one.complaints.isEmpty
            return "\(address) · pid \(Int(state["pid"]?.double ?? 0)) · \(Self.rate(one.requestRate)) · "
                + "up \(Self.span(one.uptime)) · " + (isReady ? self.green("ready") : self.red("not ready"))
        }
    }

    // MARK: Form

    private static let labelWidth = 12

    private func row(_ label: String, _ text: String) -> String { self.dim(Self.padded(label, Self.labelWidth)) + text }

    /// Items in as many lines as they need; a long one is broken at spaces.
    private func wrapped(_ label: String, _ items: [String]) -> [String] {
        let words = items.joined(separator: " · ").split(separator: " ")
        var lines: [String] = []
        var line = ""
        for word in words {
            if !line.isEmpty, line.count + 1 + word.count > Self.width - Self.labelWidth {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line)
        return lines.enumerated().map { self.row($0.offset == 0 ? label : "", $0.element) }
    }

    private static func columns(_ cells: [String]) -> String {
        cells.enumerated().map { index, cell in
            index == 0 ? Self.padded(cell, 14) : String(repeating: " ", count: max(1, 12 - cell.count)) + cell
        }.joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private func bold(_ text: String) -> String { self.isColoured ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    private func dim(_ text: String) -> String { self.isColoured ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
    private func green(_ text: String) -> String { self.isColoured ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
    private func red(_ text: String) -> String { self.isColoured ? "\u{1B}[31m\(text)\u{1B}[0m" : text }

    static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private static func number(_ value: Double) -> String {
        value >= 100 ? "\(Int(value.rounded()))" : Self.tenths(value)
    }

    private static func rate(_ value: Double) -> String { Self.number(value) + "/s" }

    private static func percent(_ part: Double) -> String { Self.tenths(part * 100) + " %" }

    static func bytes(_ value: Double) -> String {
        var (value, unit) = (value, 0)
        while value >= 1000, unit < 4 {
            value /= 1000
            unit += 1
        }
        return Self.number(value) + " " + ["B", "kB", "MB", "GB", "TB"][unit]
    }

    static func time(_ seconds: Double?) -> String {
        guard let seconds else { return "–" }
        if seconds < 0.000_95 { return "\(Int((seconds * 1e6).rounded())) µs" }
        if seconds < 0.9995 { return Self.number(seconds * 1e3) + " ms" }
        return Self.number(seconds) + " s"
    }

    static func span(_ seconds: Double) -> String {
        let seconds = Int(seconds)
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7200 { return "\(seconds / 60) min" }
        if seconds < 172_800 { return "\(seconds / 3600) h" }
        return "\(seconds / 86_400) days"
    }
}
