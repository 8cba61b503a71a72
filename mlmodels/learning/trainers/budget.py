"""The time that a training may take, checked between folds and inside boosting and forests."""

import math
import time
from collections.abc import Callable

from mlmodels.learning.executors import Task, WorkClock, wait_for


class OutOfTime(Exception):
    """The time is up, or what comes next would not fit into the rest of it."""


class Budget:
    """Seconds of work, from the moment it is made. `on_check` may raise to cancel.

    Sent with a task, it is what was left of it, from the moment it arrives.
    """

    def __init__(
        self,
        seconds: float = math.inf,
        clock: Callable[[], float] | None = None,
        on_check: Callable[[], None] = lambda: None,
    ):
        self._clock = clock or WorkClock()
        self.seconds = seconds
        self.started = self._clock()
        self.on_check = on_check

    def __reduce__(self):
        return Budget, (self.left,)

    @classmethod
    def unlimited(cls) -> "Budget":
        return cls()

    @property
    def spent(self) -> float:
        return self._clock() - self.started

    @property
    def left(self) -> float:
        return self.seconds - self.spent

    def check(self, needed: float = 0.0) -> None:
        """Raises OutOfTime where `needed` seconds are not left."""
        self.on_check()
        if self.left <= needed:
            raise OutOfTime

    def part(self, seconds: float) -> "Budget":
        """A budget of its own for a part of the work, never longer than what is left of this one."""
        return Budget(min(seconds, self.left), self._clock, self.on_check)

    def now(self) -> float:
        return self._clock()

    def result_of(self, task: Task):
        """Waits for it, and is checked meanwhile. What it took elsewhere is spent."""
        started = time.monotonic()
        try:
            return wait_for(task, self.on_check)
        finally:
            if task.seconds is not None:
                self._clock.count(worked=task.seconds, waited=time.monotonic() - started)
