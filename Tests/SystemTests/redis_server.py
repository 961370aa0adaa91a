# SPDX-License-Identifier: Apache-2.0
"""A real redis-server in a directory of its own, on a free port of the loopback interface."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

import processes


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Redis:
    """A running server. It has nothing but memory: what is killed comes back empty."""

    def __init__(self, *settings):
        self.settings = settings
        self.directory = tempfile.mkdtemp(prefix="redis-test-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.directory, "--save", "",
             "--logfile", "log", "--enable-debug-command", "yes", *self.settings],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.wait_until(lambda: self.cli("PING") == "PONG", timeout=20, what="redis-server answers")

    def cli(self, *arguments, timeout=10):
        done = subprocess.run(
            ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *arguments], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout)
        return done.stdout.strip()

    def keys(self, pattern="*"):
        return sorted(self.cli("--raw", "KEYS", pattern).split())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
