// SPDX-License-Identifier: Apache-2.0

import CCurl
internal import EventLoop
internal import Glibc

/// One request and its answer: one hop of a fetch, on one libcurl handle.
///
///     connecting ─request sent→ answering ─head→ receiving ─end→ outcome
///                 (first-byte clock)  (speed clock)
///
/// libcurl calls back while it is inside a function of ours, so what is found there is noted in ``failure`` and libcurl
/// is made to stop; nothing here calls into a multi handle.
@LoopActor
final class Transfer {
    /// What an origin has answered.
    struct Answer {
        let head: ResponseHead
        /// Empty when the answer is a redirect that will be followed.
        let body: Blob
        /// Where that leads.
        let location: String?
    }

    let easy: UnsafeMutableRawPointer
    /// Ends the transfer before libcurl does; nil = what has arrived is enough. Set by whoever runs it.
    var end: ((FetchError?) -> Void)?

    private let target: FetchTarget
    private let settings: FetchSettings
    private let sockets: ConnectionSockets
    private let fields: UnsafeMutablePointer<curl_slist>?
    private let sending: RequestBody?
    private let errorText = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    private var parser: ResponseHeadParser
    private var head: ResponseHead?
    private var location: String?
    private var sink: BodySink?
    private var failure: FetchError?
    /// Why one of the host's addresses was not tried; another may do.
    private var unusableAddress: FetchError?
    /// The connection was opened for an earlier transfer, and had bytes on it before this request was sent: they can be
    /// no answer to it. Nothing was sent; the same request may be made once more, on a connection of its own.
    private(set) var hasMetLeftovers = false
    /// The connection was opened for an earlier transfer, and its origin was just closing it: no byte of an answer came.
    /// That is nobody's fault, and a GET may be made once more (RFC 9112 9.3.1). libcurl itself does so in most cases.
    private(set) var wasDroppedUnanswered = false
    private var hasOpenedSocket = false
    private var hasSentRequest = false
    private var received = 0
    private var clock: LoopTimer?

    /// A redirect's body is read up to here, so that the connection can be used again.
    private static let drainedBytes = 16 << 10
    private static let drainTime = Duration.seconds(1)
    private static let redirectStatuses: Set<Int> = [301, 302, 303, 307, 308]

    /// - Parameters:
    ///   - sending: nil = a plain GET.
    ///   - sockets: those of the multi handle that will run this.
    ///   - onFreshConnection: no connection that was used before will do.
    init(
        _ target: FetchTarget, fields: RequestFields, sending: RequestBody? = nil, settings: FetchSettings,
        sockets: ConnectionSockets, onFreshConnection: Bool
    ) throws(FetchError) {
        guard CurlLibrary.isReady, let easy = curl_easy_init() else {
            throw .internalFailure("libcurl is out of memory")
        }
        self.easy = easy
        self.target = target
        self.settings = settings
        self.sockets = sockets
        self.sending = sending
        self.fields = fields.makeList()
        self.parser = ResponseHeadParser(limits: settings.limits)
        self.errorText.initialize(repeating: 0)
        let code = self.configure(onFreshConnection: onFreshConnection)
        guard code == CURLE_OK, self.fields != nil else {
            throw .internalFailure("libcurl: \(String(cString: curl_easy_strerror(code)))")
        }
    }

    isolated deinit {
        self.clock?.stop()
        curl_easy_cleanup(self.easy)
        curl_slist_free_all(self.fields)
        self.errorText.deallocate()
    }

    // MARK: Asking

    private func configure(onFreshConnection: Bool) -> CURLcode {
        var first = CURLE_OK
        func apply(_ code: CURLcode) { if first == CURLE_OK { first = code } }
        func set(_ option: CURLoption, _ value: Int) { apply(curlshim_set_long(self.easy, option, value)) }
        func set(_ option: CURLoption, _ value: String?) { apply(curlshim_set_text(self.easy, option, value)) }
        func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
            apply(curlshim_set_pointer(self.easy, option, value))
        }

        set(CURLOPT_URL, self.target.url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_PROXY, "")  // else the environment's
        // The original speaks 1.1 to origins. One answer per connection at a time also means that an answer which
        // breaks the rules, or is cancelled, takes nobody else's with it.
        set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        set(CURLOPT_HTTP09_ALLOWED, 0)
        set(CURLOPT_HTTP_CONTENT_DECODING, 0)
        apply(curlshim_set_list(self.easy, CURLOPT_HTTPHEADER, self.fields))
        if let sending { apply(sending.configure(self.easy)) }
        if let credentials = self.target.credentials {
            apply(curlshim_set_basic_authentication(self.easy))
            set(CURLOPT_USERNAME, credentials.user)
            set(CURLOPT_PASSWORD, credentials.password)
        }

        set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        self.setCertificates(set)

        set(CURLOPT_NOSIGNAL, 1)
        // Without this, ending a transfer whose name is being looked up waits for getaddrinfo, and the loop with it.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(self.settings.limits.connect))
        set(CURLOPT_MAXAGE_CONN, 60)
        set(CURLOPT_FRESH_CONNECT, onFreshConnection ? 1 : 0)
        set(CURLOPT_BUFFERSIZE, 64 << 10)
        set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(self.errorText.baseAddress))

        // Safe: whoever runs the transfer keeps it alive until libcurl has let go of the handle.
        let me = Unmanaged.passUnretained(self).toOpaque()
        set(CURLOPT_HEADERDATA, me)
        set(CURLOPT_WRITEDATA, me)
        set(CURLOPT_OPENSOCKETDATA, me)
        set(CURLOPT_PREREQDATA, me)
        apply(curlshim_set_data_callback(self.easy, CURLOPT_HEADERFUNCTION, Self.onHeaderLine))
        apply(curlshim_set_data_callback(self.easy, CURLOPT_WRITEFUNCTION, Self.onBytes))
        apply(curlshim_set_open_socket(self.easy, Self.onOpenSocket))
        // Safe: the connections outlive this transfer, and the multi handle keeps the sockets as long as those.
        set(CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(self.sockets).toOpaque())
        apply(curlshim_set_close_socket(self.easy, Self.onCloseSocket))
        apply(curlshim_set_before_request(self.easy, Self.onRequest))
        return first
    }

    private func setCertificates(_ set: (CURLoption, String?) -> Void) {
        let system = CurlLibrary.certificates
        if let extra = self.settings.extraCertificates, !extra.isEmpty {
            // The file, and then the system's folder, which OpenSSL looks into for the one certificate that it needs.
            set(CURLOPT_CAINFO, extra)
            set(CURLOPT_CAPATH, system.folder)
        } else if system.hasFile {
            // libcurl keeps the parsed system bundle (some 20 ms of work) only while no folder is to be looked into.
            set(CURLOPT_CAPATH, nil)
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(1, Int(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
    }

    // MARK: Being answered

    private static let onHeaderLine: curlshim_data_callback = { bytes, one, count, user in
        nonisolated(unsafe) let (bytes, user) = (bytes, user)
        return LoopActor.assumeIsolated {
            let line = UnsafeRawBufferPointer(start: bytes, count: one * count)
            return Transfer.from(user).take { (transfer) throws(FetchError) in try transfer.headerLine(line) }
                ? line.count : 0
        }
    }

    private static let onBytes: curlshim_data_callback = { bytes, one, count, user in
        nonisolated(unsafe) let (bytes, user) = (bytes, user)
        return LoopActor.assumeIsolated {
            let part = UnsafeRawBufferPointer(start: bytes, count: one * count)
            return Transfer.from(user).take { (transfer) throws(FetchError) in try transfer.bodyPart(part) }
                ? part.count : 0
        }
    }

    private static let onOpenSocket: curl_opensocket_callback = { user, _, address in
        nonisolated(unsafe) let (user, address) = (user, address!)
        return LoopActor.assumeIsolated { Transfer.from(user).openSocket(address) }
    }

    private static let onCloseSocket: curl_closesocket_callback = { user, socket in
        nonisolated(unsafe) let user = user!
        LoopActor.assumeIsolated { Unmanaged<ConnectionSockets>.fromOpaque(user).takeUnretainedValue().close(socket) }
        return 0
    }

    private static let onRequest: curl_prereq_callback = { user, remote, local, remotePort, localPort in
        nonisolated(unsafe) let (user, remote, local) = (user, remote, local)
        return LoopActor.assumeIsolated {
            let ends = ConnectionSockets.Ends(
                localAddress: local.map { String(cString: $0) } ?? "", localPort: localPort,
                remoteAddress: remote.map { String(cString: $0) } ?? "", remotePort: remotePort)
            let isAllowed = Transfer.from(user).take { (transfer) throws(FetchError) in
                try transfer.willSendRequest(ends)
            }
            return isAllowed ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }
    }

    private static func from(_ user: UnsafeMutableRawPointer?) -> Transfer {
        // Safe to force: `configure` has set it for every callback.
        Unmanaged<Transfer>.fromOpaque(user!).takeUnretainedValue()
    }

    /// Notes what `step` throws; false tells libcurl to stop.
    private func take(_ step: (Transfer) throws(FetchError) -> Void) -> Bool {
        do throws(FetchError) {
            try step(self)
            return true
        } catch {
            if self.failure == nil { self.failure = error }
            return false
        }
    }

    private func openSocket(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 0
        // Not by copying `addr`: an IPv6 address is longer than the field says, and libcurl has made room for it.
        let raw = (UnsafeRawPointer(address) + offset).assumingMemoryBound(to: sockaddr.self)
        guard let dialled = IPAddress(raw) else { return CURL_SOCKET_BAD }
        do throws(FetchError) {
            try self.settings.rules.check(dialled, of: self.target)
        } catch {
            self.unusableAddress = error
            return CURL_SOCKET_BAD
        }
        self.hasOpenedSocket = true
        let socket = self.sockets.open(
            family: address.pointee.family, type: address.pointee.socktype, protocol: address.pointee.protocol)
        if socket < 0, errno != EAFNOSUPPORT {
            self.unusableAddress = .internalFailure("cannot open a socket: \(String(cString: strerror(errno)))")
        }
        return socket
    }

    /// The last moment before bytes go out, also on a connection that was opened for somebody else.
    private func willSendRequest(_ ends: ConnectionSockets.Ends) throws(FetchError) {
        guard let address = IPAddress(ends.remoteAddress) else {
            throw .forbiddenAddress("\(self.target.host) leads to \(ends.remoteAddress)")
        }
        try self.settings.rules.check(address, of: self.target)
        guard self.sockets.isClean(ends, isNew: self.hasOpenedSocket) else {
            self.hasMetLeftovers = true
            throw .protocolViolation("bytes before the request")
        }
        self.hasSentRequest = true
        self.startClock(after: self.settings.limits.firstByte) { transfer in
            transfer.end?(.timedOut(.firstByte, "no answer from \(transfer.target.host)"))
        }
    }

    private func headerLine(_ line: UnsafeRawBufferPointer) throws(FetchError) {
        if self.received == 0 { self.watchSpeed() }
        self.received += line.count
        let taken = try line.withMemoryRebound(to: UInt8.self) { (line) throws(FetchError) in
            try self.parser.take(line.span)
        }
        guard let head = taken else { return }
        self.head = head
        if self.settings.followsRedirects, Self.redirectStatuses.contains(head.status),
            let location = head.values(of: "Location").first, !location.isEmpty
        {
            self.location = location
            self.startClock(after: Self.drainTime) { $0.end?(nil) }
            return
        }
        self.sink = try BodySink(
            limit: self.settings.limits.maximumBytes, announced: head.bodyLength ?? 0,
            digests: self.settings.digestsBodies)
    }

    private func bodyPart(_ part: UnsafeRawBufferPointer) throws(FetchError) {
        self.received += part.count
        if self.location != nil {
            guard self.received <= Self.drainedBytes else { throw .tooLarge(limit: Self.drainedBytes) }
        } else {
            try self.sink?.append(part)
        }
    }

    /// Looks every now and then whether enough has arrived since the last time.
    private func watchSpeed() {
        let window = self.settings.limits.lowSpeedWindow
        let least = self.settings.limits.bytesPerWindow
        self.clock?.stop()
        guard window > .zero, least > 0 else { return }
        var last = 0
        self.clock = LoopTimer(after: window, every: window) { [weak self] in
            guard let self else { return }
            if self.received - last < least {
                self.end?(.timedOut(.lowSpeed, "\(self.target.host): \(self.received) bytes so far"))
            }
            last = self.received
        }
    }

    private func startClock(after limit: Duration, _ action: @escaping @LoopActor (Transfer) -> Void) {
        self.clock?.stop()
        self.clock = LoopTimer(after: limit) { [weak self] in if let self { action(self) } }
    }

    // MARK: The end

    /// Called once, when libcurl has let go of the handle.
    func outcome(_ code: CURLcode) throws(FetchError) -> Answer {
        self.clock?.stop()
        self.end = nil
        if let head, let location { return Answer(head: head, body: Blob([]), location: location) }
        if let failure { throw failure }
        guard code == CURLE_OK else {
            let isDropped = [CURLE_UNRECOVERABLE_POLL, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING].contains(
                code)
            self.wasDroppedUnanswered = isDropped && self.received == 0 && self.hasSentRequest && !self.hasOpenedSocket
            throw self.error(for: code)
        }
        guard let head, let sink else { throw .protocolViolation("no complete head") }
        // libcurl has counted already. A picture cut short must never pass for a whole one, so this counts again.
        guard head.bodyLength == nil || head.bodyLength == sink.count else {
            throw .protocolViolation("not as long as announced")
        }
        return Answer(head: head, body: try sink.finish(), location: nil)
    }

    private func error(for code: CURLcode) -> FetchError {
        let detail = self.errorText[0] == 0 ? String(cString: curl_easy_strerror(code)) : self.errorDetail
        if code == CURLE_COULDNT_CONNECT, let unusableAddress { return unusableAddress }
        return FetchError(code, at: self.stage, detail: "\(self.target.host): \(detail)")
    }

    private var errorDetail: String {
        String(decoding: self.errorText.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private var stage: FetchError.Stage {
        if self.head != nil { return .receiving }
        if self.hasSentRequest { return .answering }
        var lookUp: curl_off_t = 0
        curlshim_get_offset(self.easy, CURLINFO_NAMELOOKUP_TIME_T, &lookUp)
        return lookUp == 0 ? .resolving : .connecting
    }
}

extension ResponseHead {
    /// The bytes that will follow, when the head says so.
    fileprivate var bodyLength: Int? {
        // These have no body, whatever they announce (RFC 9112 6.3).
        if self.status == 204 || self.status == 304 { return 0 }
        return self.values(of: "Content-Length").first.flatMap { Int($0) }
    }
}

extension FetchLimits {
    fileprivate var bytesPerWindow: Int {
        let (seconds, attoseconds) = self.lowSpeedWindow.components
        return Int(Double(self.lowSpeedBytesPerSecond) * (Double(seconds) + Double(attoseconds) / 1e18))
    }
}
