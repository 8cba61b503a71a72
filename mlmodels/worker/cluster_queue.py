"""Tasks that wait until a Dask worker is free for them.

Dask hands a single-threaded worker a second task while it computes the first, and moves it to a free worker
no sooner than a second later: too late where tasks take from milliseconds to minutes. Here the next task is
chosen when a worker is free, so that nothing waits behind a long task, what is urgent goes first, and what
is cancelled before that never leaves.
"""

import threading
from collections.abc import Callable
from typing import Protocol


class Waiting(Protocol):
    rank: int

    def send(self, on_done: Callable) -> None: ...


class TaskQueue:
    """Has at most `slots` tasks sent at a time: the lowest rank first, then in the order of `put`."""

    def __init__(self, slots: int):
        self._slots, self._sent = slots, 0
        self._tasks: list[Waiting] = []
        self._lock = threading.RLock()

    def put(self, task: Waiting) -> None:
        with self._lock:
            self._tasks.append(task)
            self._send()

    def resize(self, slots: int) -> None:
        """Workers come and go."""
        with self._lock:
            self._slots = slots
            self._send()

    def remove(self, task: Waiting) -> None:
        """Unless it is sent already: then it keeps its worker until it has ended."""
        with self._lock:
            if task in self._tasks:
                self._tasks.remove(task)

    def _on_done(self, future) -> None:
        """Called in a thread of Dask."""
        with self._lock:
            self._sent -= 1
            self._send()

    def _send(self) -> None:
        while self._sent < self._slots and self._tasks:
            task = min(self._tasks, key=lambda waiting: waiting.rank)  # the first of equal ones
            self._tasks.remove(task)
            self._sent += 1
            task.send(self._on_done)
