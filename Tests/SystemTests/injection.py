# SPDX-License-Identifier: Apache-2.0
"""System calls that a process makes because somebody else wants it to, as if code had been slipped into it: by ptrace.

For root. Every function has to be called from one thread, the one that has attached.
"""

import ctypes
import os
import platform
import signal

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_seccomp = ctypes.CDLL("libseccomp.so.2")

_SINGLESTEP, _GETREGSET, _SETREGSET, _SEIZE, _INTERRUPT = 9, 0x4204, 0x4205, 0x4206, 0x4207
_GENERAL_REGISTERS = 1
_EXITKILL = 1 << 20
_ANY_THREAD = 0x40000000
#: Places in the general registers, as ptrace gives them: number, six arguments, result, instruction, stack; the
#: instruction for a system call; what keeps the kernel from restarting the call that was interrupted.
_MACHINES = {
    "x86_64": (10, [14, 13, 12, 7, 9, 8], 10, 16, 19, b"\x0f\x05", {15: -1}),
    "aarch64": (8, [0, 1, 2, 3, 4, 5], 0, 32, 31, b"\x01\x00\x00\xd4", {}),
}
#: CALL: the instruction for a system call.
_NUMBER, _ARGUMENTS, _RESULT, _INSTRUCTION, _STACK, CALL, _MORE = _MACHINES[platform.machine()]


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def number_of(name):
    """The number of a system call on this machine; None when it has none of this name."""
    number = _seccomp.seccomp_syscall_resolve_name(name.encode())
    return number if number >= 0 else None


def _ptrace(request, pid, address=None, data=None):
    if _libc.ptrace(request, pid, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}: {os.strerror(ctypes.get_errno())}")


class Injected:
    """A process that is held in the middle of what it does."""

    def __init__(self, pid):
        self.pid = pid
        _ptrace(_SEIZE, pid, None, _EXITKILL)
        _ptrace(_INTERRUPT, pid)
        status = self._wait()
        assert os.WIFSTOPPED(status), status

    def end(self):
        """Kills it: what it was doing has been written over."""
        os.kill(self.pid, signal.SIGKILL)
        assert os.WIFSIGNALED(self._wait())

    def _wait(self):
        return os.waitpid(self.pid, _ANY_THREAD)[1]

    def _registers(self, request, values=None):
        # More than either machine has.
        block = (ctypes.c_int64 * 64)(*(values or []))
        vector = Vector(ctypes.addressof(block), 8 * (len(values) if values else 64))
        _ptrace(request, self.pid, _GENERAL_REGISTERS, ctypes.addressof(vector))
        return list(block)[:vector.length // 8]

    def call(self, number, *arguments, instruction=CALL):
        """Makes it do one system call, bytes being put on its stack: the signal that it dies of, or the call's result."""
        registers = self._registers(_GETREGSET)
        place = (registers[_STACK] & ~15) - 8192
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as memory:
            for which, value in enumerate((*arguments, *[0] * (6 - len(arguments)))):
                if isinstance(value, bytes):
                    memory.seek(place)
                    memory.write(value)
                    value, place = place, place - 1024
                registers[_ARGUMENTS[which]] = value
            memory.seek(registers[_INSTRUCTION])
            memory.write(instruction)
        registers[_NUMBER] = number
        for register, value in _MORE.items():
            registers[register] = value
        self._registers(_SETREGSET, registers)
        _ptrace(_SINGLESTEP, self.pid)
        status = self._wait()
        if os.WIFSIGNALED(status):
            return signal.Signals(os.WTERMSIG(status))
        assert os.WIFSTOPPED(status), status
        return self._registers(_GETREGSET)[_RESULT]
