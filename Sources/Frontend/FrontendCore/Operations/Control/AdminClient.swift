// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Platform

/// Asks a running front through its operator's listener.
struct AdminClient {
    let address: String

    /// Where units have fronts listen, and where nothing needs to be said.
    static let standardPlaces = "/run/imageproxy/admin*.sock"
    private static let longestAnswer = 16 << 20

    struct Failure: Error {
        let text: String
        /// The socket is there and nobody listens: left behind by a front that was killed.
        var isAbandoned = false
    }

    func request(_ method: String, _ target: String) throws(Failure) -> (status: Int, body: [UInt8]) {
        let head =
            "\(method) \(target) HTTP/1.1\r\nHost: admin\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
        let answer: [UInt8]
        do throws(SystemError) {
            answer = try ClientSocket(connectingTo: self.address)
                .exchange(Array(head.utf8), atMost: Self.longestAnswer)
        } catch {
            let isAbandoned = error.code == ECONNREFUSED && self.address.hasPrefix("unix:")
            throw Failure(text: "\(self.address): \(error)", isAbandoned: isAbandoned)
        }
        let start = String(decoding: answer.prefix(32), as: UTF8.self)
        guard start.hasPrefix("HTTP/1.1 "), let status = Int(start.dropFirst(9).prefix(3)),
            let end = answer.indices.dropLast(3).first(where: { answer[$0...].starts(with: "\r\n\r\n".utf8) })
        else { throw Failure(text: "\(self.address): what answers there is no front of this service") }
        return (status, Array(answer[(end + 4)...]))
    }

    /// - Returns: what `/status` says.
    func status() throws(Failure) -> JSON {
        let (status, body) = try self.request("GET", "/status")
        guard status == 200, let state = JSON(parsing: body), state["workers"] != nil else {
            throw Failure(text: "\(self.address): what answers there is no operator's listener (status \(status))")
        }
        return state
    }

    /// The addresses that were named, else the sockets in the usual place.
    static func addresses(named: [String]) -> [String] {
        guard named.isEmpty else { return named }
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(Self.standardPlaces, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { index in
            found.gl_pathv[index].map { "unix:" + String(cString: $0) }
        }
    }
}
