# SPDX-License-Identifier: Apache-2.0
"""Directories that fail: by a library in front of libc, and by small file systems that only root can mount."""

import os
import struct


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
    """A small file system that a front and nobody else sees; `seen_by` is the way there for others."""

    def __init__(self, tmp_path, size="1m"):
        self.directory = tmp_path / "disk"
        self.directory.mkdir()
        self.settings = {"within": ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                    f"mount -t tmpfs -o size={size} none '{self.directory}' && exec \"$@\"", "sh"]}

    def seen_by(self, front):
        return f"/proc/{front.pid}/root{self.directory}"

    def remount(self, front, options):
        return ["nsenter", "--mount", "--target", str(front.pid), "mount", "-o", f"remount,{options}",
                str(self.directory)]
