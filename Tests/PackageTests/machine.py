# SPDX-License-Identifier: Apache-2.0
"""A machine on which the package is installed and its units run, whoever runs them."""

import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000


class Machine:
    """What both kinds have: a Debian, and a process in the namespaces in which everything runs."""

    #: What tells this kind from the other.
    kind = ""
    debian = leader = None

    def _enter_network(self):
        """From here on this thread, and those it starts, are in the machine's network."""
        with open(f"/proc/{self.leader}/ns/net") as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def _inside(self, *command):
        return ["nsenter", "--target", str(self.leader), "--all", "--", *command]

    def run(self, *command, status=0, timeout=120):
        """Runs a command on the machine and gives its output."""
        done = subprocess.run(
            self._inside("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *command), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        assert done.returncode == status, f"{command}: status {done.returncode}\n{done.stdout}\n{self.journal()}"
        return done.stdout

    def journal(self):
        """The end of what was logged."""
        raise NotImplementedError

    def left(self):
        """The processes of the package that run."""
        raise NotImplementedError

    def install(self, package):
        self.run("dpkg", "--force-confold", "-i", self.debian.copy(package))

    def start(self, *units):
        self.run("systemctl", "start", *units)

    def stop(self, *units):
        self.run("systemctl", "stop", *units)

    def restart(self, *units):
        self.run("systemctl", "restart", *units)

    def kill(self, unit):
        self.run("systemctl", "kill", "--signal=KILL", unit)

    def active(self, pattern):
        listed = self.run("systemctl", "list-units", "--no-legend", "--plain", "--state=active", pattern)
        return sorted(line.split()[0] for line in listed.splitlines() if line)

    def main_pid(self, unit):
        return int(self.run("systemctl", "show", "--property=MainPID", "--value", unit))
