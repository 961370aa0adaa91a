// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The servers of a cluster: each command goes to the one that has the key's slot.
///
/// The map of slots is asked for whenever a server says that it is wrong, and when one of its servers does not answer.
/// Until it is right again, what it is wrong about is missed.
@LoopActor
final class RedisCluster: RedisServers {
    private let seeds: [RedisAddress]
    private let settings: RedisSettings
    private let login: RedisLogin
    private let clock = ContinuousClock()
    private var nodes: [RedisAddress: RedisNode] = [:]
    private var slots: ClusterSlots?
    private var isRefreshing = false
    private var mustRefresh = true
    private var lastRefresh: ContinuousClock.Instant?
    private var refreshTimer: LoopTimer?
    private var isClosed = false

    /// Servers that one command may be sent on to.
    private static let redirections = 4
    /// The map is not asked for more often than this.
    private static let refreshInterval = Duration.milliseconds(200)
    /// Errors by which a server says that the cluster is not what we think it is.
    private static let topologyErrors: Set<String> = ["MOVED", "CLUSTERDOWN", "READONLY", "MASTERDOWN"]

    init(seeds: [RedisAddress], settings: RedisSettings, login: RedisLogin) {
        self.seeds = seeds
        self.settings = settings
        self.login = login
        for seed in seeds { self.addNode(seed) }
    }

    var isUp: Bool { self.nodes.values.contains { $0.isUp } }

    func run(_ command: RedisCommand, atMost limit: Duration) async -> RedisReply? {
        let deadline = self.clock.now + limit
        guard !self.isClosed else { return nil }
        let owner = command.key.map { self.slots?[ClusterSlots.slot(of: $0)] } ?? self.anyAddress
        guard var address = owner else {
            self.refreshSoon()
            return nil
        }
        var isAsking = false
        for _ in 0...Self.redirections {
            // A server that sends us to ever more others is not believed.
            guard self.nodes.count < ClusterSlots.maximumServers || self.nodes[address] != nil else { return nil }
            let node = self.addNode(address)
            let left = self.clock.now.duration(to: deadline)
            let reply =
                isAsking ? await node.runAsking(command, atMost: left) : await node.run(command, atMost: left)
            if reply == nil, !node.isUp { self.refreshSoon() }
            guard case .error(let error) = reply, !self.isClosed else { return reply }
            if Self.topologyErrors.contains(error.code) { self.refreshSoon() }
            switch ClusterRedirection(error, from: address) {
            case .moved(let slot, let newOwner):
                self.slots?.move(slot, to: newOwner)
                (address, isAsking) = (newOwner, false)
            case .ask(let other): (address, isAsking) = (other, true)
            case nil: return reply
            }
        }
        return nil
    }

    /// Any server will do: a cluster passes messages on to all.
    func subscriptionAddress() async -> RedisAddress? { self.anyAddress }

    func close() {
        self.isClosed = true
        self.refreshTimer?.stop()
        self.refreshTimer = nil
        for node in self.nodes.values { node.close() }
        self.nodes = [:]
    }

    private var anyAddress: RedisAddress? {
        self.nodes.filter { $0.value.isUp }.keys.randomElement()
    }

    @discardableResult
    private func addNode(_ address: RedisAddress) -> RedisNode {
        if let node = self.nodes[address] { return node }
        let node = RedisNode(address, settings: self.settings, login: self.login)
        node.onChange = { [weak self] isUp in
            guard let self else { return }
            // A map that is missing can be had now; one with a server that is down may be out of date.
            if !isUp || self.mustRefresh { self.refreshSoon() }
        }
        self.nodes[address] = node
        return node
    }

    // MARK: The map

    private func refreshSoon() {
        self.mustRefresh = true
        guard !self.isClosed, !self.isRefreshing, self.refreshTimer == nil else { return }
        let next = self.lastRefresh.map { $0 + Self.refreshInterval } ?? self.clock.now
        let wait = self.clock.now.duration(to: next)
        self.refreshTimer = LoopTimer(after: wait) { [weak self] in
            guard let self else { return }
            self.refreshTimer = nil
            self.isRefreshing = true
            spawn { await self.refresh() }
        }
    }

    private func refresh() async {
        self.lastRefresh = self.clock.now
        if let slots = await self.askForSlots(), !self.isClosed {
            self.mustRefresh = false
            self.slots = slots
            let used = Set(slots.servers)
            for (address, node) in self.nodes where !used.contains(address) {
                node.close()
                self.nodes[address] = nil
            }
            for address in used { self.addNode(address) }
        }
        self.isRefreshing = false
    }

    private func askForSlots() async -> ClusterSlots? {
        guard let address = self.anyAddress, let node = self.nodes[address] else {
            // Nobody we know is there any more: begin again as at the start. Whoever comes up is asked.
            for seed in self.seeds where !self.isClosed { self.addNode(seed) }
            return nil
        }
        let reply = await node.run(RedisCommand("CLUSTER", "SLOTS"), atMost: self.settings.connectLimit)
        return reply.flatMap { ClusterSlots($0, from: address) }
    }
}
