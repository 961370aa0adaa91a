// SPDX-License-Identifier: Apache-2.0

/// The version of both programs, which are released together; `CHANGELOG.md` has its history.
public enum Version {
    public static let text = "0.1.0"
}
