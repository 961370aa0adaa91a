// SPDX-License-Identifier: Apache-2.0

internal import CSandbox
internal import Glibc
public import WorkerProtocol

/// Puts the layers around a worker. Each is independent of the others; one that the kernel refuses is left out and
/// missing from `layers`, which the hello tells the front.
public struct Sandbox: ~Copyable {
    /// The layers in force so far, those of the children included.
    public private(set) var layers: SandboxLayers = []
    private let filter: OpaquePointer?
    private let keeperFilter: OpaquePointer?

    /// Descriptors that a child may have: its connection, source, result, and room for what libc opens for a moment.
    private static let maximumFiles: UInt64 = 32
    /// Debian's `nobody`, which owns no file.
    private static let nobody: UInt32 = 65534

    /// Compiles the filters of system calls, once for all children: it costs milliseconds.
    public init() {
        let allowed = SandboxPolicy.allowedCalls.map(\.name)
        self.filter = Self.compile(allowed, kills: true)
        self.keeperFilter = Self.compile(allowed + SandboxPolicy.keeperCalls.map(\.name), kills: false)
        // Loading it can only fail for want of no_new_privs, which is set before.
        if self.filter != nil { self.layers.insert(.seccomp) }
    }

    private static func compile(_ calls: [String], kills: Bool) -> OpaquePointer? {
        var error: Int32 = 0
        let names = calls.map { UnsafePointer(strdup($0)) }
        defer { for name in names { free(UnsafeMutablePointer(mutating: name)) } }
        return cs_filter_compile(names, Int32(names.count), kills ? 1 : 0, &error)
    }

    // MARK: In the launcher

    /// Empty namespaces; the next fork is pid 1 of its own. What whoever started this process has set up already, such as
    /// a systemd unit that forbids new namespaces, counts as well.
    public mutating func enterNamespaces() {
        if cs_new_namespaces(1) == 0 {
            self.layers.insert(.namespaces)
            if cs_empty_root() == 0 { self.layers.insert(.emptyRoot) }
        } else {
            if cs_has_own_network() == 1 { self.layers.insert(.namespaces) }
            if cs_has_own_root() == 1 { self.layers.insert(.emptyRoot) }
        }
    }

    // MARK: In the keeper

    /// Everything that lasts, in the only order that works: root is needed to become nobody, and a ruleset of Landlock
    /// needs that no privileges can come back.
    public mutating func restrictKeeper() {
        if cs_drop_privileges(Self.nobody, Self.nobody) == 0, cs_no_new_privileges() == 0 {
            self.layers.insert(.noPrivileges)
        }
        if cs_landlock_deny_all() > 0 { self.layers.insert(.landlock) }
        if cs_limit_core() == 0 { self.layers.insert(.limits) }
    }

    /// A filter for the keeper itself, once it is ready and has only to serve. A child's own filter comes on top of it, and
    /// costs half: the kernel tries a new filter with each call that those before it let pass.
    ///
    /// - Returns: false when there is a filter and the kernel refused it. Children are none the less restricted.
    public func filterKeeper() -> Bool {
        guard let keeperFilter else { return true }
        return cs_filter_load(keeperFilter) == 0
    }

    // MARK: In the child

    /// The last layers, after which only the policy's calls are left.
    ///
    /// - Parameters:
    ///   - memory: bytes of address space; 0 = no bound.
    ///   - cpuSeconds: of CPU time.
    ///   - resultBytes: of the largest file that may be written.
    /// - Returns: false when the filter that `layers` promises could not be loaded.
    public func restrictChild(memory: UInt64, cpuSeconds: UInt64, resultBytes: UInt64) -> Bool {
        if cs_limit_files(Self.maximumFiles) != 0 || cs_limit_file_size(resultBytes) != 0
            || cs_limit_cpu(cpuSeconds) != 0 || (memory > 0 && cs_limit_memory(memory) != 0)
        {
            return false
        }
        guard let filter else { return true }
        return cs_filter_load(filter) == 0
    }
}

/// The few calls around `fork` that Swift does not offer.
public enum Fork {
    /// - Returns: 0 in the child, its pid in the parent, a negative errno when there is none.
    public static func fork() -> Int32 { cs_fork() }

    /// Ends the process without running anything that was registered for its end.
    public static func exit(_ code: Int32) -> Never { cs_exit(code) }

    /// SIGKILL when the thread that forked this process ends.
    public static func dieWithParent() { _ = cs_die_with_parent() }
}
