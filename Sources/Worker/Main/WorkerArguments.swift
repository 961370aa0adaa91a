// SPDX-License-Identifier: Apache-2.0

/// The worker's command line.
struct WorkerArguments {
    enum Source {
        /// An inherited, listening socket.
        case descriptor(Int32)
        /// A path to listen on.
        case path(String)
    }

    var jobs: Source?
    /// Workers that share the socket.
    var workers = 1
    /// A pipe whose end means that whoever started this is gone; negative = none.
    var lifeline: Int32 = -1
    /// Milliseconds after which a child is killed.
    var jobTimeout: UInt64 = 30_000
    /// Bytes of address space of a child; 0 = no bound.
    var memory: UInt64 = 1 << 30
    var requiresSeccomp = true
    var testsSandbox = false

    struct Problem: Error {
        let text: String
    }

    static let help = """
        imageproxy-worker: transforms pictures in sandboxed processes, for imageproxy.

        Usage: imageproxy-worker --jobs-socket PATH [options]

          --jobs-socket PATH      listen for jobs on this Unix socket; front: imageproxy -jobsSocket PATH
          --jobs-fd N             use an inherited socket that listens already
                                  (default: the one passed by systemd, LISTEN_FDS)
          --workers N             as many workers on that socket, and replace those that end (default 1)
          --lifeline-fd N         end when the other side of this pipe is closed
          --job-timeout MS        kill a child after this time (default 30000)
          --max-memory MB         address space of a child (default 1024; 0 = no bound)
          --require-sandbox standard|off
                                  start only if system calls can be filtered (default standard)
          --sandbox-test          try what the sandbox must forbid, print a table, and exit
          --help, --version

        """

    /// - Throws: what is wrong, as one line.
    init(_ arguments: [String]) throws(Problem) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            func value() throws(Problem) -> String {
                guard let value = rest.popFirst() else { throw Problem(text: "\(name) needs a value; see --help") }
                return value
            }
            func number(_ range: ClosedRange<UInt64>) throws(Problem) -> UInt64 {
                let text = try value()
                guard let number = UInt64(text), range.contains(number) else {
                    throw Problem(
                        text: "\(name) \(text): expected a number from \(range.lowerBound) to \(range.upperBound)")
                }
                return number
            }
            switch name {
            case "--jobs-fd": self.jobs = .descriptor(Int32(try number(3...1_000_000)))
            case "--jobs-socket": self.jobs = .path(try value())
            case "--workers": self.workers = Int(try number(1...1024))
            case "--lifeline-fd": self.lifeline = Int32(try number(3...1_000_000))
            case "--job-timeout": self.jobTimeout = try number(10...86_400_000)
            case "--max-memory":
                let text = rest.first
                self.memory = text == "0" ? try number(0...0) : try number(64...1 << 20) << 20
            case "--require-sandbox":
                let text = try value()
                guard text == "standard" || text == "off" else {
                    throw Problem(text: "--require-sandbox \(text): expected standard or off")
                }
                self.requiresSeccomp = text == "standard"
            case "--sandbox-test": self.testsSandbox = true
            default: throw Problem(text: "unknown option \(name); see --help")
            }
        }
    }
}
