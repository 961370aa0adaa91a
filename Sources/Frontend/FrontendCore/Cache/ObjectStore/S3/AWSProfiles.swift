// SPDX-License-Identifier: Apache-2.0

/// A file of profiles, such as `~/.aws/credentials`: sections in brackets, a name and a value in each line.
struct AWSProfiles {
    private var sections: [String: [String: String]] = [:]

    init(_ content: [UInt8]) {
        var section = ""
        for line in String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let text = String(line).trimmed
            // What is indented continues the line before, and none of those is read here.
            guard !text.isEmpty, !text.hasPrefix("#"), !text.hasPrefix(";"), line.first?.isWhitespace == false else {
                continue
            }
            if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                section = String(text[text.index(after: text.startIndex)..<end]).trimmed
                self.sections[section, default: [:]] = self.sections[section] ?? [:]
            } else if let equals = text.firstIndex(of: "=") {
                let name = String(text[..<equals]).trimmed.lowercased()
                self.sections[section, default: [:]][name] = String(text[text.index(after: equals)...]).trimmed
            }
        }
    }

    func has(_ profile: String) -> Bool { self.sections[profile] != nil }

    /// The keys of a profile; nil when it has none.
    func credentials(_ profile: String) -> AWSCredentials? {
        guard let section = self.sections[profile], let accessKey = section["aws_access_key_id"],
            let secretKey = section["aws_secret_access_key"], !accessKey.isEmpty, !secretKey.isEmpty
        else { return nil }
        let token = section["aws_session_token"] ?? ""
        return AWSCredentials(accessKey: accessKey, secretKey: secretKey, sessionToken: token.isEmpty ? nil : token)
    }
}
