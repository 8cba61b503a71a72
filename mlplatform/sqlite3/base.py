"""Django's SQLite backend with a fair queue in front of `BEGIN IMMEDIATE`.

SQLite itself lets a writer that finds the database locked sleep and retry, ever longer, so under load a few
requests wait for seconds while others overtake them. Here writers queue for a lock that wakes the next one at
once: a `threading.Lock` between the threads of a process, and `flock` on a file next to the database between
processes, which the kernel releases when a process dies. A connection begins its transaction once it holds
both. A write outside a transaction still uses SQLite's own waiting, which is correct but slower.
"""

import fcntl
import os
import threading
import time
from collections import defaultdict

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

POLL_SECONDS = 0.0003  # one thread of each process tries the file lock this often

thread_locks = defaultdict(threading.Lock)  # by path of the lock file
os.register_at_fork(after_in_child=thread_locks.clear)


class WriteLock:
    """The right of one connection to start a writing transaction."""

    def __init__(self, path: str, timeout_seconds: float):
        self.path = path
        self.timeout_seconds = timeout_seconds
        self.held_thread_lock = None
        self.file = None

    def acquire(self) -> bool:
        """Whether the lock was acquired within the timeout. An exception leaves nothing locked."""
        deadline = time.monotonic() + self.timeout_seconds
        thread_lock = thread_locks[self.path]
        if not thread_lock.acquire(timeout=self.timeout_seconds):
            return False
        self.held_thread_lock = thread_lock
        try:
            while not self._lock_file():
                if time.monotonic() > deadline:
                    self.release()
                    return False
                time.sleep(POLL_SECONDS)
        except BaseException:
            self.release()
            raise
        return True

    def release(self):
        """Safe to call when nothing is held."""
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
        if self.file is not None:
            self.file.close()
            self.file = None

    def _lock_file(self) -> bool:
        try:
            if self.file is None:
                self.file = open(self.path, "ab")  # noqa: SIM115 - stays open as long as the connection
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise OperationalError(f"unable to lock the database: {error}") from error
        return True


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
        if not self.write_lock.acquire():
            raise OperationalError("database is locked")
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self.write_lock.release()
            raise

    def _commit(self):
        super()._commit()
        self._release_write_lock()  # not when the commit failed: the transaction is still open then

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
