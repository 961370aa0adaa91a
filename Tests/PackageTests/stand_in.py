# SPDX-License-Identifier: Apache-2.0
"""A machine where systemd cannot boot: something small reads the shipped units and passes sockets, as systemd would.

It knows what those units use to start, stop, restart and hand over sockets (LISTEN_FDS, NOTIFY_SOCKET). It isolates
nothing and limits nothing: what a unit says of that is tried by systemd alone.
"""

import concurrent.futures
import contextlib
import fnmatch
import io
import pathlib
import socket
import subprocess
import threading

import processes
from booted import with_what_it_needs
from machine import Machine
from service import Service
from sockets import ListeningSockets
from units import Unit

#: In place of the machine's own: hands its words on, and gives what comes back. The last line is the status.
SYSTEMCTL = """#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/%d
printf '%%s\\n' "$*" >&3
mapfile -t lines <&3
status=${lines[-1]}
unset 'lines[-1]'
[ ${#lines[@]} = 0 ] || printf '%%s\\n' "${lines[@]}"
exit "$status"
"""
#: The first process of the namespaces; with a root of its own, as only then others may be made inside.
LEADER = """
mount --make-rprivate / && mount --rbind "$0" "$0" && cd "$0" && mkdir -p old && pivot_root . old && cd / &&
umount -l /old && rmdir /old && exec sleep infinity
"""


class StandIn(Machine):
    kind = "a stand-in for systemd"

    def __init__(self, package):
        self.debian = with_what_it_needs(package)
        self.debian.mount_kernel_directories()
        self.debian.path("/run/systemd/system").mkdir(parents=True, exist_ok=True)
        self.log = open(self.debian.work / "journal", "w+")
        self.process = subprocess.Popen(["unshare", "--mount", "--net", "sh", "-ec", LEADER, str(self.debian.root)])
        self.leader = self.process.pid
        processes.wait_until(
            lambda: pathlib.Path(f"/proc/{self.leader}/comm").read_text() == "sleep\n", what="namespaces of its own")
        subprocess.run(["nsenter", "--target", str(self.leader), "--net", "ip", "link", "set", "lo", "up"], check=True)
        self._enter_network()
        self.lock = threading.RLock()
        self.services, self.sockets, self.targets = {}, {}, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        systemctl = self.debian.path("/usr/bin/systemctl")
        systemctl.unlink()
        systemctl.write_text(SYSTEMCTL % self.listener.getsockname()[1])
        systemctl.chmod(0o755)
        threading.Thread(target=self._answer, daemon=True).start()

    def journal(self):
        return (self.debian.work / "journal").read_text()[-5000:]

    def left(self):
        return [one for one in processes.everything().values() if one.session in Service.sessions and one.state != "Z"]

    def close(self):
        with self.lock:
            self._stop(["imageproxy.target", *self.services])
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.debian.close()

    # MARK: What systemctl asks for

    def _answer(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._obey, args=(connection,), daemon=True).start()

    def _obey(self, connection):
        with connection, connection.makefile("rw") as stream:
            words = stream.readline().split()
            output, status = io.StringIO(), 0
            try:
                with self.lock:
                    status = self._perform(words, output) or 0
            except Exception as error:
                output.write(f"{error}\n")
                status = 1
            stream.write(f"{output.getvalue()}{status}\n")
            stream.flush()
            connection.shutdown(socket.SHUT_RDWR)

    def _perform(self, words, output):
        flags = dict(word.lstrip("-").partition("=")[::2] for word in words if word.startswith("-"))
        verb, *names = [word for word in words if not word.startswith("-")]
        if verb == "start":
            for name in names:
                self._start(name)
        elif verb == "stop":
            self._stop(self._matching(names))
        elif verb in ("restart", "try-restart"):
            self._restart([name for name in self._matching(names) if verb == "restart" or self._is_active(name)])
        elif verb == "kill":
            for name in names:
                self.services[name].kill_all()
        elif verb == "show":
            service = self.services.get(names[0])
            output.write(f"{service.pid if service else 0}\n")
        elif verb == "list-units":
            states = flags.get("state", "").split(",")
            # What is started again and again has not failed: none of the units gives up.
            for name in [] if "failed" in flags else self._all():
                if "active" in states and any(fnmatch.fnmatch(name, pattern) for pattern in names):
                    output.write(f"{name} loaded active running\n")
        elif verb == "list-unit-files":
            for name in names:
                Unit(self.debian.root, name)
                output.write(f"{name} enabled enabled\n")
        elif verb == "is-enabled":
            output.write("enabled\n")
        elif verb not in ("daemon-reload", "is-active", "is-system-running"):
            raise ValueError(f"{verb}: not known to the stand-in")

    # MARK: Units

    def _all(self):
        return sorted({*self.targets, *self.sockets, *(name for name in self.services if self._is_active(name))})

    def _is_active(self, name):
        return name in self.targets or name in self.sockets or (name in self.services and self.services[name].is_wanted)

    def _matching(self, patterns):
        """A pattern stands for what is active, a name for itself."""
        for pattern in patterns:
            yield from (name for name in self._all() if fnmatch.fnmatch(name, pattern)) if "*" in pattern else (pattern,)

    def _start(self, name):
        if self._is_active(name):
            return
        unit = Unit(self.debian.root, name)
        if unit.suffix == "target":
            self.targets.add(name)
        # Sockets first, as all that use one are ordered after it.
        for other in sorted(unit.words("Requires") + unit.words("Wants"), key=lambda one: not one.endswith(".socket")):
            if other.startswith("imageproxy"):
                self._start(other)
        if unit.suffix == "socket":
            self.sockets[name] = ListeningSockets(unit, self.debian.root)
        elif unit.suffix == "service":
            self.services[name] = self._service(unit)

    def _service(self, unit):
        passed = [self.sockets[one] for one in unit.words("Sockets")]
        service = Service(unit, passed, self.leader, self.debian.root, self.log)
        service.start()
        return service

    def _following(self, names, *settings):
        """Those units, and all that are stopped or restarted with them."""
        found = dict.fromkeys(names)
        for name in list(found):
            for other in self._all():
                unit = Unit(self.debian.root, other)
                if other not in found and any(name in unit.words(setting) for setting in settings):
                    found.update(dict.fromkeys(self._following([other, *found], *settings)))
        return list(found)

    def _stop(self, names):
        services = []
        for name in self._following(names, "PartOf", "Requires", "StopPropagatedFrom"):
            self.targets.discard(name)
            if name in self.services:
                services.append(self.services.pop(name))
            if name in self.sockets:
                self.sockets.pop(name).close()
        Service.stop_all(services)

    def _restart(self, names):
        """Each by itself, as nothing orders them: a front that drains needs workers, which are back at once."""
        together = self._following(names, "PartOf", "Requires")
        old = {name: self.services.pop(name) for name in together if name in self.services}
        self.targets -= set(together)

        def again(name):
            Service.stop_all([old[name]])
            self.services[name] = self._service(old[name].unit)

        with concurrent.futures.ThreadPoolExecutor(max(1, len(old))) as pool:
            list(pool.map(again, old))
        for name in together:
            self._start(name)
