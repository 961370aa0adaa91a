# SPDX-License-Identifier: Apache-2.0
"""A front that hands one picture to a real worker, written from Sources/Shared/WorkerProtocol.md alone.

It sees what no client does: what became of the job, and what the child's end has cost by the kernel's own account.
"""

import os
import socket
import struct

import stub_worker

#: Failures by their codes on the wire.
FAILURES = {1: "unsupported-format", 2: "corrupt-source", 3: "too-many-pixels", 4: "result-too-large",
            5: "out-of-memory", 6: "deadline-passed", 7: "internal-error", 8: "disabled-format"}
FORMATS = {None: 0, "jpeg": 1, "png": 2, "webp": 3, "gif": 4, "tiff": 5, "bmp": 6, "avif": 7}


class Outcome:
    """What a worker says of one job."""

    #: Of a result; None without one.
    body = form = size = None
    #: The failure's name; None when there is a result, and when the child has ended without an answer.
    failure = None
    #: How the child ended: "exited", "signalled", "late" or "abandoned", and with which status or signal.
    end = value = None
    #: Seconds of CPU and MiB of memory at its peak, of the child as a whole.
    cpu = memory = None

    def __repr__(self):
        what = self.failure or (f"{self.size} {len(self.body)} bytes" if self.body is not None else "no answer")
        return f"<{what}, {self.end} {self.value}, {self.cpu:.2f} s, {self.memory:.0f} MiB>"


def transform(path, data, timeout=60, **wanted):
    """Has the worker at that socket do one job."""
    outcome = Outcome()
    nonce = os.urandom(16)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        kind, _ = received(connection)
        assert kind == stub_worker.HELLO
        if "form" in wanted:
            wanted["form"] = FORMATS[wanted["form"]]
        descriptor = stub_worker.memory(data)
        try:
            socket.send_fds(connection, [stub_worker.job(nonce, **wanted)], [descriptor])
        finally:
            os.close(descriptor)
        while True:
            kind, frame, *descriptors = received(connection)
            if kind == stub_worker.REPORT:
                end, outcome.value, cpu, memory = struct.unpack("<HHQI", frame[8:24])
                outcome.end = ("exited", "signalled", "late", "abandoned")[end - 1]
                outcome.cpu, outcome.memory = cpu / 1e6, memory / 1024
                return outcome
            assert kind == stub_worker.REPLY and frame[8:24] == nonce
            status, outcome.form, width, height, count = struct.unpack("<HHIIQ", frame[24:44])
            if status:
                outcome.failure = FAILURES[status]
                continue
            outcome.size = width, height
            with os.fdopen(descriptors[0], "rb") as file:
                file.seek(0)
                outcome.body = file.read()
            assert len(outcome.body) == count


def received(connection):
    data, descriptors, _, _ = socket.recv_fds(connection, 256, 4)
    assert data[:4] == b"IPW1" and len(data) == struct.unpack("<H", data[6:8])[0], data
    return data[4], data, *descriptors
