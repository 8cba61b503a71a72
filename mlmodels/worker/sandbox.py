"""The limits that a training lives under, set by the child on itself before it touches any data."""

import ctypes
import os
import resource
import signal
import sys
import threading
from multiprocessing import parent_process

NICENESS = 10
CPU_GRACE_SECONDS = 30  # the worker stops it by the clock first; this holds when the worker is paused
PR_SET_PDEATHSIG = 1


def enter_sandbox(*, seconds_max: float, memory_bytes_max: int, file_bytes_max: int) -> None:
    os.setsid()  # Ctrl-C in a terminal is for the worker, which ends its children itself
    os.nice(NICENESS)
    _die_with_the_worker()
    cpu_seconds_max = int(seconds_max) + CPU_GRACE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds_max, cpu_seconds_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too large a file is then an OSError, which has words
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))
    address_space_max = _address_space_bytes() + memory_bytes_max
    resource.setrlimit(resource.RLIMIT_AS, (address_space_max, address_space_max))


def _die_with_the_worker() -> None:
    """Twice: the kernel kills it with the fork server, a thread ends it with the worker itself."""
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _outlive_nobody() -> None:
    parent_process().join()
    os._exit(1)


def _address_space_bytes() -> int:
    """What the libraries have reserved already: hardly memory, and no part of the allowance."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        return 0
