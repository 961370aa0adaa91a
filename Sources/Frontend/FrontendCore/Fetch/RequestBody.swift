// SPDX-License-Identifier: Apache-2.0

import CCurl
internal import EventLoop
internal import Glibc

/// The method and the body of a request that is no plain GET.
///
/// The bytes go to libcurl from where they are, one part after the other.
@LoopActor
final class RequestBody {
    private let method: String
    /// nil = no body at all, which is something else than an empty one.
    private let parts: [Blob]?
    private var position = 0

    init(method: String, parts: [Blob]?) {
        self.method = method
        self.parts = parts
    }

    var count: Int { self.parts?.reduce(0) { $0 + $1.count } ?? 0 }

    func configure(_ easy: UnsafeMutableRawPointer) -> CURLcode {
        guard self.parts != nil else { return curlshim_set_text(easy, CURLOPT_CUSTOMREQUEST, self.method) }
        // Safe: the transfer owns this, and outlives libcurl's use of its handle.
        let me = Unmanaged.passUnretained(self).toOpaque()
        let codes = [
            curlshim_set_long(easy, CURLOPT_UPLOAD, 1), curlshim_set_text(easy, CURLOPT_CUSTOMREQUEST, self.method),
            curlshim_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(self.count)),
            curlshim_set_pointer(easy, CURLOPT_READDATA, me), curlshim_set_read(easy, Self.onRead),
            // For a connection that turns out to be closed when it is used again.
            curlshim_set_pointer(easy, CURLOPT_SEEKDATA, me), curlshim_set_seek(easy, Self.onSeek),
        ]
        return codes.first { $0 != CURLE_OK } ?? CURLE_OK
    }

    private static let onRead: curl_read_callback = { buffer, one, count, user in
        nonisolated(unsafe) let (buffer, user) = (buffer!, user!)
        return LoopActor.assumeIsolated {
            let room = UnsafeMutableRawBufferPointer(start: buffer, count: one * count)
            return Unmanaged<RequestBody>.fromOpaque(user).takeUnretainedValue().read(into: room)
        }
    }

    private static let onSeek: curl_seek_callback = { user, offset, origin in
        nonisolated(unsafe) let user = user!
        return LoopActor.assumeIsolated {
            guard origin == SEEK_SET, offset >= 0 else { return CURL_SEEKFUNC_FAIL }
            Unmanaged<RequestBody>.fromOpaque(user).takeUnretainedValue().position = Int(offset)
            return CURL_SEEKFUNC_OK
        }
    }

    private func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        var start = 0
        for part in self.parts ?? [] {
            let offset = self.position - start
            start += part.count
            guard offset < part.count else { continue }
            let bytes = UnsafeRawBufferPointer(rebasing: part.bytes[offset...].prefix(room.count))
            room.copyMemory(from: bytes)
            self.position += bytes.count
            return bytes.count
        }
        return 0
    }
}
