// SPDX-License-Identifier: Apache-2.0

extension RedisURL {
    /// Reads what stands behind the question mark.
    ///
    /// - Parameter takesDatabase: a socket's path leaves no room for the number.
    static func readParameters(
        _ query: Substring, takesDatabase: Bool, into login: inout RedisLogin, _ settings: inout RedisSettings
    ) throws(FlagError) {
        for item in query.split(separator: "&") {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count > 1 ? pair[1] : ""
            switch pair[0] {
            case "db" where takesDatabase: login.database = try Self.database(value)
            case "timeout": settings.loadLimit = try LookLimit.parse(value)
            case "storeTimeout": settings.storeLimit = try LookLimit.parse(value)
            case "connectTimeout": settings.connectLimit = try LookLimit.parse(value)
            case "maxEntry":
                guard let bytes = ByteSize.parse(value), Self.entrySizes.contains(bytes) else {
                    throw FlagError(expected: "maxEntry=8MB behind the address, from 1kB to 512MB")
                }
                settings.maximumEntryBytes = bytes
                // Two that are on their way leave room for what is asked meanwhile.
                settings.maximumQueuedBytes = max(settings.maximumQueuedBytes, 4 * bytes)
            case "connections":
                guard let count = Int(value), (1...64).contains(count) else {
                    throw FlagError(expected: "connections=2 behind the address, from 1 to 64")
                }
                settings.connections = count
            default:
                let known =
                    "timeout, storeTimeout, connectTimeout, maxEntry, connections" + (takesDatabase ? ", db" : "")
                throw FlagError(expected: "nothing behind ? but \(known)")
            }
        }
    }

    /// Redis itself takes no more than 512 MB in one value.
    private static let entrySizes = 1_000...512_000_000
}
