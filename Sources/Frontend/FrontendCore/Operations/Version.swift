// SPDX-License-Identifier: Apache-2.0

/// The version of the program; `CHANGELOG.md` has its history.
public enum Version {
    public static let text = "0.1.0"
}
