"""How long a request waits for the database, once `measure_connections` is called: for statements, commits
and the lock in front of SQLite.

The log line of a request and the metrics report it. It costs about a microsecond for each statement.
"""

import time
from contextvars import ContextVar

_clock = time.perf_counter

# Of a thread, or of a request on the event loop
_seconds = ContextVar("database_seconds", default=0.0)
_is_inside = ContextVar("is_inside_measured", default=False)


def start() -> float:
    """What `since` takes: what was waited for the database up to now."""
    return _seconds.get()


def since(started: float) -> float:
    """Seconds."""
    return _seconds.get() - started


class measured:
    """For what goes past Django's cursors; time inside of it counts once."""

    def __enter__(self):
        self.is_outermost = not _is_inside.get()
        if self.is_outermost:
            _is_inside.set(True)
            self.started = _clock()

    def __exit__(self, *error):
        if self.is_outermost:
            _is_inside.set(False)
            _seconds.set(_seconds.get() + _clock() - self.started)


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
    if _is_inside.get():
        return execute(sql, params, many, context)
    started = _clock()
    try:
        return execute(sql, params, many, context)
    finally:
        _seconds.set(_seconds.get() + _clock() - started)
