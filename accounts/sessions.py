import re

from django.contrib.sessions.backends import db

SESSION_KEY = re.compile(r"[0-9a-z]{32}")


class SessionStore(db.SessionStore):
    """Ignores a cookie that cannot be a session key: PostgreSQL fails on a query that contains NUL."""

    def __init__(self, session_key=None):
        super().__init__(session_key if SESSION_KEY.fullmatch(session_key or "") else None)
