// SPDX-License-Identifier: Apache-2.0

import CCurl

/// libcurl's own URL parser, which says what libcurl will really dial.
///
/// Owns one `CURLU`, from `init` to `deinit`.
struct CurlURL: ~Copyable {
    private let handle: OpaquePointer

    /// Longer ones are refused before they are parsed.
    static let maximumLength = 16 * 1024

    private static let outOfMemory = FetchError.internalFailure("libcurl is out of memory")

    init(parsing text: String) throws(FetchError) {
        guard CurlLibrary.isReady, let handle = curl_url() else { throw Self.outOfMemory }
        let flags = CURLU_PATH_AS_IS | CURLU_URLENCODE
        if let failure = Self.set(CURLUPART_URL, of: handle, to: text, flags: flags) {
            curl_url_cleanup(handle)
            throw failure
        }
        self.handle = handle
    }

    deinit {
        curl_url_cleanup(self.handle)
    }

    /// Sets a part, or with `CURLUPART_URL` follows a reference relative to what is there.
    func set(_ part: CURLUPart, _ text: String?, flags: Int32 = 0) throws(FetchError) {
        if let failure = Self.set(part, of: self.handle, to: text, flags: flags) { throw failure }
    }

    /// The part's text; nil when the URL has none or it cannot be written with `flags`.
    ///
    /// - Throws: for want of memory alone, lest a part that is there be taken for one that is not.
    func get(_ part: CURLUPart, flags: Int32 = 0) throws(FetchError) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        let code = curl_url_get(self.handle, part, &text, UInt32(bitPattern: flags))
        // libcurl 7.88 fails with a host that it cannot map, and yet hands out a copy of it: freed, or each request leaks.
        // With every other failure there is nothing, which may be freed too.
        defer { curl_free(text) }
        guard code != CURLUE_OUT_OF_MEMORY else { throw Self.outOfMemory }
        guard code == CURLUE_OK, let text else { return nil }
        return String(validatingCString: text)
    }

    private static func set(_ part: CURLUPart, of handle: OpaquePointer, to text: String?, flags: Int32) -> FetchError?
    {
        guard text?.utf8.count ?? 0 <= Self.maximumLength else { return .invalidURL("longer than 16 kB") }
        // An embedded NUL would end the text early, and two parsers would see two URLs.
        guard text?.utf8.contains(0) != true else { return .invalidURL("contains a NUL") }
        let code = curl_url_set(handle, part, text, UInt32(bitPattern: flags))
        return switch code {
        case CURLUE_OK: nil
        case CURLUE_OUT_OF_MEMORY: Self.outOfMemory
        default: .invalidURL(String(cString: curl_url_strerror(code)))
        }
    }
}
