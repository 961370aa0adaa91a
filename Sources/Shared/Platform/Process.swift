// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc
internal import Synchronization

/// Facts about this process, and what it asks of the kernel for itself.
public enum CurrentProcess {
    /// Nanoseconds of a clock that never jumps.
    public static var monotonicNanoseconds: UInt64 { cp_monotonic_ns() }

    /// KiB of resident memory, at its highest.
    public static var peakMemoryKB: UInt32 { cp_peak_memory() }

    /// Of the machine, as far as they are switched on; at least one.
    public static var cores: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// What this process takes of the machine now.
    public struct Usage: Sendable {
        public var cpuSeconds: Double
        public var residentBytes: Int
        public var openDescriptors: Int
        public var maximumDescriptors: Int
    }

    public static func usage() -> Usage {
        var usage = cp_usage()
        cp_get_usage(&usage)
        return Usage(
            cpuSeconds: usage.cpu_seconds, residentBytes: Int(usage.resident_bytes),
            openDescriptors: Int(usage.open_descriptors), maximumDescriptors: Int(usage.maximum_descriptors))
    }

    /// As many open files as the operator allows.
    public static func raiseFileLimit() {
        let limit = cp_raise_file_limit()
        if limit > 0 { Self.limitOfFiles.store(Int(clamping: limit), ordering: .relaxed) }
    }

    /// Descriptors that this process may have; the smallest limit that is usual before `raiseFileLimit`.
    static var fileLimit: Int { Self.limitOfFiles.load(ordering: .relaxed) }
    private static let limitOfFiles = Atomic<Int>(1024)

    /// Keeps what is in memory (keys, passwords, what clients were sent) to this process: no core dump is written, and
    /// other processes of the same user may not look. Root still may.
    public static func hideMemory() {
        // It cannot fail on a kernel that has it, and there is nothing to do instead.
        _ = cp_hide_memory()
    }

    /// 128 bits that nobody can guess.
    public static func randomBits() -> (high: UInt64, low: UInt64) {
        var bits: (high: UInt64, low: UInt64) = (0, 0)
        let status = withUnsafeMutableBytes(of: &bits) { cp_random($0.baseAddress, $0.count) }
        // Without random numbers a job could be answered by somebody else: better none at all.
        precondition(status == 0, "the kernel has no random numbers")
        return bits
    }

    public static func closeDescriptors(from first: Int32) { cp_close_from(first) }
}
