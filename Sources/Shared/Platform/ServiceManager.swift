// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc

/// systemd, or whoever else started this process by its conventions: sockets handed over (sd_listen_fds(3)), and a
/// socket that wants to hear how things go (sd_notify(3)).
///
/// Reads the environment once, at start, and takes these variables out of it: they are meant for this process alone.
public final class ServiceManager: Sendable {
    /// A listening socket that was passed, and what its unit calls it.
    public struct PassedSocket: Sendable {
        public let descriptor: Int32
        public let name: String
    }

    /// In the order in which they were passed; whoever uses one owns it.
    public let sockets: [PassedSocket]
    /// How often `keepAlive` has to be said at least; nil when nobody watches.
    public let watchdogInterval: Duration?
    /// Of the socket for notifications, -1 when nobody listens.
    private let notificationDescriptor: Int32

    private static let firstPassed: Int32 = 3

    public init() {
        let forThisProcess = Self.take("LISTEN_PID") == "\(getpid())"
        let count = Self.take("LISTEN_FDS").flatMap { Int32($0) } ?? 0
        let names = (Self.take("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        var sockets: [PassedSocket] = []
        if forThisProcess, (1...64).contains(count) {
            for index in 0..<count where cp_set_cloexec(Self.firstPassed + index) == 0 {
                let name = Int(index) < names.count ? String(names[Int(index)]) : ""
                sockets.append(PassedSocket(descriptor: Self.firstPassed + index, name: name))
            }
        }
        self.sockets = sockets

        self.notificationDescriptor = max(-1, Self.take("NOTIFY_SOCKET").map { cp_notify_connect($0) } ?? -1)

        let watched = Self.take("WATCHDOG_PID").map { $0 == "\(getpid())" } ?? true
        let microseconds = Self.take("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        self.watchdogInterval = watched && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    deinit {
        if self.notificationDescriptor >= 0 { close(self.notificationDescriptor) }
    }

    public func ready(_ status: String) { self.say("READY=1\nSTATUS=\(status)") }
    /// To be followed by `ready`.
    public func reloading() {
        self.say("RELOADING=1\nMONOTONIC_USEC=\(CurrentProcess.monotonicNanoseconds / 1000)")
    }

    public func stopping() { self.say("STOPPING=1") }
    public func keepAlive() { self.say("WATCHDOG=1") }

    private func say(_ text: String) {
        guard self.notificationDescriptor >= 0 else { return }
        // Nobody is helped by a service that fails because its manager does not listen.
        _ = Array(text.utf8).withUnsafeBytes { bytes in
            send(self.notificationDescriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }

    private static func take(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }) else { return nil }
        unsetenv(name)
        return value
    }
}
