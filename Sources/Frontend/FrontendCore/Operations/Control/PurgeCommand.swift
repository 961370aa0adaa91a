// SPDX-License-Identifier: Apache-2.0

/// `imageproxy purge`: has fronts forget pictures.
enum PurgeCommand {
    static func run(
        _ arguments: [String], environment: [(name: String, value: String)]
    ) throws(UsageError) -> CommandLineReader.Outcome {
        let arguments = try ControlArguments(arguments, of: .purge, environment: environment)
        guard !arguments.wantsHelp else { return .answered(Subcommand.purge.usage, exitStatus: 0) }
        guard !arguments.words.isEmpty else {
            throw UsageError(description: "expected the URL of a picture; see imageproxy purge -help")
        }
        for url in arguments.words {
            guard url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw UsageError(description: "\(quoted(url)) is no URL; write what is special in it as %XX")
            }
        }
        let clients = try arguments.clients()
        var lines = ""
        var exitStatus: Int32 = 0
        for client in clients {
            // A socket that a killed front has left behind has nothing to forget.
            if arguments.addresses.isEmpty, client.isAbandoned { continue }
            for url in arguments.words {
                let (line, isDone) = Self.purge(url, client)
                lines += (clients.count > 1 ? "\(client.address): " : "") + line + "\n"
                if !isDone { exitStatus = 1 }
            }
        }
        return .answered(lines, exitStatus: exitStatus)
    }

    private static func purge(_ url: String, _ client: AdminClient) -> (line: String, isDone: Bool) {
        do throws(AdminClient.Failure) {
            let (status, body) = try client.request("PURGE", url.hasPrefix("/") ? url : "/" + url)
            return (String(decoding: body, as: UTF8.self).split(separator: "\n").joined(separator: " "), status == 200)
        } catch {
            return (error.text, false)
        }
    }
}
