"""Keep the process of an answer from doing anything but computing.

On Linux the kernel refuses it: a filter of system calls (seccomp) lets through what a calculation
needs, and refuses to write or delete any file, to open a socket, to begin a process and to send a
signal to another one. The answer cannot take it off again, not even as root. Limits of processor
time and memory are the kernel's too.

Elsewhere an audit hook of Python refuses the same. It stops accidents, but no answer that is
written to get around it, for instance with ctypes. The limits of time hold on every system.

Files can be read on every system, because Python and PyTorch read theirs. So an answer may call the
course's solution, as any learner may look at it: a mark says what is right, not who wrote it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import platform
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

if sys.platform != "win32":
    import resource


class Limits(NamedTuple):
    """What one answer may use.

    seconds: of a processor. by_the_clock: seconds, because what waits uses no processor. memory:
    bytes on top of what Python and PyTorch have.
    """

    seconds: int = 30
    by_the_clock: float = 180.0
    memory: int = 1 << 30


# The system calls that a calculation needs, each with its number in Linux's own table. Of the last
# ones an answer must not have all; `_conditions` says what it may.
_X86_64 = """
    read 0  write 1  close 3  stat 4  fstat 5  lstat 6  poll 7  lseek 8  mmap 9  mprotect 10
    munmap 11  brk 12  rt_sigaction 13  rt_sigprocmask 14  rt_sigreturn 15  pread64 17  readv 19
    writev 20  access 21  select 23  sched_yield 24  mremap 25  msync 26  mincore 27  madvise 28
    dup 32  dup2 33  pause 34  nanosleep 35  getitimer 36  alarm 37  setitimer 38  getpid 39
    exit 60  uname 63  getdents 78  getcwd 79  chdir 80  readlink 89  gettimeofday 96
    getrlimit 97  getrusage 98  sysinfo 99  times 100  getuid 102  getgid 104  geteuid 107
    getegid 108  getppid 110  rt_sigpending 127  rt_sigtimedwait 128  sigaltstack 131  statfs 137
    fstatfs 138  arch_prctl 158  gettid 186  time 201  futex 202  sched_getaffinity 204
    getdents64 217  set_tid_address 218  restart_syscall 219  fadvise64 221  clock_gettime 228
    clock_getres 229  clock_nanosleep 230  exit_group 231  newfstatat 262  readlinkat 267
    faccessat 269  pselect6 270  ppoll 271  set_robust_list 273  get_robust_list 274  dup3 292
    getcpu 309  getrandom 318  membarrier 324  statx 332  rseq 334  open 2  openat 257  clone 56
    kill 62  tgkill 234  fcntl 72  prlimit64 302
"""
_AARCH64 = """
    getcwd 17  dup 23  dup3 24  statfs 43  fstatfs 44  faccessat 48  chdir 49  close 57
    getdents64 61  lseek 62  read 63  write 64  readv 65  writev 66  pread64 67  pselect6 72
    ppoll 73  readlinkat 78  fstatat 79  fstat 80  exit 93  exit_group 94  set_tid_address 96
    futex 98  set_robust_list 99  get_robust_list 100  nanosleep 101  getitimer 102  setitimer 103
    clock_gettime 113  clock_getres 114  clock_nanosleep 115  sched_getaffinity 123
    sched_yield 124  restart_syscall 128  sigaltstack 132  rt_sigaction 134  rt_sigprocmask 135
    rt_sigpending 136  rt_sigtimedwait 137  rt_sigreturn 139  times 153  uname 160  getrlimit 163
    getrusage 165  getcpu 168  gettimeofday 169  getpid 172  getppid 173  getuid 174  geteuid 175
    getgid 176  getegid 177  gettid 178  sysinfo 179  brk 214  munmap 215  mremap 216  mmap 222
    fadvise64 223  mprotect 226  msync 227  mincore 232  madvise 233  getrandom 278
    membarrier 283  statx 291  rseq 293  openat 56  clone 220  kill 129  tgkill 131  fcntl 25
    prlimit64 261
"""
_CLONE3 = 435  # on both; "not there" makes the C library begin a thread with clone instead
_ARCHITECTURES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CLONE_THREAD = 0x10000
_FCNTL = (0, 1, 2, 3, 4, 1030)  # copy a descriptor, its flags; not to whom its signals go

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

# Python's own events, for systems without such a filter.
_REFUSED = (
    *("socket.", "subprocess.", "shutil.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn"),
    *("os.system", "os.startfile", "os.kill", "os.remove", "os.rename", "os.rmdir", "os.mkdir"),
    *("os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.utime", "ctypes.dlopen"),
    *("signal.pthread_kill", "webbrowser.", "sqlite3.", "winreg.", "msvcrt."),
)


def confine(limits: Limits, by_the_kernel: bool | None = None) -> None:
    """Confine this process and what runs in it, for good.

    by_the_kernel: with the filter of system calls; as this system allows, if not given. Raises
    OSError if the kernel refuses the filter.
    """
    if sys.platform != "win32":
        _set_limits(limits)
    if by_the_kernel is None:
        by_the_kernel = has_filter()
    if by_the_kernel:
        _filter_system_calls()
    else:
        sys.addaudithook(_refuse)


def has_filter() -> bool:
    """Return whether there is a filter of system calls for this system and processor."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURES


def not_refused(target: Path, memory: int) -> list[str]:
    """Try what an answer must not do, and return what was not refused; so it is known, not hoped.

    target: a file of the course, which stays as it is. memory: bytes that are over the limit.
    """
    attempts: dict[str, Callable[[], Any]] = {
        "writing to the course's files": lambda: open(target, "r+b").close(),
        "a connection to the network": lambda: socket.socket().close(),
        f"{memory >> 20:,} MB of memory": lambda: mmap.mmap(-1, memory).close(),
    }
    if sys.platform != "win32":
        attempts["a process of its own"] = _fork
        attempts["a signal to another process"] = lambda: os.kill(os.getppid(), 0)
    found = []
    for what, attempt in attempts.items():
        with contextlib.suppress(OSError, MemoryError):
            attempt()
            found.append(what)
    return found


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _set_limits(limits: Limits) -> None:
    wanted = {
        resource.RLIMIT_CPU: (limits.seconds, limits.seconds + 1),  # the second one ends it surely
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
    }
    statm = Path("/proc/self/statm")
    if statm.exists():
        pages = int(statm.read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + limits.memory
        wanted[resource.RLIMIT_AS] = (most, most)
    for what, pair in wanted.items():
        resource.setrlimit(what, pair)


def _refuse(event: str, arguments: tuple) -> None:
    """Python calls this before it does something that one may want to know of."""
    opens_to_write = event == "open" and (
        (isinstance(arguments[1], str) and bool(set(arguments[1]) & set("wax+")))
        or bool((arguments[2] or 0) & _WRITES)
    )
    if opens_to_write or event.startswith(_REFUSED):
        raise PermissionError(errno.EPERM, f"an answer may only compute, and this is {event}")


def _filter_system_calls() -> None:
    program = b"".join(_program(*_ARCHITECTURES[platform.machine()]))
    steps = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, header, 0, 0)):
        if libc.prctl(*(ctypes.c_ulong(a) if isinstance(a, int) else a for a in call)):
            raise OSError(ctypes.get_errno(), "the kernel refuses the filter of system calls")


def _program(architecture: int, table: str) -> Iterator[bytes]:
    """Yield the steps of the filter: the first call that fits decides, and the rest is refused.

    The kernel hands it the call's number at byte 0, the architecture at 4, and arguments of eight
    bytes each from 16 on. A jump is relative: (steps if true, steps if false).
    """
    words = table.split()
    numbers = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    conditions = _conditions()
    yield _step(_LOAD, 4)
    yield _step(_EQUAL, architecture, 1, 0)
    yield _step(_RETURN, _KILL)
    yield _step(_LOAD, 0)
    yield _step(_EQUAL, _CLONE3, 0, 1)
    yield _step(_RETURN, _ERROR | errno.ENOSYS)
    for name, number in numbers.items():
        steps = conditions.get(name, [_allowed()])
        yield _step(_EQUAL, number, 0, len(steps))
        yield from steps
    yield _step(_RETURN, _ERROR | errno.EPERM)


def _conditions() -> dict[str, list[bytes]]:
    """Return what an answer may have of a call: steps that end by allowing or refusing it."""
    own = os.getpid()
    return {
        "open": _unless_bits(1, _WRITES),
        "openat": _unless_bits(2, _WRITES),
        "clone": _if_bits(0, _CLONE_THREAD),
        "kill": _if_equal(0, own),
        "tgkill": _if_equal(0, own),
        "fcntl": _if_equal(1, *_FCNTL),
        "prlimit64": _if_no_pointer(2),  # to read a limit, not to set one
    }


def _unless_bits(argument: int, bits: int) -> list[bytes]:
    return [_argument(argument), _step(_ANY_BIT, bits, 0, 1), _refused(), _allowed()]


def _if_bits(argument: int, bits: int) -> list[bytes]:
    return [_argument(argument), _step(_ANY_BIT, bits, 1, 0), _refused(), _allowed()]


def _if_equal(argument: int, *values: int) -> list[bytes]:
    tests = [_step(_EQUAL, v, len(values) - n, 0) for n, v in enumerate(values)]
    return [_argument(argument), *tests, _refused(), _allowed()]


def _if_no_pointer(argument: int) -> list[bytes]:
    lower, upper = _argument(argument), _step(_LOAD, 20 + 8 * argument)
    zero = _step(_EQUAL, 0, 1, 0)
    return [lower, zero, _refused(), upper, zero, _refused(), _allowed()]


def _argument(number: int) -> bytes:
    return _step(_LOAD, 16 + 8 * number)


def _allowed() -> bytes:
    return _step(_RETURN, _ALLOW)


def _refused() -> bytes:
    return _step(_RETURN, _ERROR | errno.EPERM)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
