// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Says whose turn it was to do what several wait for.
@LoopActor
final class Turn {
    var isMine = false
}
