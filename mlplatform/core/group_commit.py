"""Many small transactions committed as one: a commit waits for the disk, so ten cost little more than one.

Whoever comes while another thread commits has to wait; then one of those who waited commits for all of them.
"""

import threading
from collections.abc import Callable

from django.db import DatabaseError, OperationalError


class Ticket:
    """A job and its outcome. `turn` is released when the job is done, or when its thread is to lead."""

    def __init__(self, job):
        self.job = job
        self.result = None
        self.error = None
        self.is_done = False
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupCommit:
    """`commit(take)` opens a transaction, calls `take()` for the jobs that wait by then, and returns their
    results in order. If it raises, every job that was taken fails; none is tried again.
    """

    def __init__(self, commit: Callable[[Callable[[], list]], list]):
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting = []
        self._has_leader = False

    def run(self, job):
        """The result of the job, once its transaction is committed."""
        ticket = Ticket(job)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._has_leader = not self._has_leader, True
        if not leads:
            ticket.turn.acquire()
        if not ticket.is_done:
            self._lead()
        if ticket.error is not None:
            raise error_for_follower(ticket.error) from ticket.error.__cause__
        return ticket.result

    def _lead(self):
        """The next thread takes over whatever happens: nobody waits forever."""
        taken = []
        try:
            results = self._commit(lambda: self._take(taken))
            for ticket, result in zip(taken, results, strict=True):
                ticket.result = result
        except BaseException as error:
            if not taken:
                self._take(taken)
            for ticket in taken:
                ticket.error = error
            raise
        finally:
            self._hand_over()
            for ticket in taken:
                ticket.is_done = True
                ticket.turn.release()

    def _take(self, taken: list[Ticket]) -> list:
        with self._lock:
            taken += self._waiting
            self._waiting.clear()
        return [ticket.job for ticket in taken]

    def _hand_over(self):
        with self._lock:
            self._has_leader = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.release()


def error_for_follower(error: BaseException) -> Exception:
    """A copy, since each thread adds its own traceback."""
    if isinstance(error, DatabaseError):
        return type(error)(*error.args)
    return OperationalError("The transaction that this one was part of was interrupted.")
