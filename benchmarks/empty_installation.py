"""Django on an empty database and a data folder that go away again, and large tables, for benchmarks."""

import contextlib
import logging
import os
import secrets
import tempfile
from pathlib import Path

from mlplatform.tests import postgresql

# For statements that make rows by the million: numbers n, a uuid of each, and moments in the past
SQL = {
    "postgresql": {
        "numbers": "generate_series({first}, {last}) AS number (n)",
        "uuid": "CAST(lpad(to_hex({offset}), 16, '0') || lpad(to_hex(n), 16, '0') AS uuid)",
        "moment": "now() - ({seconds}) * interval '1 second'",
    },
    "sqlite": {
        "numbers": (
            "(WITH RECURSIVE number (n) AS (SELECT {first} UNION ALL"
            " SELECT n + 1 FROM number WHERE n < {last}) SELECT n FROM number)"
        ),
        "uuid": "printf('%016x%016x', {offset}, n)",
        "moment": "strftime('%Y-%m-%d %H:%M:%f', 'now', -({seconds}) || ' seconds')",
    },
}


@contextlib.contextmanager
def empty_installation(engine: str, **environment: str):
    """Sets Django up; to be entered once in a process."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlplatform-benchmark-")))
        url = f"sqlite:///{folder / 'db.sqlite3'}"
        if engine == "postgresql":
            url = stack.enter_context(postgresql.server())
            url = stack.enter_context(postgresql.empty_database(url))
        os.environ |= {
            "DATA_DIR": str(folder),
            "DATABASE_URL": url,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "HOUSEKEEPING_HOUR": "24",
            "THROTTLING": "off",
            "ALLOWED_HOSTS": "testserver",
            "DJANGO_SETTINGS_MODULE": "mlplatform.settings",
            **environment,
        }
        import django
        from django.core.management import call_command
        from django.db import connection

        django.setup()
        logging.disable(logging.WARNING)
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            connection.close()


def analyze() -> None:
    """What autovacuum does within a minute; SQLite has statistics only where somebody asks for them."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
