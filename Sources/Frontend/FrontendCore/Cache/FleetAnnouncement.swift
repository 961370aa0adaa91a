// SPDX-License-Identifier: Apache-2.0

/// What the front that has filled a key tells the others.
enum FleetAnnouncement: Character, Sendable {
    /// It is where all of them look.
    case stored = "1"
    /// It could not be made, or may not be kept: each has to do without it.
    case notStored = "0"
}
