# SPDX-License-Identifier: Apache-2.0
"""The sockets of a socket unit."""

import os
import socket

from units import ids


def bound(kind, file):
    """A Unix socket at that place, whatever was there."""
    file.unlink(missing_ok=True)
    one = socket.socket(socket.AF_UNIX, kind)
    # The whole path may be longer than an address can be.
    directory = os.open(file.parent, os.O_PATH)
    try:
        one.bind(f"/proc/self/fd/{directory}/{file.name}")
    finally:
        os.close(directory)
    return one


class ListeningSockets:
    """Open until `close`; services come and go meanwhile."""

    def __init__(self, unit, root):
        self.name, self.files, self.sockets = unit.name, [], []
        self.removes = unit.value("RemoveOnStop") == "yes"
        backlog = int(unit.value("Backlog", "128"))
        for address in unit.settings.get("ListenStream", []):
            host, _, port = address.rpartition(":")
            self.sockets.append(socket.create_server((host, int(port)), backlog=backlog))
        for path in unit.settings.get("ListenSequentialPacket", []):
            self.sockets.append(self._unix(unit, root, root / path.lstrip("/"), backlog))
        for one in self.sockets:
            one.setblocking(False)

    def _unix(self, unit, root, file, backlog):
        if not file.parent.exists():
            file.parent.mkdir(parents=True)
            file.parent.chmod(int(unit.value("DirectoryMode", "0755"), 8))
        one = bound(socket.SOCK_SEQPACKET, file)
        os.chown(file, ids(root, unit.value("SocketUser", "root"))[0], ids(root, unit.value("SocketGroup", "root"))[1])
        file.chmod(int(unit.value("SocketMode", "0666"), 8))
        one.listen(backlog)
        self.files.append(file)
        return one

    def close(self):
        for one in self.sockets:
            one.close()
        for file in self.files if self.removes else []:
            file.unlink(missing_ok=True)
