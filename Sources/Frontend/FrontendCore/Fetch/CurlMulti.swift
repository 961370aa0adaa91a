// SPDX-License-Identifier: Apache-2.0

import CCurl
internal import EventLoop

/// Runs transfers on the loop: libcurl says which sockets and which moment it waits for, the loop says when they come.
///
/// Owns one `CURLM` and the connections in it, from `init` to `close`. libcurl is not called into from its own
/// callbacks: those only set up pollers and timers, which call back later.
@LoopActor
final class CurlMulti {
    private struct Running {
        let transfer: Transfer
        let continuation: UnsafeContinuation<Ending, Never>
    }

    private enum Ending {
        case completed(CURLcode)
        /// By a clock of ours, or by `close`; nil = what has arrived is enough.
        case stopped(FetchError?)
        case cancelled
    }

    /// Where the transfers' sockets come from and go to.
    let sockets = ConnectionSockets()
    private var multi: UnsafeMutableRawPointer?
    private var running: [Int: Running] = [:]
    private var lastID = 0
    private var timer: LoopTimer?
    /// libcurl wants to be called once more as soon as it has returned.
    private var isDue = false

    /// Connections that are kept, those in use included. Above it the one that has idled longest is closed.
    private static let maximumKept = 256

    /// - Parameter maximumPerHost: connections to one host.
    init(maximumPerHost: Int) {
        guard CurlLibrary.isReady, let multi = curl_multi_init() else { return }
        self.multi = multi
        // Safe: after `close`, which `deinit` calls too, libcurl has nothing left to call back about.
        let me = Unmanaged.passUnretained(self).toOpaque()
        curlshim_multi_set_socket_callback(multi, Self.onSocket, me)
        curlshim_multi_set_timer_callback(multi, Self.onTimer, me)
        curlshim_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.maximumKept)
        curlshim_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, maximumPerHost)
    }

    /// It may have to wait for its turn, and the loop goes on meanwhile: nothing that is called later may hold on to this
    /// without asking whether it is still there.
    isolated deinit { self.close() }

    /// Runs one transfer to its end.
    ///
    /// - Parameter limit: nil = none but the transfer's own.
    /// - Throws: `FetchError`; `CancellationError` when the task is cancelled, which ends the connection at once.
    func run(_ transfer: Transfer, atMost limit: Duration?) async throws -> Transfer.Answer {
        guard let multi else { throw FetchError.internalFailure("closed") }
        self.lastID += 1
        // A number, because a cancellation may come when the transfer is long over.
        let id = self.lastID
        transfer.end = { [weak self] in self?.end(id, .stopped($0)) }
        let clock = limit.map { limit in
            LoopTimer(after: limit) { [weak self] in self?.end(id, .stopped(.timedOut(.total, "after \(limit)"))) }
        }
        defer { clock?.stop() }
        let ending = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Ending, Never>) in
                self.running[id] = Running(transfer: transfer, continuation: continuation)
                curlshim_set_pointer(transfer.easy, CURLOPT_PRIVATE, UnsafeMutableRawPointer(bitPattern: id))
                if curl_multi_add_handle(multi, transfer.easy) != CURLM_OK {
                    self.end(id, .completed(CURLE_FAILED_INIT))
                }
                self.proceed()
            }
        } onCancel: {
            spawn { self.end(id, .cancelled) }
        }
        switch ending {
        case .completed(let code): return try transfer.outcome(code)
        case .stopped(nil): return try transfer.outcome(CURLE_OK)
        case .stopped(let error?): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// Ends every transfer and closes every connection.
    func close() {
        guard let multi else { return }
        for id in Array(self.running.keys) { self.end(id, .stopped(.internalFailure("closed"))) }
        self.multi = nil
        curl_multi_cleanup(multi)
        self.sockets.close()
        self.timer?.stop()
        self.timer = nil
    }

    private func end(_ id: Int, _ ending: Ending) {
        guard let running = self.running.removeValue(forKey: id) else { return }
        curl_multi_remove_handle(self.multi, running.transfer.easy)
        self.postpone()
        running.continuation.resume(returning: ending)
    }

    // MARK: What libcurl waits for

    private static let onSocket: curl_socket_callback = { _, socket, what, user, _ in
        nonisolated(unsafe) let user = user!
        LoopActor.assumeIsolated { CurlMulti.from(user).watch(socket, what) }
        return 0
    }

    private static let onTimer: curl_multi_timer_callback = { _, milliseconds, user in
        nonisolated(unsafe) let user = user!
        LoopActor.assumeIsolated { CurlMulti.from(user).setTimer(milliseconds) }
        return 0
    }

    private static func from(_ user: UnsafeMutableRawPointer) -> CurlMulti {
        Unmanaged<CurlMulti>.fromOpaque(user).takeUnretainedValue()
    }

    private func watch(_ socket: curl_socket_t, _ what: Int32) {
        guard what != CURL_POLL_REMOVE else { return self.sockets.unwatch(socket) }
        var events: Poller.Events = []
        if what & CURL_POLL_IN != 0 { events.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { events.insert(.writable) }
        self.sockets.watch(socket, events) { [weak self] in self?.act(on: socket, $0) }
    }

    private func act(on socket: curl_socket_t, _ events: Poller.Events) {
        var ready: Int32 = 0
        if events.contains(.readable) { ready |= CURL_CSELECT_IN }
        if events.contains(.writable) { ready |= CURL_CSELECT_OUT }
        if events.contains(.failed) { ready |= CURL_CSELECT_ERR }
        var count: Int32 = 0
        curl_multi_socket_action(self.multi, socket, ready, &count)
        self.proceed()
    }

    private func setTimer(_ milliseconds: Int) {
        self.timer?.stop()
        self.timer = nil
        self.isDue = milliseconds == 0
        if milliseconds > 0 { self.startTimer(after: .milliseconds(milliseconds)) }
    }

    private func startTimer(after delay: Duration) {
        self.timer = LoopTimer(after: delay) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.isDue = true
            self.proceed()
        }
    }

    /// After a call into libcurl: calls it once more if it wants that at once, as for every new transfer, and looks what
    /// has ended.
    private func proceed() {
        if self.isDue {
            self.isDue = false
            var count: Int32 = 0
            curlshim_multi_timeout(self.multi, &count)
        }
        self.reap()
        self.postpone()
    }

    /// What is still due has its turn when others have had theirs.
    private func postpone() {
        guard self.isDue else { return }
        self.isDue = false
        self.startTimer(after: .zero)
    }

    private func reap() {
        var left: Int32 = 0
        while let multi, let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE else { continue }
            var id: UnsafeMutableRawPointer?
            curlshim_get_private(message.pointee.easy_handle, &id)
            self.end(Int(bitPattern: id), .completed(curlshim_message_result(message)))
        }
    }
}
