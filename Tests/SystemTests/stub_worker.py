# SPDX-License-Identifier: Apache-2.0
"""A worker that lies, written from Sources/Shared/WorkerProtocol.md alone."""

import contextlib
import fcntl
import os
import select
import socket
import struct
import threading

HELLO, JOB, REPLY, REPORT = 1, 2, 3, 4
ALL_LAYERS = 63
JPEG, PNG = 1, 2
#: F_SEAL_SEAL, SHRINK, GROW, WRITE
SEALS = (1, 2, 4, 8)
ALL_SEALS = 15


def frame(kind, body, magic=b"IPW1", version=4, length=None):
    return struct.pack("<4sBBH", magic, kind, version, 8 + len(body) if length is None else length) + body


def hello(layers=ALL_LAYERS, decodes=6, encodes=6, versions=(1 << 8,) + 10 * (1 << 16,), **header):
    return frame(HELLO, struct.pack("<IHH11I", layers, decodes, encodes, *versions), **header)


def reply(nonce, status=0, form=JPEG, width=1, height=1, size=1, costs=(1, 2, 3, 4, 5), **header):
    return frame(REPLY, nonce + struct.pack("<HHIIQ5I", status, form, width, height, size, *costs), **header)


def failure(nonce, status):
    return reply(nonce, status, 0, 0, 0, 0, (0, 0, 0, 0, 0))


def report(kind, value, cpu=1, memory=1, **header):
    return frame(REPORT, struct.pack("<HHQI", kind, value, cpu, memory), **header)


def job(nonce, milliseconds=20000, source_pixels=100_000_000, output_pixels=50_000_000, result_bytes=64 << 20, flags=0,
        form=0, width=0, height=0, crop=(0, 0, 0, 0), rotation=0, quality=0,
        accepted=b"", avif_speed=9, avif_pixels=2_000_000, background=b"", disabled=0):
    """As a front sends it; `Job` takes it apart."""
    body = Job.FIELDS.pack(b"", nonce, milliseconds, source_pixels, output_pixels, result_bytes, flags, form, width, height,
                           *crop, rotation, quality, accepted, avif_speed, avif_pixels, background, disabled)
    return frame(JOB, body[8:])


def memory(data, seals=ALL_SEALS):
    """A memfd with those seals."""
    number = os.memfd_create("stub", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    if isinstance(data, int):
        os.truncate(number, data)
    else:
        os.write(number, data)
    if seals:
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals)
    return number


class Job:
    """What the front sent, taken apart."""

    FIELDS = struct.Struct("<8s16sIQQQHH6dqq4sIQ4sH")

    def __init__(self, data, descriptor):
        assert len(data) == 142 and data[:8] == struct.pack("<4sBBH", b"IPW1", JOB, 4, 142), data[:8]
        (_, self.nonce, self.milliseconds, self.source_pixels, self.output_pixels, self.result_bytes, self.flags, self.form,
         self.width, self.height, *self.crop, self.rotation, self.quality,
         self.accepted, self.avif_speed, self.avif_pixels, self.background, self.disabled) = self.FIELDS.unpack(data)
        self.descriptor = descriptor

    @property
    def source(self):
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0)

    @property
    def seals(self):
        return fcntl.fcntl(self.descriptor, fcntl.F_GET_SEALS)


class Ticket:
    """One connection from the front."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(10)
        self.job = None

    def greet(self, data=None):
        self.send(hello() if data is None else data)

    def take(self):
        """Waits for the job; None when the front hangs up instead."""
        data, descriptors, _, _ = socket.recv_fds(self.connection, 256, 4)
        if not data:
            return None
        assert len(descriptors) == 1, descriptors
        self.job = Job(data, descriptors[0])
        return self.job

    def send(self, data, *descriptors):
        """Descriptors are this side's to close, once they are sent."""
        try:
            if descriptors:
                socket.send_fds(self.connection, [data], list(descriptors))
            else:
                self.connection.send(data)
        finally:
            for number in set(descriptors):
                os.close(number)

    def hung_up(self, within):
        """Whether the front ends the connection in time."""
        self.connection.settimeout(within)
        try:
            return self.connection.recv(1) == b""
        except socket.timeout:
            return False
        except OSError:
            return True

    def close(self):
        if self.job:
            os.close(self.job.descriptor)
            self.job = None
        self.connection.close()


class StubWorkers:
    """Listens on a jobs socket; each connection is handled by the next of a list of lies.

    When the lies are used up nothing more is accepted, and whoever else holds the socket gets the rest.
    """

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(path))
        self.socket.listen(1024)
        self.failures = []

    def _next(self):
        # The honest worker has made the socket, which both share, one that does not block.
        while True:
            try:
                select.select([self.socket], [], [])
                return Ticket(self.socket.accept()[0])
            except BlockingIOError:
                continue
            except (OSError, ValueError):
                return None

    def serve(self, lies, done=None):
        """Handles as many connections as there are lies, in the background, and then calls `done`."""

        def work():
            for lie in lies:
                ticket = self._next()
                if ticket is None:
                    return
                try:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        lie(ticket)
                except BaseException as error:
                    self.failures.append(error)
                finally:
                    ticket.close()
            if done:
                done()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
