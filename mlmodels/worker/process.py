"""Starts and ends the processes that do the work. Imports no Django, since the processes import it."""

import json
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.connection import wait

from mlmodels.limits import TRAINING_THREADS
from mlmodels.worker.assignment import Assignment

CHILD_MODULE = "mlmodels.worker.child"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

context = multiprocessing.get_context("forkserver")


def start_fork_server() -> None:
    """Starts it, and returns when it has loaded the learning libraries.

    Called before the first claim, since loading takes seconds of a lease. Each process computes in one
    thread: with two, processes that run side by side are slower.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(TRAINING_THREADS)))
    context.set_forkserver_preload([CHILD_MODULE])
    first = context.Process(target=_do_nothing)
    first.start()
    first.join()


class WorkProcess:
    """The process of one job. `is_over` is True when all of its messages have been read."""

    def __init__(self, assignment: Assignment):
        self._pipe, child_end = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(assignment, child_end), daemon=True)
        self._process.start()
        child_end.close()
        self.is_over = False

    @property
    def exit_signal(self) -> int | None:
        """The signal that ended the process, if one did."""
        self._process.join()
        return -self._process.exitcode if self._process.exitcode < 0 else None

    def messages(self, seconds: float) -> Iterator[dict]:
        """The messages that can be read, waiting this long for the first."""
        while not self.is_over and wait([self._pipe], timeout=seconds):
            try:
                yield json.loads(self._pipe.recv_bytes())
            except (EOFError, ConnectionResetError):
                self.is_over = True
            seconds = 0

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self.is_over = True


def _do_nothing() -> None:
    """The first process only shows that the fork server is ready."""


def _work(assignment: Assignment, pipe) -> None:
    from mlmodels.worker import child

    child.main(assignment, pipe)
