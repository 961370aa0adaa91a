// SPDX-License-Identifier: Apache-2.0

/// A file of certificates, looked at now: found out later, every fetch over TLS would fail because of it.
///
/// - Returns: its path.
func certificateFile(_ path: String) throws(FlagError) -> String {
    let content: [UInt8]
    do throws(FileError) {
        content = try FileContent.read(path)
    } catch {
        throw FlagError(failure: "\(error)")
    }
    guard String(decoding: content, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
        throw FlagError(failure: "\(path) holds no certificate in PEM's form (-----BEGIN CERTIFICATE-----)")
    }
    return path
}
