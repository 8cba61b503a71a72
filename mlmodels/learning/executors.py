"""Where the tasks of a job run: in line, or wherever the executor that is handed in takes them.

A task is a function of a module with plain data, so that it can travel. Its result is the same everywhere.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

WAIT_SECONDS = 0.5  # for a task, before progress is told again


FIRST = 0  # the rank of a task whose result is asked for next


class Task(Protocol):
    """`seconds` is what it took elsewhere, once there is a result; before, `result` raises TimeoutError.

    Of the tasks that wait for a place where they can run, those of the lowest `rank` are next. `peek` answers
    the result if it is there already, else None; also where the task failed.
    """

    seconds: float | None
    rank: int

    def result(self, timeout: float): ...

    def peek(self) -> object | None: ...

    def cancel(self) -> None: ...


class Executor(Protocol):
    """`slots` is how many tasks run side by side; what is shared travels once, for all tasks that take it."""

    slots: int

    def share(self, value: object) -> None: ...

    def submit(self, function: Callable, *arguments, rank: int = FIRST) -> Task: ...


def ahead_max(executor: Executor) -> int:
    """How much may be submitted before its turn: nothing where tasks run one after another."""
    return 0 if executor.slots == 1 else 4 * executor.slots


def wait_for(task: Task, on_wait: Callable[[], None] = lambda: None):
    """Its result. `on_wait` may raise to leave."""
    while True:
        try:
            return task.result(timeout=WAIT_SECONDS)
        except TimeoutError:
            on_wait()


class InLineTask:
    seconds, rank = None, FIRST

    def __init__(self, call: Callable):
        self._call = call

    def result(self, timeout: float = 0):
        """Runs it. However long it takes."""
        return self._call()

    def peek(self) -> None:
        """It is not begun before its result is asked for."""

    def cancel(self) -> None:
        """It was never begun."""


class InLine:
    """In this process, each when its result is asked for."""

    slots = 1

    def share(self, value: object) -> None:
        """It is here already."""

    def submit(self, function: Callable, *arguments, rank: int = FIRST) -> InLineTask:
        return InLineTask(partial(function, *arguments))


IN_LINE = InLine()


class WorkClock:
    """Seconds of work: a task that ran elsewhere counts with what it took there, not with the wait for it.

    So a budget buys the same work wherever it is done. It never runs slower than the clock on the wall.
    """

    def __init__(self):
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead

    def count(self, *, worked: float, waited: float) -> None:
        self._ahead = max(0.0, self._ahead + worked - waited)
