# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client that hides nothing: it sends the bytes it is given, and reads exactly one answer at a time."""

import socket


class Answer:
    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def __getitem__(self, name):
        """The field's value, None when there is none. Two of one name are an error."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) <= 1, f"{len(values)} fields {name}"
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()

    @property
    def closes(self):
        return (self["Connection"] or "").lower() == "close"

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:100]!r}>"


class Ended(Exception):
    """The connection ended where an answer should have been."""


class Connection:
    """One connection to the front."""

    def __init__(self, address, timeout=30):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def _more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Ended(f"after {self.buffer[:100]!r}")
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read(self, method="GET"):
        """One answer; checks its framing as strictly as an intermediary would."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status, reason = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name and name == name.strip(), line
            fields.append((name, value.strip()))
        answer = Answer(int(status), reason, fields, b"")
        assert answer["Date"] and answer["Transfer-Encoding"] is None
        if answer.status in (204, 304):
            assert answer["Content-Length"] is None
        else:
            length = int(answer["Content-Length"])
            if method != "HEAD":
                answer.body = self._take(length)
        return answer

    def request(self, target, method="GET", headers=()):
        """Asks for one thing and waits for it."""
        lines = [f"{method} {target} HTTP/1.1", "Host: test"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        self.send("\r\n".join(lines) + "\r\n\r\n")
        return self.read(method)

    def has_ended(self, within=5):
        """Whether the other side closes, without sending anything more."""
        self.socket.settimeout(within)
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
