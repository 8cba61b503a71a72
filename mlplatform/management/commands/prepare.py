from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from mlplatform.core import commands, storage
from mlplatform.core.errors import StorageUnavailable
from mlplatform.static_files import collect_when_changed


class Command(commands.Command):
    help = (
        "Updates database and static files, creates the administrator of ADMIN_EMAIL, and tests the storage."
    )
    epilog = """
Run it once per release, before web servers and workers start, on every machine that has its own DATA_DIR. It
can be repeated: what is up to date stays as it is.

exit codes:
  0  everything is up to date
  1  a step failed; the error is printed
  2  wrong usage
"""

    requires_system_checks = []  # they would load every view

    def handle(self, **options):
        call_command("migrate", verbosity=0, interactive=False)
        collect_when_changed()
        call_command("ensure_administrator")
        check_storage()


def check_storage() -> None:
    """Finds a wrong key or bucket now, not with the first upload."""
    try:
        storage.check()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    except StorageUnavailable as error:
        raise CommandError(f"No file can be stored at STORAGE_URL: {error.__cause__}") from error
