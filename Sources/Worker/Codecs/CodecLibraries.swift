// SPDX-License-Identifier: Apache-2.0

internal import CCodecShims

/// The libraries behind the codecs, as a whole.
public enum CodecLibraries {
    /// As `codec_versions.h` says.
    public static var versions: [UInt32] {
        [UInt32](unsafeUninitializedCapacity: Int(CODEC_LIBRARIES)) { numbers, count in
            codec_versions(numbers.baseAddress)
            count = Int(CODEC_LIBRARIES)
        }
    }

    /// Has them do what they could not do once the process may ask the system for nothing.
    public static func warmUp() {
        codec_warm_up()
        // Tries the shortcuts past libjpeg against libjpeg itself; they stay off where the two disagree.
        _ = jpeg_shortcuts_warm_up()
    }

    /// Takes out of this process what no picture needs. Nothing may be loaded after that, and the process has to end by
    /// `_exit`.
    public static func prepareForks() { codec_prepare_forks() }

    /// In a process that was forked after `prepareForks`, first of all: has memory provided that every picture needs.
    public static func beginFork() { codec_begin_fork() }
}
