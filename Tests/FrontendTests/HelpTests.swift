// SPDX-License-Identifier: Apache-2.0

import Testing
import WorkerProtocol

@testable import FrontendCore

struct HelpTests {
    private func answer(_ arguments: [String]) throws -> String {
        guard case .answered(let text, 0) = try CommandLineReader.read(arguments, environment: []) else {
            throw UsageError(description: "not answered")
        }
        return text
    }

    @Test(arguments: ShellCompletion.allCases)
    func `a shell is told every flag and every subcommand`(shell: ShellCompletion) throws {
        let script = try self.answer(["help", "--completion", shell.rawValue])
        let words = Set(script.split { !$0.isLetter }.map { String($0) })
        for flag in Flag.all { #expect(words.contains(flag.name)) }
        for command in Subcommand.all {
            #expect(words.contains(command.name))
            for option in command.options { #expect(words.contains(option.name)) }
        }
    }

    @Test func `a subcommand's own help and the man page have its flags`() throws {
        let page = try self.answer(["help", "--man"])
        for command in [Subcommand.status, .workers, .purge] {
            let help = try self.answer([command.name, "-help"])
            for option in command.options {
                #expect(help.contains("\n  -\(option.head)\n"))
                #expect(page.contains("\n.TP\n\\fB\\-\(option.name)\\fR"))
            }
        }
    }

    @Test(arguments: [["purge", "-json", "http://a.test/"], ["workers", "-watch"]])
    func `a subcommand refuses flags that are not its own`(arguments: [String]) {
        let error = #expect(throws: UsageError.self) { try self.answer(arguments) }
        // Without it the command finds no front, which is an error as well.
        #expect(error?.description.contains("unknown flag \(arguments[1])") == true)
    }

    @Test func `the man page has every flag, with its variable, and every subcommand`() throws {
        let page = try self.answer(["help", "--man"])
        for flag in Flag.all {
            #expect(page.contains("\n.TP\n\\fB\\-\(flag.name)\\fR"))
            #expect(page.contains("\n\(flag.environmentName)\n"))
        }
        for command in Subcommand.all { #expect(page.contains("\\fBimageproxy \(command.name)\\fR")) }
    }

    @Test func `no text of ours is taken for a request of roff`() throws {
        let requests: Set<Substring> = [
            ".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".I", ".IP", ".RS", ".RE", ".br", ".PP",
        ]
        for line in try self.answer(["help", "--man"]).split(separator: "\n") where line.hasPrefix(".") {
            #expect(requests.contains(line.prefix { $0 != " " }))
        }
    }

    @Test func `the version can be asked for`() throws {
        #expect(try self.answer(["version"]) == "imageproxy \(Version.text)\n")
    }

    @Test(arguments: [["--completion"], ["--completion", "tcsh"], ["--man", "x"], ["me"]])
    func `help that there is none of is a mistake`(arguments: [String]) {
        #expect(throws: UsageError.self) { try CommandLineReader.read(["help"] + arguments, environment: []) }
        #expect(throws: UsageError.self) { try CommandLineReader.read(["version", "x"], environment: []) }
    }
}
