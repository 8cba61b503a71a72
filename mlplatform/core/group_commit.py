"""Many small transactions committed as one: a commit waits for the disk, so ten cost little more than one.

Whoever comes during a commit has to wait; then all those who waited are committed together, by one of their
threads or by a task of the event loop.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context

from django.db import DatabaseError, OperationalError

from mlplatform.core.event_loop import NeedsThread, wait_for

TURNS_BEFORE_COMMIT = 3  # of the event loop
JOBS_TOGETHER_MAX = 64  # of the event loop; more would hold their locks for long

log = logging.getLogger(__name__)


class Ticket:
    """A job and its outcome. `turn` is released when the job is done, or when its thread is to lead."""

    def __init__(self, job):
        self.job = job
        self.result = None
        self.error = None
        self.is_done = False
        self.turn = threading.Lock()
        self.turn.acquire()

    def outcome(self):
        """The result, or the error raised."""
        if self.error is not None:
            raise error_for_follower(self.error)
        return self.result


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
        return ticket.outcome()

    def _lead(self):
        """Whatever happens, somebody commits what is left: nobody waits forever."""
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


class GroupCommitOnLoop:
    """For code that `event_loop.run` has called: the commit is a coroutine, and nobody waits for a thread.

    `commit(jobs)` returns their results in order, and None for a job that a thread has to commit. If it
    raises, all of them fail; none is tried again. `fits(job, others)` is whether a job can be committed
    together with others; else it waits for its turn.
    """

    def __init__(self, commit: Callable[[list], Awaitable[list]], fits: Callable[[object, list], bool]):
        self._commit = commit
        self._fits = fits
        self._waiting = []  # pairs of a job and the future of its outcome
        self._committing = None

    def run(self, job):
        """The result of the job, once its transaction is committed. Raises NeedsThread if it is None."""
        loop = asyncio.get_running_loop()
        outcome = loop.create_future()
        self._waiting.append((job, outcome))
        if self._committing is None or self._committing.done():
            # In a context of its own: it goes on after this request
            self._committing = loop.create_task(self._commit_all(), context=Context())
        return wait_for(outcome)

    async def _commit_all(self):
        while self._waiting:
            # Requests that have arrived by now are computed first, and committed with these
            for _ in range(TURNS_BEFORE_COMMIT):
                await asyncio.sleep(0)
            await self._commit_some()

    async def _commit_some(self):
        taken = self._take()
        try:
            results = taken and await self._commit([job for job, _ in taken])
            for (_, outcome), result in zip(taken, results, strict=True):
                _end(outcome, NeedsThread() if result is None else result)
        except BaseException as error:
            for _, outcome in taken:
                _end(outcome, error_for_follower(error))
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, DatabaseError):  # which is raised again where it is waited for
                log.exception("A bug failed everything that was committed together")

    def _take(self) -> list:
        taken, left = [], []
        for job, outcome in self._waiting:
            if outcome.done():  # the request was cancelled
                continue
            has_room = len(taken) < JOBS_TOGETHER_MAX
            fits = not taken or (has_room and self._fits_safely(job, [other for other, _ in taken]))
            (taken if fits else left).append((job, outcome))
        self._waiting = left
        return taken

    def _fits_safely(self, job, others: list) -> bool:
        """A job that cannot be compared with others is committed by itself."""
        try:
            return self._fits(job, others)
        except Exception:
            # Any error would leave the jobs in the queue, and they would wait there forever. It is logged
            # with its traceback, and the commit of the job raises what is wrong with it.
            log.exception("A job could not be compared with others")
            return False


def _end(outcome: asyncio.Future, result):
    """At a stop of the server, the request may have been cancelled before."""
    if outcome.done():
        return
    if isinstance(result, BaseException):
        outcome.set_exception(result)
    else:
        outcome.set_result(result)


def error_for_follower(error: BaseException) -> Exception:
    """A copy, since each request adds its own traceback; the cause has the driver's code."""
    if isinstance(error, DatabaseError):
        copy = type(error)(*error.args)
        copy.__cause__ = error.__cause__
        return copy
    return OperationalError("The transaction that this one was part of was interrupted.")
