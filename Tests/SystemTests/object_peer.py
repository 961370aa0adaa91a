# SPDX-License-Identifier: Apache-2.0
"""A stand-in for object stores and for what gives out credentials: keeps what it is sent, and fails when it is told to."""

import http.server
import json
import pathlib
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Seen:
    """One request that arrived."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path = target.split("?")[0]


class Peer:
    """An HTTP server whose objects are what was PUT (or POSTed as an upload) to a path.

    `routes` maps a path to a function that is given what was `Seen` and returns status, fields and body; `fault`, when
    it is set, is asked first, and may return the same, or None.
    """

    def __init__(self):
        self.objects, self.requests, self.routes, self.fault = {}, [], {}, None
        self.missing = (404, {}, b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>")
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen = Seen(self.command, self.path, self.headers, body)
                peer.requests.append(seen)
                status, fields, body = peer.answer(seen)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if status not in (204, 304) else b"")

            do_GET = do_PUT = do_POST = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A client that has gone is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, seen):
        if self.fault and (answer := self.fault(seen)):
            return answer
        if seen.path in self.routes:
            return self.routes[seen.path](seen)
        if seen.method == "PUT":
            self.objects[seen.path] = seen.body
            return 201, {}, b""
        if seen.method == "POST" and seen.path.startswith("/upload/storage/v1/b/"):
            name = seen.target.split("name=")[1]
            self.objects[seen.path[len("/upload"):] + "/" + name] = seen.body
            return 200, {}, b"{}"
        if seen.path not in self.objects:
            return self.missing
        if seen.method == "DELETE":
            del self.objects[seen.path]
            return 204, {}, b""
        return 200, {"Content-Type": "application/octet-stream"}, self.objects[seen.path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def seen(self, method=None, path=None):
        return [one for one in list(self.requests)
                if method in (None, one.method) and path in (None, one.path)]


def slow(seconds, match=lambda seen: True):
    """A fault: everything takes that long."""
    def fault(seen):
        if match(seen):
            time.sleep(seconds)
    return fault


def official_python():
    """The interpreter that has the clouds' own libraries."""
    python = ROOT / ".build-venv/bin/python"
    if not python.exists():
        pytest.fail("the clouds' own libraries are missing: run scripts/test, or: python3 -m venv .build-venv && "
                    ".build-venv/bin/pip install -r Tests/SystemTests/requirements.txt")
    return str(python)


def official_authorization(kind, url, seen, **secrets):
    """What the cloud's own library says the `Authorization` of this very request has to be."""
    asked = {"kind": kind, "method": seen.method, "url": url + seen.target, "headers": dict(seen.headers.items()),
             "length": len(seen.body), **secrets}
    answer = subprocess.run(
        [official_python(), str(ROOT / "Tests/SystemTests/official_signatures.py")], input=json.dumps(asked), text=True,
        capture_output=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()
