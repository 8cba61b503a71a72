"""Many small transactions committed as one: a commit waits for the disk, so ten cost little more than one.

Whoever comes while another thread commits has to wait; then one of those who waited commits for all of them,
or a thread of its own does.
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from django.db import DatabaseError, OperationalError, connections

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
            raise error_for_follower(self.error) from self.error.__cause__
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


class GroupCommitThread(GroupCommit):
    """Commits in a thread of its own, which begins the next commit as soon as one has ended.

    Where several processes commit at the same time, as on PostgreSQL, this is faster: one of those who wait
    would have to wake up first. `fits(job, others)` is whether a job can be committed together with others;
    else it waits for its turn.
    """

    def __init__(self, commit: Callable[[Callable[[], list]], list], fits: Callable[[object, list], bool]):
        super().__init__(commit)
        self._fits = fits
        self._wakings = None
        self._thread = None

    def run(self, job):
        ticket = Ticket(job)
        with self._lock:
            if self._thread is None:
                self._start()
            self._waiting.append(ticket)
            is_asleep, self._has_leader = not self._has_leader, True
        if is_asleep:
            self._wakings.put(True)
        ticket.turn.acquire()
        return ticket.outcome()

    def stop(self):
        """Ends the thread, which closes its connection. For tests, in which nobody waits by then."""
        with self._lock:
            thread, wakings, self._thread = self._thread, self._wakings, None
        if thread:
            wakings.put(False)
            thread.join()

    def _start(self):
        wakings = SimpleQueue()
        thread = threading.Thread(target=self._commit_all, args=[wakings], name="group_commit", daemon=True)
        thread.start()
        self._wakings, self._thread = wakings, thread

    def _commit_all(self, wakings: SimpleQueue):
        try:
            while wakings.get():
                while self._has_leader:
                    try:
                        self._lead()
                    except DatabaseError:  # raised again where it is waited for
                        pass
                    except BaseException:
                        # Those who wait have their error by now; if the thread ended, the next would get none
                        log.exception("A bug failed everything that was committed together")
        finally:
            connections.close_all()

    def _take(self, taken: list[Ticket]) -> list:
        jobs, left = [], []
        with self._lock:
            for ticket in self._waiting:
                if jobs and not self._fits_safely(ticket.job, jobs):
                    left.append(ticket)
                else:
                    taken.append(ticket)
                    jobs.append(ticket.job)
            self._waiting = left
        return jobs

    def _fits_safely(self, job, others: list) -> bool:
        """A job that cannot be compared with others is committed by itself."""
        try:
            return self._fits(job, others)
        except Exception:
            # Any error would leave the jobs in the queue, and the thread would fail on them forever. It is
            # logged with its traceback, and the commit of the job raises what is wrong with it.
            log.exception("A job could not be compared with others")
            return False

    def _hand_over(self):
        with self._lock:
            self._has_leader = bool(self._waiting)


def error_for_follower(error: BaseException) -> Exception:
    """A copy, since each thread adds its own traceback."""
    if isinstance(error, DatabaseError):
        return type(error)(*error.args)
    return OperationalError("The transaction that this one was part of was interrupted.")
