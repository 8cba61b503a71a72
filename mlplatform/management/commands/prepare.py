import fcntl
import time
from contextlib import closing, contextmanager

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from mlplatform.core import commands, storage
from mlplatform.core.errors import StorageUnavailable
from mlplatform.static_files import collect_when_changed

ADVISORY_LOCK = 7_016_996_765_293_437_281  # any number that nobody else uses
POLL_SECONDS = 0.2


class Command(commands.Command):
    help = (
        "Updates database and static files, creates the administrator of ADMIN_EMAIL, and tests the storage."
    )
    epilog = """
Run it once per release, before web servers and workers start, on every machine that has its own DATA_DIR. It
can be repeated: what is up to date stays as it is. Of several at the same time, one goes on and the others
wait for it.

exit codes:
  0  everything is up to date
  1  a step failed; the error is printed
  2  wrong usage
"""

    requires_system_checks = []  # they would load every view

    def handle(self, **options):
        with one_at_a_time():
            call_command("migrate", verbosity=0, interactive=False)
            collect_when_changed()
            call_command("ensure_administrator")
        check_storage()


@contextmanager
def one_at_a_time():
    """Waits for other processes in here: on PostgreSQL those of all machines, on SQLite of this DATA_DIR."""
    if connection.vendor == "postgresql":
        # In a transaction beside the migrations, which holds one session also behind a pool. It asks again
        # and again, since a statement that waits could hold up a migration
        with closing(connection.copy()) as other, other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            while not is_first(cursor):
                time.sleep(POLL_SECONDS)
            yield
    else:
        with open(settings.DATA_DIR / "prepare.lock", "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
            yield


def is_first(cursor) -> bool:
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
    return cursor.fetchone()[0]


def check_storage() -> None:
    """Finds a wrong key or bucket now, not with the first upload."""
    try:
        storage.check()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    except StorageUnavailable as error:
        raise CommandError(f"No file can be stored at STORAGE_URL: {error.__cause__}") from error
