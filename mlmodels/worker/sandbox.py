"""The limits of the process of a job, which it sets on itself before it reads any data."""

import os
import resource
import signal
import threading
import time
from multiprocessing import parent_process

from mlplatform.core.processes import end_with_parent

PAUSES_SECONDS = (0.11, 0.13, 0.17)
CPU_GRACE_SECONDS = 30  # the worker stops the process first, unless the worker itself is paused


def enter_sandbox(*, seconds_max: float, memory_bytes_max: int, file_bytes_max: int, niceness: int) -> None:
    os.setsid()  # Ctrl-C in a terminal reaches only the worker, which ends the process itself
    os.nice(niceness)
    _yield_to_other_sessions(niceness)
    _end_with_worker()
    cpu_seconds_max = int(seconds_max) + CPU_GRACE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds_max, cpu_seconds_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a file that is too large raises OSError
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))
    address_space_max = _address_space_bytes() + memory_bytes_max
    resource.setrlimit(resource.RLIMIT_AS, (address_space_max, address_space_max))


def _yield_to_other_sessions(niceness: int) -> None:
    """Where Linux schedules by session (autogroup), `nice` counts within one, and setsid made a new one."""
    for pause in PAUSES_SECONDS:
        try:
            with open("/proc/self/autogroup", "w") as autogroup:
                autogroup.write(str(niceness))
        except BlockingIOError:  # the kernel takes one such change in a tenth of a second
            time.sleep(pause)
        except OSError:
            return  # no Linux, or one without autogroups
        else:
            return


def _end_with_worker() -> None:
    """A thread ends the process with the worker, and the kernel kills it with the fork server."""
    threading.Thread(target=_exit_after_worker, daemon=True).start()
    end_with_parent(os.getppid(), signal.SIGKILL)


def _exit_after_worker() -> None:
    parent_process().join()
    os._exit(1)


def _address_space_bytes() -> int:
    """What the libraries have reserved so far: mostly unused, so not counted as memory of the job."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        return 0
