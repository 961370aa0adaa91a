// SPDX-License-Identifier: Apache-2.0

/// A script that stands in one of our own pages, and the permission for it and no other to run there.
struct InlineScript {
    let text: String

    /// As a page's `script-src` names it (CSP level 3, section 6.7.3: base64url is as good as base64).
    var source: String { "'sha256-\(Base64.encode(Digest.sha256(self.text)))'" }

    var element: String { "<script>\(self.text)</script>" }
}
