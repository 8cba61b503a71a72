"""Django's SQLite backend with a queue in front of `BEGIN IMMEDIATE`.

SQLite lets a writer that finds the database locked sleep and retry at growing intervals, so under load some
requests wait for seconds while others overtake them. Here, writers first take two locks: a `threading.Lock`
between the threads of a process, and `flock` on a file next to the database between processes, which the
kernel releases when a process dies. Whoever waits for that one holds a second file, the queue: else the
process that has just released the lock would take it again before the others look. A write outside a
transaction still waits as SQLite does.
"""

import fcntl
import os
import threading
import time
from collections import defaultdict
from contextlib import contextmanager

from django.db import Error, transaction
from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from mlplatform.core import database_time

POLL_SECONDS = 0.0003  # between attempts of the one thread per process that waits for the file lock

thread_locks = defaultdict(threading.Lock)  # by path of the lock file
os.register_at_fork(after_in_child=thread_locks.clear)


class WriteLock:
    """The right of one connection to start a writing transaction."""

    def __init__(self, path: str, timeout_seconds: float):
        self.path = path
        self.timeout_seconds = timeout_seconds
        self.held_thread_lock = None
        self.file = self.queue_file = None

    def acquire(self):
        """Raises OperationalError after the timeout. An exception leaves nothing locked."""
        deadline = time.monotonic() + self.timeout_seconds
        thread_lock = thread_locks[self.path]
        if not thread_lock.acquire(timeout=self.timeout_seconds):
            raise OperationalError("database is locked")
        self.held_thread_lock = thread_lock
        try:
            self._lock_file(deadline)
        except BaseException:
            self.release()
            raise

    def release(self):
        """Does nothing if the lock is not held."""
        thread_lock, self.held_thread_lock = self.held_thread_lock, None
        if thread_lock is None:
            return
        try:
            if self.file is not None:
                fcntl.flock(self.file, fcntl.LOCK_UN)
        finally:
            thread_lock.release()

    def close(self):
        self.release()
        for file in filter(None, (self.queue_file, self.file)):
            file.close()
        self.file = self.queue_file = None

    def _lock_file(self, deadline: float):
        try:
            self._open_files()
            try:
                wait_for(self.queue_file, deadline)
                wait_for(self.file, deadline)
            finally:
                fcntl.flock(self.queue_file, fcntl.LOCK_UN)
        except OSError as error:
            raise OperationalError(f"unable to lock the database: {error}") from error

    def _open_files(self):
        """They stay open as long as the connection."""
        if self.file is None:
            self.file = open(self.path, "ab")  # noqa: SIM115
        if self.queue_file is None:
            self.queue_file = open(f"{self.path}.queue", "ab")  # noqa: SIM115


def wait_for(file, deadline: float):
    """Locks the file. Raises OperationalError after the deadline."""
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OperationalError("database is locked") from None
        time.sleep(POLL_SECONDS)


class DatabaseWrapper(base.DatabaseWrapper):
    write_lock = None

    def get_connection_params(self):
        params = super().get_connection_params()
        if not self.is_in_memory_db():
            timeout_seconds = self.settings_dict["OPTIONS"].get("timeout", 5)
            self.write_lock = WriteLock(f"{self.settings_dict['NAME']}.lock", timeout_seconds)
        return params

    def _start_transaction_under_autocommit(self):
        if self.write_lock is None:
            return super()._start_transaction_under_autocommit()
        with database_time.measured():
            self.write_lock.acquire()
            try:
                # The driver's own method: BEGIN takes less time than Django's cursor around it
                with self.wrap_database_errors:
                    self.connection.execute(f"BEGIN {self.transaction_mode or ''}")
            except BaseException:
                self.write_lock.release()
                raise

    @contextmanager
    def short_transaction(self):
        """Yields the driver's own `execute`: Django's cursors and `atomic` take longer than small statements.

        Inside `atomic` it is a savepoint.
        """
        if self.in_atomic_block:
            with transaction.atomic(self.alias), self.wrap_database_errors:
                yield self.connection.execute
            return
        self.ensure_connection()
        self._start_transaction_under_autocommit()
        try:
            with self.wrap_database_errors:
                yield self.connection.execute
            self._commit()
        except BaseException:
            try:
                self._rollback()
            except Error:  # the connection is of no more use
                self.close()
            raise

    def _commit(self):
        if self.connection is not None:
            with self.wrap_database_errors:  # the driver's own method, as for BEGIN
                self.connection.commit()
        self._release_write_lock()  # not after a failed commit, which leaves the transaction open

    def _rollback(self):
        try:
            super()._rollback()
        finally:
            self._release_write_lock()

    def _close(self):
        try:
            super()._close()
        finally:
            if self.write_lock is not None:
                self.write_lock.close()

    def _release_write_lock(self):
        if self.write_lock is not None:
            self.write_lock.release()
