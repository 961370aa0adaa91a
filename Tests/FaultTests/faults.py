# SPDX-License-Identifier: Apache-2.0
"""The other end of Tests/Support/Faults/faults.c: says which call is to fail, and what time it is."""

import errno
import mmap
import struct

#: Of `struct control`: name, caller, countdown, error, fired, unused, clock_offset.
LAYOUT = struct.Struct("<24s24siiiiq")
#: An error number that stands for one byte instead of all that was asked for.
SHORT = -1

#: What each call may fail with: what a machine that is short of something says, and what may happen to any call.
ERRORS = {
    "malloc": [errno.ENOMEM], "calloc": [errno.ENOMEM], "realloc": [errno.ENOMEM],
    "mmap": [errno.ENOMEM], "memfd_create": [errno.EMFILE], "socket": [errno.EMFILE],
    "accept4": [errno.EMFILE, errno.ECONNABORTED, errno.EINTR], "connect": [errno.ECONNREFUSED, errno.EAGAIN],
    "getsockopt": [errno.ENOBUFS], "setsockopt": [errno.ENOBUFS], "getsockname": [errno.ENOBUFS],
    "getpeername": [errno.ENOTCONN], "read": [errno.EIO, errno.EINTR, SHORT], "write": [errno.ENOSPC, errno.EINTR, SHORT],
    "pread": [errno.EIO, errno.EINTR, SHORT], "send": [errno.EPIPE, SHORT], "recv": [errno.ECONNRESET, SHORT],
    "sendmsg": [errno.EPIPE, errno.EINTR], "recvmsg": [errno.EMFILE, errno.EINTR], "writev": [errno.EPIPE, SHORT],
    "fstat": [errno.EIO], "lstat": [errno.EIO], "access": [errno.EACCES], "rename": [errno.ENOSPC], "unlink": [errno.EIO],
    "mkdir": [errno.ENOSPC], "fsync": [errno.EIO], "futimens": [errno.EPERM], "opendir": [errno.EMFILE],
    "open": [errno.EMFILE, errno.EACCES], "fcntl": [errno.EPERM], "getrandom": [errno.ENOSYS],
    "epoll_ctl": [errno.ENOMEM], "epoll_wait": [errno.EINTR], "eventfd": [errno.EMFILE], "poll": [errno.EINTR],
    "pipe2": [errno.EMFILE], "fork": [errno.EAGAIN], "wait4": [errno.EINTR], "pthread_create": [errno.EAGAIN],
    "getaddrinfo": [0],
}


class Control:
    """A file that a program with the library in front of libc looks at, call by call."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(4096))
        # A worker that has become nobody has it mapped already, one that starts later opens it as whoever it is.
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 4096)
        self._offset = 0

    def _write(self, call=b"", caller=b"", countdown=0, error=0):
        # The countdown last: it is what starts it.
        LAYOUT.pack_into(self._memory, 0, call, caller, 0, error, 0, 0, self._offset)
        struct.pack_into("<i", self._memory, 48, countdown)

    def fail(self, call, number, error, caller=""):
        """From now on, the call of this number fails, once."""
        self._write(call.encode(), caller.encode(), number, error)

    def end(self):
        """No call fails any more; whether one has."""
        fired = LAYOUT.unpack_from(self._memory)[4] == 1
        self._write()
        return fired

    def set_clock(self, seconds):
        """The wall clock from now on, relative to the real one."""
        self._offset = seconds
        self._write()


def environment(library, control):
    return {"LD_PRELOAD": str(library), "FAULT_CONTROL": str(control.path)}
