# SPDX-License-Identifier: Apache-2.0
"""A Debian that has booted with systemd as its first process, in a container that ends with the test."""

import ctypes
import os
import pathlib
import re
import signal
import subprocess

import processes
from debian import Debian

PACKAGES = ("systemd", "systemd-sysv", "dbus", "procps")
CLONE_NEWNET = 0x40000000
#: Hierarchies that systemd needs: cgroup v2 alone, or beside v1.
HIERARCHIES = [pathlib.Path(path) for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")]


class Systemd:
    """systemd under systemd-nspawn, with a network and control groups of its own. Needs root, but no systemd outside."""

    def __init__(self, package):
        self.debian = Debian(PACKAGES)
        # The container has no way out: what the package needs is there before it starts.
        depends = subprocess.run(
            ["dpkg-deb", "-f", str(package), "Depends"], check=True, capture_output=True, text=True).stdout
        names = [re.split(r"[ (]", item.strip())[0] for item in depends.split(",")]
        self.debian.run("apt-get", "update", "-qq")
        self.debian.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *names)
        self.log = open(self.debian.work / "console", "w+")
        # One name everywhere: systemd-nspawn makes the group of one hierarchy in the others, too.
        name = f"imageproxy-boot-{os.getpid()}"
        self.groups = [path / name for path in HIERARCHIES if (path / "cgroup.procs").exists()]
        assert self.groups, "no control groups to boot in"
        for group in self.groups:
            group.mkdir()
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_COLORS": "0"}
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe",
             # Landlock, which nspawn does not allow and a machine does.
             "--system-call-filter=landlock_create_ruleset landlock_restrict_self",
             "--directory", str(self.debian.root), "--boot"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, env=environment,
            preexec_fn=self._enter_groups)
        self.leader = processes.wait_until(self._first_process, timeout=30, what=f"a container\n{self.console}")
        processes.wait_until(self._is_up, timeout=120, interval=0.5, what=f"a system that is up\n{self.console}")
        self._enter_network()

    def _enter_groups(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def _first_process(self):
        assert self.process.poll() is None, f"systemd-nspawn ended\n{self.console}"
        started = processes.level(self.process.pid, 0)
        return started[0].pid if started and started[0].name == "systemd" else None

    def _is_up(self):
        assert self.process.poll() is None, f"systemd-nspawn ended\n{self.console}"
        done = subprocess.run(self._inside("systemctl", "is-system-running"), capture_output=True, text=True)
        return done.stdout.strip() in ("running", "degraded")

    def _enter_network(self):
        """From here on this thread, and those it starts, are in the container's network."""
        with open(f"/proc/{self.leader}/ns/net") as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def _inside(self, *command):
        return ["nsenter", "--target", str(self.leader), "--all", "--", *command]

    @property
    def console(self):
        return (self.debian.work / "console").read_text()[-3000:]

    def run(self, *command, status=0):
        """Runs a command in the booted system and gives its output."""
        done = subprocess.run(
            self._inside("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *command), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        assert done.returncode == status, f"{command}: status {done.returncode}\n{done.stdout}\n{self.journal()}"
        return done.stdout

    def journal(self):
        done = subprocess.run(
            self._inside("journalctl", "-n", "60", "-o", "cat", "--no-pager"), capture_output=True, text=True)
        return done.stdout

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

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        for group in self.groups:
            for directory, _, _ in os.walk(group, topdown=False):
                os.rmdir(directory)
        self.debian.close()
