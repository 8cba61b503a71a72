"""What went wrong in the database, by the code of its driver: an outage passes, a bug does not."""

import sqlite3

from django.db import InterfaceError, OperationalError

UNREACHABLE, BUSY, FULL = "unreachable", "busy", "full"

# Codes of SQLite are numbers, SQLSTATEs of PostgreSQL are text; the first matching prefix decides
SQLITE_KINDS = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_CANTOPEN: UNREACHABLE,
    sqlite3.SQLITE_IOERR: UNREACHABLE,
}
SQLSTATE_KINDS = {
    "08": UNREACHABLE,  # connection lost or refused
    "57P": UNREACHABLE,  # the server shuts down or starts
    "533": UNREACHABLE,  # too many connections
    "40": BUSY,  # serialization failure, deadlock
    "55P03": BUSY,  # lock timeout
    "57014": BUSY,  # statement timeout
    "53": FULL,  # disk or memory
}


def code_of(error: Exception) -> str | None:
    """The SQLSTATE such as "40P01", or SQLite's name such as "SQLITE_BUSY"; None where there is none."""
    cause = error.__cause__
    return getattr(cause, "pgcode", None) or getattr(cause, "sqlite_errorname", None)


def outage_of(error: Exception) -> str | None:
    """UNREACHABLE, BUSY or FULL; None when trying again would not help, as with a missing table."""
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    sqlite_code = getattr(error.__cause__, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return SQLITE_KINDS.get(sqlite_code & 0xFF)  # the other bits say more exactly what happened
    if code := code_of(error):
        return next((kind for prefix, kind in SQLSTATE_KINDS.items() if code.startswith(prefix)), None)
    # No server sent a code: the connection failed, or the queue in front of SQLite's lock was too long
    return BUSY if "locked" in str(error) else UNREACHABLE
