"""Making and ending the child processes. No Django here either: the child imports this too."""

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
    """Returns when the server has the learning libraries loaded.

    It comes before the first claim: the seconds that it takes must not come out of a lease. One thread per
    child, children side by side: two threads each are slower as soon as the other core is busy.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(TRAINING_THREADS)))
    context.set_forkserver_preload([CHILD_MODULE])
    first = context.Process(target=_nothing)
    first.start()
    first.join()


class TrainingProcess:
    """The child of one run: what it says, whether it is over, and its end."""

    def __init__(self, assignment: Assignment):
        self._pipe, child_end = context.Pipe(duplex=False)
        self._process = context.Process(target=_train, args=(assignment, child_end), daemon=True)
        self._process.start()
        child_end.close()
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether everything that it said has been read and nothing more will come."""
        return self._is_over

    @property
    def exit_signal(self) -> int | None:
        """The signal that ended it, if one did."""
        self._process.join()
        return -self._process.exitcode if self._process.exitcode < 0 else None

    def messages(self, seconds: float) -> Iterator[dict]:
        """What it says within this time, until there is nothing to read."""
        while not self._is_over and wait([self._pipe], timeout=seconds):
            try:
                yield json.loads(self._pipe.recv_bytes())
            except (EOFError, ConnectionResetError):
                self._is_over = True
            seconds = 0

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._is_over = True


def _nothing() -> None:
    """What the first child does: it shows that the fork server is ready."""


def _train(assignment: Assignment, pipe) -> None:
    from mlmodels.worker import child

    child.main(assignment, pipe)
