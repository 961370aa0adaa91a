# SPDX-License-Identifier: Apache-2.0
"""Debian's nginx and haproxy with the project's own examples of their configuration, addresses replaced."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import processes
from redis_server import free_port

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"


class Balancer:
    """A running balancer in front of two fronts."""

    def __init__(self, kind, fronts):
        # Owned by who runs the test, and not only root's: nginx' workers are `www-data`.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="balancer-test-"))
        self.directory.chmod(0o755)
        self.endpoint = ("127.0.0.1", free_port())
        self.errors = open(self.directory / "errors", "w+")
        command = {"nginx": self._nginx, "haproxy": self._haproxy}[kind](fronts)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        try:
            processes.wait_until(self._listens, timeout=20, what=f"{kind} listens")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None

    def _nginx(self, fronts):
        text = self._example("nginx.conf", fronts, r"listen 80;", f"listen 127.0.0.1:{self.endpoint[1]};")
        (self.directory / "imageproxy.conf").write_text(text)
        main = self.directory / "nginx.conf"
        main.write_text(
            f"daemon off; pid {self.directory}/pid; error_log {self.directory}/errors warn;\n"
            "events { worker_connections 1024; }\n"
            f"http {{ access_log off; proxy_temp_path {self.directory}/proxy; client_body_temp_path {self.directory}/b;\n"
            f"include {self.directory}/imageproxy.conf; }}\n")
        return ["nginx", "-e", str(self.directory / "errors"), "-p", str(self.directory), "-c", str(main)]

    def _haproxy(self, fronts):
        text = self._example("haproxy.cfg", fronts, r"bind :80\b", f"bind 127.0.0.1:{self.endpoint[1]}")
        file = self.directory / "haproxy.cfg"
        file.write_text(text)
        return ["haproxy", "-db", "-f", str(file)]

    def _example(self, name, fronts, listens, instead):
        """The shipped file with the test's addresses; each must be there."""
        text = (DEPLOY / name).read_text()
        changes = [(listens, instead)]
        changes += [(re.escape(f"10.0.0.{number}:8080"), f"127.0.0.1:{front.endpoint[1]}")
                    for number, front in enumerate(fronts, 1)]
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text)
            assert count > 0, f"{pattern} is not in {name}"
        return text

    def _listens(self):
        assert self.process.poll() is None, f"ended with status {self.process.returncode}"
        try:
            socket.create_connection(self.endpoint, 5).close()
            return True
        except OSError:
            return False

    @property
    def log(self):
        return (self.directory / "errors").read_text()[-2000:]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            if self.process.poll() is None:
                os.kill(self.process.pid, 9)
                self.process.wait()
            self.errors.close()
            shutil.rmtree(self.directory, ignore_errors=True)
