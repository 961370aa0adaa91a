// SPDX-License-Identifier: Apache-2.0

internal import CSandbox
internal import Glibc

/// Tries from inside what must fail.
public enum SandboxTest {
    public enum Outcome: Equatable, Sendable {
        /// The kernel ended the process for trying.
        case killed
        /// The call came back with an error.
        case refused(errno: Int32)
        /// It worked.
        case allowed
        /// The child ended in some other way.
        case unclear(String)

        /// Killed, or refused for want of a right; any other error may come from the arguments and proves nothing.
        public var isForbidden: Bool {
            switch self {
            case .killed: true
            case .refused(let code): [EPERM, EACCES, ENOSYS].contains(code)
            case .allowed, .unclear: false
            }
        }
    }

    public struct Attempt: Sendable {
        public let name: String
        public let outcome: Outcome
    }

    /// Every attempt in a child of its own, restricted as `restrict` does it.
    ///
    /// - Parameter restrict: puts the child's layers on; false when that failed.
    public static func run(restrict: () -> Bool) -> [Attempt] {
        var attempts: [Attempt] = []
        while let name = cs_attempt_name(Int32(attempts.count)) {
            attempts.append(
                Attempt(
                    name: String(cString: name),
                    outcome: Self.attempt(Int32(attempts.count), restrict: restrict)))
        }
        return attempts
    }

    // Exit codes of a child that survived its attempt: 0 it worked, 1...200 the errno, 255 no sandbox.
    private static func attempt(_ which: Int32, restrict: () -> Bool) -> Outcome {
        let pid = Fork.fork()
        if pid == 0 {
            guard restrict() else { Fork.exit(255) }
            let status = cs_attempt(which)
            Fork.exit(status >= 0 ? 0 : Int32(min(-status, 200)))
        }
        guard pid > 0 else { return .unclear("no child") }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        let code = (status >> 8) & 0xFF
        switch (signal, code) {
        case (SIGSYS, _): return .killed
        case (0, 0): return .allowed
        case (0, 255): return .unclear("the sandbox could not be set up")
        case (0, let code): return .refused(errno: code)
        default: return .unclear("signal \(signal)")
        }
    }
}
