"""Supervised child processes: restarted when they die, ended with their parent.

`python -m mlplatform.core.processes PARENT COMMAND…` runs a command that ends with the process PARENT.
This is for `make run` and for workers side by side; the rest is for systemd or a container platform.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10  # from SIGTERM to SIGKILL, unless the supervisor is told otherwise
BACK_OFF_SECONDS = (0.5, 1, 2, 5, 10, 30)
STEADY_SECONDS = 60  # after so long, the pauses start over


def end_with_parent(parent: int, signal_number: int = signal.SIGTERM):
    """Has the kernel send the signal to this process when `parent` dies, once for each thread of it.

    Linux only: on other systems a killed parent leaves its children behind.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:  # it died before the call
        raise SystemExit(f"process {parent} is gone")


def pin_to_core(number: int):
    """Pins this process to one core; processes with consecutive numbers get different cores.

    Threads that share the interpreter's lock run one at a time anyway. Without pinning, Linux wakes the next
    one on the idle core, and that takes longer than waiting.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


@dataclass
class Child:
    """One supervised command, in a process group of its own, so that Ctrl-C reaches only the parent."""

    name: str
    command: list[str]
    process: subprocess.Popen | None = None
    started_at: float = 0
    start_at: float = 0
    restarts: int = 0

    def start(self):
        self.process = subprocess.Popen(  # noqa: S603 - a command of ours
            [sys.executable, "-P", __file__, str(os.getpid()), *self.command],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def plan_restart(self):
        """Kills what is left of the group first: half a web server would keep the port."""
        self.kill_group()
        if time.monotonic() - self.started_at > STEADY_SECONDS:
            self.restarts = 0
        self.start_at = time.monotonic() + BACK_OFF_SECONDS[min(self.restarts, len(BACK_OFF_SECONDS) - 1)]
        self.restarts += 1
        self.process = None

    def kill_group(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    def __init__(self, children: list[Child], say=print, stop_seconds: float = STOP_SECONDS):
        self.children = children
        self.say = say
        self.stop_seconds = stop_seconds

    def start(self):
        for child in self.children:
            child.start()

    def watch(self):
        """To be called again and again: restarts the children that died, after a growing pause."""
        for child in self.children:
            if child.process is None and time.monotonic() >= child.start_at:
                child.start()
            elif child.process is not None and not child.is_running:
                self.say(f"{child.name} ended ({describe(child.process.returncode)}); it will be restarted")
                child.plan_restart()

    def terminate(self):
        for child in self.children:
            if child.is_running:
                child.process.terminate()

    def stop(self):
        self.terminate()
        running = [child for child in self.children if child.process is not None]
        deadline = time.monotonic() + self.stop_seconds
        for child in running:
            try:
                child.process.wait(timeout=max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{child.name} did not stop within {self.stop_seconds:g} seconds and is killed")
            child.kill_group()
            child.process.wait()


def describe(returncode: int) -> str:
    return f"exit code {returncode}" if returncode >= 0 else signal.Signals(-returncode).name


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted
