// SPDX-License-Identifier: Apache-2.0

/// Why a worker made no picture. A closed list: the raw values travel on the wire and never change.
public enum JobFailure: UInt8, Error, CaseIterable, Sendable {
    /// The magic bytes name no format that this build decodes, or the one asked for is one it does not encode.
    case unsupportedFormat = 1
    /// The source is broken: truncated, inconsistent, or not what its first bytes say.
    case corruptSource = 2
    /// The header declares more pixels than the limits allow.
    case tooManyPixels = 3
    /// The result would have more pixels or bytes than the limits allow.
    case resultTooLarge = 4
    case outOfMemory = 5
    /// The job's own deadline passed between two rows.
    case deadlinePassed = 6
    /// The worker broke a rule of its own.
    case internalError = 7
    /// The source's format, or the one that it would become, is switched off.
    case disabledFormat = 8
}
