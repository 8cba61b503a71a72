"""Django on an empty database and a data folder that go away again, for benchmarks in one process."""

import contextlib
import logging
import os
import secrets
import tempfile
from pathlib import Path

from mlplatform.tests import postgresql


@contextlib.contextmanager
def empty_installation(engine: str):
    """Django with an empty database and a data folder that go away."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlplatform-queue-")))
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
