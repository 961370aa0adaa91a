// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc

/// What libcurl needs of the process, once.
enum CurlLibrary {
    /// Touch this before the first call into libcurl.
    ///
    /// - The character set: libcurl maps international host names by the locale's, and in the "C" locale every one of
    ///   them fails. `C.UTF-8` is built into Debian's libc and changes nothing but the character set.
    /// - SIGPIPE: CURLOPT_NOSIGNAL keeps libcurl's hands off signals, so a TLS connection that the peer has closed
    ///   would end the process on the next write.
    static let isReady: Bool = {
        setlocale(LC_CTYPE, "C.UTF-8")
        signal(SIGPIPE, SIG_IGN)
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()

    /// Where it looks for certificates: whether in one file, and in which folder. It writes a page of text for who asks.
    static let certificates: (hasFile: Bool, folder: String?) = {
        let version = curlshim_version().pointee
        return (version.cainfo != nil, version.capath.map { String(cString: $0) })
    }()
}
