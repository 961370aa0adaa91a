# SPDX-License-Identifier: Apache-2.0
"""Directories that fail: by a library in front of libc, and by small file systems of their own."""

import os
import struct
import subprocess


class FaultyDisk:
    """A directory of which a front believes that it fails as it is told. Use `settings` to start one."""

    def __init__(self, library, tmp_path):
        self.directory = tmp_path / "cache"
        self.state = tmp_path / "state"
        self.set()
        self.settings = {"environment": {
            "LD_PRELOAD": str(library), "FAULTY_DIRECTORY": str(self.directory), "FAULTY_STATE": str(self.state)}}

    def set(self, reading=0, writing=0, reads_hang=False, writes_hang=False):
        numbers = struct.pack("<4i", reading, writing, reads_hang, writes_hang)
        # In place: it is mapped.
        file = os.open(self.state, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(file, numbers)
        os.close(file)


class Mounted:
    """A small file system that a front and nobody else sees; `seen_from_here` is the way there for others.

    A process of its own keeps it mounted, until its input ends. Who is not root gets a user namespace in which mounting
    is allowed, and the front one within that, in which it is an ordinary user again.
    """

    def __init__(self, tmp_path, size="1m"):
        self.directory = tmp_path / "disk"
        self.directory.mkdir()
        is_root = os.geteuid() == 0
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", *([] if is_root else ["--map-root-user"]), "sh", "-c",
             f"mount -t tmpfs -o size={size} none '{self.directory}' && echo mounted && exec cat > /dev/null"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout.readline() == b"mounted\n"
        target = ["--target", str(self._holder.pid), "--mount"]
        self._inside = ["nsenter", *target] if is_root else ["nsenter", *target, "--user", "--preserve-credentials"]
        ordinary = ["unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"]
        self.settings = {"within": self._inside if is_root else [*self._inside, *ordinary]}
        self.seen_from_here = f"/proc/{self._holder.pid}/root{self.directory}"

    def remount(self, options):
        # With its source, or the options it had would be given again, among them a user that only exists outside.
        return [*self._inside, "mount", "-o", f"remount,{options}", "none", str(self.directory)]

    def close(self):
        self._holder.communicate()
