# SPDX-License-Identifier: Apache-2.0
"""An origin that does as it is told: counts, delays, breaks off, lies."""

import collections
import contextlib
import email.utils
import socket
import threading
import time


class Seen:
    """One request that arrived."""

    def __init__(self, method, target, headers):
        self.method, self.target, self.headers = method, target, headers
        self.time = time.monotonic()


def answer(body=b"", status=200, content_type=None, headers=(), length=None):
    """The bytes of an ordinary answer."""
    head = [f"HTTP/1.1 {status} X"]
    if content_type:
        head.append(f"Content-Type: {content_type}")
    head += [f"{name}: {value}" for name, value in dict(headers).items()]
    if length is not False:
        head.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def picture(body, content_type="image/jpeg", **headers):
    """A handler that serves a picture, the same to everybody."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: answer(body, content_type=content_type, headers=fields)


def http_date(offset=0):
    return email.utils.formatdate(time.time() + offset, usegmt=True)


class Origin:
    """A threaded HTTP server on a loopback address, with one handler per path.

    A handler is called with what was `Seen` and gives the answer's bytes, or an iterable of bytes and of pauses in
    seconds; after an iterable the connection is closed. It may also raise `ConnectionAbortedError` to close at once.
    """

    def __init__(self, address="127.0.0.1"):
        self.handlers = {}
        self.requests = []
        self.connections = 0
        self.open_connections = 0
        self._lock = threading.Lock()
        self._closed = False
        self._listener = socket.create_server((address, 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.host = f"{address}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def url(self, path="/"):
        return f"http://{self.host}{path}"

    def serve(self, path, handler):
        """Sets what a path answers, query or not. Bytes stand for a JPEG picture."""
        self.handlers[path] = picture(handler) if isinstance(handler, bytes) else handler
        return self.url(path)

    def count(self, path=None):
        """Requests so far, all or those for a path, with any query."""
        with self._lock:
            return sum(path is None or seen.target.split("?")[0] == path for seen in self.requests)

    def seen(self, path):
        with self._lock:
            return [seen for seen in self.requests if seen.target.split("?")[0] == path]

    def _accept(self):
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        with self._lock:
            self.open_connections += 1
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._one(connection):
                    pass
        except OSError:
            pass
        finally:
            with self._lock:
                self.open_connections -= 1

    def _one(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return False
            data += more
        lines = data.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = collections.OrderedDict(
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:]))
        seen = Seen(method, target, headers)
        with self._lock:
            self.requests.append(seen)
        handler = self.handlers.get(target.split("?")[0], lambda _: answer(b"nothing here", 404, "text/plain"))
        try:
            result = handler(seen)
            if isinstance(result, bytes):
                connection.sendall(result)
                return True
            for part in result:
                if isinstance(part, bytes):
                    connection.sendall(part)
                else:
                    time.sleep(part)
        except (ConnectionAbortedError, BrokenPipeError, ConnectionResetError):
            pass
        return False


class Trap:
    """A listener that nobody may connect to."""

    def __init__(self, family, address, port=0):
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]

    def visits(self):
        """Connections since the last look."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.listener.accept()[0].close()
                count += 1
        return count

    def close(self):
        self.listener.close()
