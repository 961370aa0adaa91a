# SPDX-License-Identifier: Apache-2.0
"""A service that is kept running, with sockets and notifications as systemd passes them.

Called as a program, with a JSON object for an argument, it becomes that service.
"""

import ctypes
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

from sockets import bound
from units import ids

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
#: What DynamicUser gives: a number that is nobody's.
DYNAMIC_USER = (64001, 64001)


class Service:
    #: Of all that was ever started: what is left of a service is found by its session.
    sessions = set()

    def __init__(self, unit, passed, leader, root, log):
        self.unit, self.passed, self.leader, self.root, self.log = unit, passed, leader, root, log
        self.is_wanted, self.process = False, None
        self._starting = threading.Lock()

    @property
    def pid(self):
        return self.process.pid if self.process and self.process.poll() is None else 0

    def start(self):
        """Returns once it has said that it is ready."""
        self.is_wanted = True
        self._spawn(waits=True)
        threading.Thread(target=self._keep, daemon=True).start()

    def _spawn(self, waits):
        with self._starting:
            if not self.is_wanted:
                return
            descriptors = [one.fileno() for sockets in self.passed for one in sockets.sockets]
            names = [sockets.name for sockets in self.passed for _ in sockets.sockets]
            place = f"/run/stand-in-{self.unit.name}"
            ready = self._notifications(self.root / place.lstrip("/"))
            variables = {
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NOTIFY_SOCKET": place, "LISTEN_FDS": str(len(descriptors)),
                "LISTEN_FDNAMES": ":".join(names), **dict(word.split("=", 1) for word in self.unit.words("Environment"))}
            file = self.unit.value("EnvironmentFile").lstrip("-/")
            if file and (self.root / file).exists():
                lines = (self.root / file).read_text().splitlines()
                variables |= dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
            user = DYNAMIC_USER if self.unit.value("DynamicUser") == "yes" else ids(self.root, self.unit.value("User", "root"))
            wanted = {"command": shlex.split(self.unit.value("ExecStart")), "environment": variables, "user": user,
                      "descriptors": descriptors, "leader": self.leader}
            # A group of its own, so that all of it can be killed.
            self.process = subprocess.Popen(
                [sys.executable, __file__, json.dumps(wanted)], stdin=subprocess.DEVNULL, stdout=self.log,
                stderr=self.log, pass_fds=descriptors, start_new_session=True)
            self.sessions.add(self.process.pid)
            end = time.monotonic() + 90
            while waits and not ready.wait(0.05):
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(f"Job for {self.unit.name} failed.")

    def _notifications(self, file):
        """Listens there from now on; gives what is set once something is ready."""
        listener = bound(socket.SOCK_DGRAM, file)
        file.chmod(0o666)
        ready = threading.Event()

        def listen():
            # For as long as the test runs: a queue that nobody empties would hold up who writes to it.
            while True:
                if b"READY=1" in listener.recv(4096).splitlines():
                    ready.set()

        threading.Thread(target=listen, daemon=True).start()
        return ready

    def _keep(self):
        while self.is_wanted:
            self.process.wait()
            self._kill(self.process)
            if self.is_wanted:
                time.sleep(self.unit.seconds("RestartSec", "100ms"))
                self._spawn(waits=False)

    @staticmethod
    def _kill(process, number=signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def kill_all(self):
        self._kill(self.process)

    @staticmethod
    def stop_all(services):
        """Ends them at the same time: the first process is asked to, and when its time is over all are killed."""
        for service in services:
            service.is_wanted = False
            with service._starting:
                if service.pid:
                    service.process.send_signal(signal.SIGTERM)
        for service in services:
            try:
                service.process.wait(service.unit.seconds("TimeoutStopSec", "90s"))
            except subprocess.TimeoutExpired:
                pass
            service.kill_all()
            service.process.wait()


def become(wanted):
    """The service, in the machine's namespaces, with its sockets from 3 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Above where they are to be, so that none is overwritten before it is moved.
    moved = [os.dup2(number, 400 + index) for index, number in enumerate(wanted["descriptors"])]
    for name, kind in (("net", CLONE_NEWNET), ("mnt", CLONE_NEWNS)):
        with open(f"/proc/{wanted['leader']}/ns/{name}") as namespace:
            assert libc.setns(namespace.fileno(), kind) == 0, os.strerror(ctypes.get_errno())
    for index, number in enumerate(moved):
        os.dup2(number, 3 + index, inheritable=True)
    os.closerange(3 + len(moved), 1024)
    user, group = wanted["user"]
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    os.umask(0o027)
    os.execve(wanted["command"][0], wanted["command"], {**wanted["environment"], "LISTEN_PID": str(os.getpid())})


if __name__ == "__main__":
    become(json.loads(sys.argv[1]))
