// SPDX-License-Identifier: Apache-2.0

extension URLReference {
    /// What `reference` means where this URL is the base (RFC 3986 section 5.2).
    ///
    /// An absolute reference stays, but for its dot segments.
    func resolving(_ reference: URLReference) -> URLReference {
        var target = reference
        if !reference.isAbsolute { target.scheme = self.scheme }
        if reference.isAbsolute || !reference.host.isEmpty || reference.userinfo != nil {
            target.path = Self.withoutDots(reference.path)
            return target
        }
        if reference.path.isEmpty, reference.query.isEmpty, !reference.hasEmptyQuery { target.query = self.query }
        target.host = self.host
        target.userinfo = self.userinfo
        target.path = Self.withoutDots(Self.merged(reference.path, into: self.path))
        return target
    }

    private static func merged(_ path: [UInt8], into base: [UInt8]) -> [UInt8] {
        if path.isEmpty { return base }
        if path.first == UInt8(ascii: "/") { return path }
        return base[..<(base.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)] + path
    }

    /// Carries out `.` and `..`; those that would climb above the root are dropped, and an empty segment right behind
    /// such a one with them, which RFC 3986 would keep and the original does not.
    private static func withoutDots(_ path: [UInt8]) -> [UInt8] {
        guard !path.isEmpty else { return [] }
        let slash = UInt8(ascii: "/")
        var kept: [UInt8] = []
        var isFirst = true
        var isDots = false
        for segment in path.split(separator: slash, omittingEmptySubsequences: false) {
            isDots = true
            switch segment {
            case [UInt8(ascii: ".")]:
                isFirst = false
            case [UInt8(ascii: "."), UInt8(ascii: ".")]:
                isFirst = isFirst || !kept.contains(slash)
                kept.removeSubrange((kept.lastIndex(of: slash) ?? 0)...)
            default:
                if !isFirst { kept.append(slash) }
                kept += segment
                isFirst = false
                isDots = false
            }
        }
        // A path that ends in dots names a folder.
        if isDots { kept.append(slash) }
        return kept.first == slash ? kept : [slash] + kept
    }
}
