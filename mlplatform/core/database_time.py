"""How long a thread waits for the database, once `measure_connections` is called: for statements, commits and
the lock in front of SQLite.

The log line of a request and the metrics report it. It costs about a microsecond for each statement.
"""

import threading
import time

_clock = time.perf_counter


class _Measured(threading.local):
    seconds = 0.0
    is_inside = False


_measured = _Measured()


def start() -> float:
    """What `since` takes: what this thread has waited for the database up to now."""
    return _measured.seconds


def since(started: float) -> float:
    """Seconds."""
    return _measured.seconds - started


class measured:
    """For what goes past Django's cursors; time inside of it counts once."""

    def __enter__(self):
        self.is_outermost = not _measured.is_inside
        if self.is_outermost:
            _measured.is_inside, self.started = True, _clock()

    def __exit__(self, *error):
        if self.is_outermost:
            _measured.is_inside = False
            _measured.seconds += _clock() - self.started


def measure_connections() -> None:
    """Every connection of this process, those that are open and those to come."""
    from django.db import connections  # the supervisor of the web server imports no Django
    from django.db.backends.signals import connection_created

    connection_created.connect(_measure, dispatch_uid="database_time")
    for connection in connections.all(initialized_only=True):
        _measure(connection=connection)


def _measure(*, connection, **signal) -> None:
    """A connection that is opened again is the same object, and measured already."""
    if _execute in connection.execute_wrappers:
        return
    connection.execute_wrappers.append(_execute)
    commit = connection._commit

    def timed_commit():
        with measured():
            commit()

    connection._commit = timed_commit


def _execute(execute, sql, params, many, context):
    if _measured.is_inside:
        return execute(sql, params, many, context)
    started = _clock()
    try:
        return execute(sql, params, many, context)
    finally:
        _measured.seconds += _clock() - started
