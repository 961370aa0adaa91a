# SPDX-License-Identifier: Apache-2.0
"""Stands between a front and a server: passes on, later, or says something else instead."""

import collections
import contextlib
import socket
import threading
import time


class Proxy:
    def __init__(self, port):
        self.target = port
        #: Seconds that every piece of an answer takes longer.
        self.delay = 0
        #: A function that turns a piece of an answer into what arrives instead.
        self.change = None
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    client.close()
                    continue
                self._sockets |= {client, server}
                for work in (lambda a=client, b=server: self._pass(a, b),
                             lambda a=server, b=client: self._answers(a, b)):
                    threading.Thread(target=work, daemon=True).start()

    def _pass(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        self._end(source, target)

    def _answers(self, source, target):
        """Each piece waits for itself and not for those before it, as on a long line."""
        line, more = collections.deque(), threading.Condition()

        def deliver():
            with contextlib.suppress(OSError):
                while True:
                    with more:
                        while not line:
                            more.wait()
                        due, data = line.popleft()
                    if data is None:
                        break
                    time.sleep(max(0, due - time.monotonic()))
                    target.sendall(self.change(data) if self.change else data)
            self._end(source, target)

        threading.Thread(target=deliver, daemon=True).start()
        data = b"-"
        while data:
            try:
                data = source.recv(1 << 16)
            except OSError:
                data = b""
            with more:
                line.append((time.monotonic() + self.delay, data or None))
                more.notify()

    def _end(self, *sockets):
        for one in sockets:
            self._sockets.discard(one)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
