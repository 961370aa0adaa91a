// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// `imageproxy workers`: how many workers there are, and `imageproxy workers 8`: how many there are to be.
enum WorkersCommand {
    static func run(
        _ arguments: [String], environment: [(name: String, value: String)]
    ) throws(UsageError) -> CommandLineReader.Outcome {
        let arguments = try ControlArguments(arguments, of: .workers, environment: environment)
        guard !arguments.wantsHelp else { return .answered(Subcommand.workers.usage, exitStatus: 0) }
        guard arguments.words.count <= 1 else {
            throw UsageError(description: "expected one number at most; see imageproxy workers -help")
        }
        let wanted = try arguments.words.first.map { text throws(UsageError) in try Self.number(text) }
        // A front that is named is asked; units are what there is when nothing is said.
        if arguments.addresses.isEmpty, let units = WorkerUnits.running() {
            return try Self.units(units, wanted)
        }
        return try Self.front(arguments, wanted)
    }

    private static func number(_ text: String) throws(UsageError) -> Int {
        guard let number = Int(text), (1...AdminService.mostWorkers).contains(number) else {
            throw UsageError(
                description: "invalid number of workers \(quoted(text)): expected a whole number from 1 to "
                    + "\(AdminService.mostWorkers)")
        }
        return number
    }

    private static func units(_ units: [Int], _ wanted: Int?) throws(UsageError) -> CommandLineReader.Outcome {
        guard let wanted else {
            let names = units.map { "imageproxy-worker@\($0).service\n" }.joined()
            return .answered("\(units.count) workers run\n" + names, exitStatus: 0)
        }
        if let failed = WorkerUnits.set(wanted, running: units) {
            throw UsageError(description: "this failed, see above: \(failed)", exitStatus: 1)
        }
        return .answered("\(WorkerAdvice.workers(wanted)) from now on; there were \(units.count)\n", exitStatus: 0)
    }

    private static func front(_ arguments: ControlArguments, _ wanted: Int?) throws(UsageError)
        -> CommandLineReader.Outcome
    {
        let clients = try arguments.clients()
        guard wanted == nil || clients.count == 1 else {
            throw UsageError(
                description: "there are \(clients.count) fronts; name one: -adminAddr \(clients[0].address)")
        }
        do throws(AdminClient.Failure) {
            guard let wanted else {
                var lines = ""
                for client in clients { lines += try Self.line(client) }
                return .answered(lines, exitStatus: 0)
            }
            let (status, body) = try clients[0].request("PUT", "/workers?number=\(wanted)")
            let text = String(decoding: body, as: UTF8.self)
            guard status == 200 else {
                throw AdminClient.Failure(text: text.split(separator: "\n").joined(separator: " "))
            }
            return .answered(text, exitStatus: 0)
        } catch {
            throw UsageError(description: error.text, exitStatus: 1)
        }
    }

    private static func line(_ client: AdminClient) throws(AdminClient.Failure) -> String {
        let state = try client.status()
        let workers = state["workers"]
        let busy = Int(workers?["busy"]?.double ?? 0)
        let advice = workers?["advice"]?.string ?? ""
        guard let wanted = workers?["wanted"]?.double, let running = workers?["running"]?.double else {
            return "\(client.address): starts no workers; \(busy) busy with its jobs. \(advice)\n"
        }
        return "\(client.address): \(Int(running)) of \(Int(wanted)) workers run, \(busy) busy. \(advice)\n"
    }
}
