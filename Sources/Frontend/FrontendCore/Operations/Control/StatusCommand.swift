// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// `imageproxy status`: how the fronts of this machine are doing.
enum StatusCommand {
    static func run(
        _ arguments: [String], environment: [(name: String, value: String)]
    ) throws(UsageError) -> CommandLineReader.Outcome {
        let arguments = try ControlArguments(arguments, of: .status, environment: environment)
        guard !arguments.wantsHelp else { return .answered(Subcommand.status.usage, exitStatus: 0) }
        guard arguments.words.isEmpty else {
            throw UsageError(
                description: "unexpected argument \(quoted(arguments.words[0])); see imageproxy status -help")
        }
        guard let interval = arguments.watchInterval else {
            return try Self.look(arguments, isColoured: isatty(1) == 1)
        }
        Self.watch(arguments, every: interval)
    }

    private static func look(_ arguments: ControlArguments, isColoured: Bool) throws(UsageError)
        -> CommandLineReader.Outcome
    {
        var fronts: [(address: String, state: JSON)] = []
        var failures: [String] = []
        for client in try arguments.clients() {
            do throws(AdminClient.Failure) {
                fronts.append((client.address, try client.status()))
            } catch  where error.isAbandoned && arguments.addresses.isEmpty {
                // Whoever is killed leaves its socket behind; that is no front.
                continue
            } catch {
                failures.append(error.text)
            }
        }
        guard !fronts.isEmpty || !failures.isEmpty else {
            throw UsageError(description: "no front is running", exitStatus: 1)
        }
        if arguments.wantsJSON, failures.isEmpty {
            let isReady = fronts.allSatisfy { $0.state["ready"]?.isTrue == true }
            return .answered(JSON.array(fronts.map(\.state)).text + "\n", exitStatus: isReady ? 0 : 1)
        }
        guard !fronts.isEmpty, !arguments.wantsJSON else {
            throw UsageError(description: failures.joined(separator: "\nimageproxy: "), exitStatus: 1)
        }
        var state = FrontState()
        for front in fronts { state.add(front.state, from: front.address) }
        state.complaints += failures
        let units = state.workersWanted == nil ? WorkerUnits.running()?.count : nil
        let screen = StatusScreen(state: state, fronts: fronts, units: units, isColoured: isColoured)
        return .answered(screen.text, exitStatus: state.complaints.isEmpty ? 0 : 1)
    }

    /// Draws in place: home, the lines, each cleared to its end, and what was below is cleared last. So nothing flickers.
    private static func watch(_ arguments: ControlArguments, every seconds: Double) -> Never {
        signal(SIGINT) { _ in
            // Shows the cursor again.
            _ = write(1, "\u{1B}[?25h\n", 7)
            _exit(0)
        }
        print("\u{1B}[2J\u{1B}[?25l", terminator: "")
        while true {
            let text: String
            do throws(UsageError) {
                guard case .answered(let screen, _) = try Self.look(arguments, isColoured: true) else { continue }
                text = screen
            } catch {
                text = "imageproxy: \(error)\n"
            }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            print("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[J", terminator: "")
            fflush(nil)
            usleep(useconds_t(seconds * 1_000_000))
        }
    }
}
