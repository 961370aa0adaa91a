// SPDX-License-Identifier: Apache-2.0

internal import ImageJob

/// `imageproxy sign`, and the original's `imageproxy-sign`: prints the signature of a URL.
enum SignCommand {
    /// - Returns: what to print, errors included: the original prints those on its standard output, too.
    static func run(_ arguments: [String]) throws(UsageError) -> CommandLineReader.Outcome {
        var keyText = "@/etc/imageproxy.key"
        var signsURLOnly = false
        var rest = arguments[...]
        while let argument = rest.first, argument.hasPrefix("-"), argument != "-" {
            rest.removeFirst()
            if argument == "--" { break }
            guard let (name, value) = CommandLineReader.split(argument) else {
                throw UsageError(description: "bad flag syntax: \(argument)")
            }
            switch name {
            case "key":
                guard let text = value ?? rest.popFirst() else {
                    throw UsageError(description: "flag needs an argument: -key")
                }
                keyText = text
            case "url":
                guard let isOn = value.map(Setting.boolean) ?? true else {
                    throw UsageError(description: "invalid boolean value \(quoted(value ?? "")) for -url")
                }
                signsURLOnly = isOn
            case "h", "help": return .answered(Self.usage, exitStatus: 0)
            default: throw UsageError(description: "flag provided but not defined: -\(name)")
            }
        }
        return Self.sign(rest.first ?? "", keyText, signsURLOnly)
    }

    private static let usage = """
        Usage of imageproxy-sign: imageproxy-sign [-key key|@file] [-url] URL
          -key key|@file
            \tsigning key, or file containing key prefixed with '@' (default "@/etc/imageproxy.key")
          -url
            \tonly sign the URL value, do not include options

        """

    private static func sign(_ text: String, _ keyText: String, _ signsURLOnly: Bool) -> CommandLineReader.Outcome {
        guard !text.isEmpty else { return .answered("imageproxy-sign url [key]\n", exitStatus: 1) }
        guard let (url, options) = Self.message(text) else {
            return .answered("unable to parse URL: \(text)\n", exitStatus: 1)
        }
        var key = Array(keyText.utf8)
        if keyText.hasPrefix("@") {
            do throws(FileError) {
                key = try FileContent.read(String(keyText.dropFirst()))
            } catch {
                return .answered("error parsing key: \(error)\n", exitStatus: 1)
            }
        }
        let fragment = [UInt8(ascii: "#")] + URLComponent.fragment.escape(options.canonical.utf8)
        let message = signsURLOnly ? url : url + fragment
        let signature = Base64.encode(SigningKeys.authenticationCode(of: message, key: key))
        return .answered("url: \(text)\nsignature: \(signature)\n", exitStatus: 0)
    }

    /// What is signed: a request's remote URL and options, or those of a remote URL that has options for a fragment. A
    /// signature among the options is left out.
    static func message(_ text: String) -> (url: [UInt8], options: TransformOptions)? {
        guard let reference = try? URLReference(parsing: Array(text.utf8)) else { return nil }
        if !reference.path.isEmpty,
            let request = try? RequestURL.parse(RequestTarget(of: reference), baseURL: nil)
        {
            return (request.signedURL, Self.unsigned(request.options))
        }
        let fragment = Array(text.utf8)[...].cut(at: UInt8(ascii: "#")).tail ?? []
        guard let decoded = try? URLComponent.fragment.unescape(fragment) else { return nil }
        return (reference.text, Self.unsigned(TransformOptions(parsing: String(decoding: decoded, as: UTF8.self))))
    }

    private static func unsigned(_ options: TransformOptions) -> TransformOptions {
        var options = options
        options.signature = ""
        return options
    }
}
