# SPDX-License-Identifier: Apache-2.0
"""A Debian that has booted with systemd as its first process, in a container that ends with the test."""

import os
import pathlib
import re
import signal
import subprocess

import processes
from debian import Debian
from machine import Machine

PACKAGES = ("systemd", "systemd-sysv", "dbus", "procps")
#: Hierarchies that systemd needs: cgroup v2 alone, or beside v1.
HIERARCHIES = [pathlib.Path(path) for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")]


class CannotBoot(Exception):
    """systemd does not come up here, whatever the package does."""


def with_what_it_needs(package):
    """A Debian with what a package depends on: neither kind of machine has a way out once it runs."""
    debian = Debian(PACKAGES)
    depends = subprocess.run(
        ["dpkg-deb", "-f", str(package), "Depends"], check=True, capture_output=True, text=True).stdout
    names = [re.split(r"[ (]", item.strip())[0] for item in depends.split(",")]
    debian.run("apt-get", "update", "-qq")
    debian.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *names)
    return debian


class Systemd(Machine):
    """systemd under systemd-nspawn, with a network and control groups of its own. Needs root, but no systemd outside."""

    kind = "systemd"

    def __init__(self, package):
        # One name everywhere: systemd-nspawn makes the group of one hierarchy in the others, too.
        name = f"imageproxy-boot-{os.getpid()}"
        self.groups = [path / name for path in HIERARCHIES if (path / "cgroup.procs").exists()]
        made = []
        try:
            for group in self.groups:
                group.mkdir()
                made.append(group)
        except OSError as error:
            for group in made:
                group.rmdir()
            raise CannotBoot(f"control groups cannot be made: {error}") from None
        if not self.groups:
            raise CannotBoot("there are no control groups")
        self.debian = with_what_it_needs(package)
        self.log = open(self.debian.work / "console", "w+")
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_COLORS": "0"}
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe",
             # Landlock, which nspawn does not allow and a machine does.
             "--system-call-filter=landlock_create_ruleset landlock_restrict_self",
             "--directory", str(self.debian.root), "--boot"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, env=environment,
            preexec_fn=self._enter_groups)
        try:
            self.leader = processes.wait_until(self._first_process, timeout=30, what="a container")
            processes.wait_until(self._is_up, timeout=120, interval=0.5, what="a system that is up")
        except AssertionError as error:
            console = self.console
            self.close()
            raise CannotBoot(f"{error}\n{console}") from None
        self._enter_network()

    def _enter_groups(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def _first_process(self):
        assert self.process.poll() is None, "systemd-nspawn ended"
        started = processes.level(self.process.pid, 0)
        return started[0].pid if started and started[0].name == "systemd" else None

    def _is_up(self):
        assert self.process.poll() is None, "systemd-nspawn ended"
        done = subprocess.run(self._inside("systemctl", "is-system-running"), capture_output=True, text=True)
        return done.stdout.strip() in ("running", "degraded")

    @property
    def console(self):
        return (self.debian.work / "console").read_text()[-3000:]

    def journal(self):
        done = subprocess.run(
            self._inside("journalctl", "-n", "60", "-o", "cat", "--no-pager"), capture_output=True, text=True)
        return done.stdout

    def left(self):
        return [name for name in self.run("ps", "-e", "-o", "comm=").split() if name.startswith("imageproxy")]

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
