// SPDX-License-Identifier: Apache-2.0

/// What a place can be used for at present. It is left alone for the rest until it works again.
struct StoreAvailability: Sendable {
    var canRead = true
    var canWrite = true
}
