from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from mlplatform import backups
from mlplatform.core import commands


class Command(commands.Command):
    help = "Makes a back-up of the database, the files and the secret key, while everything runs."
    epilog = """
docs/operations.md says how to restore it. On PostgreSQL it needs pg_dump. Files on object storage and a
SECRET_KEY in the environment are not in it. The newest BACKUPS_KEPT are kept, older ones are removed.

exit codes:
  0  made; its folder is the only line of standard output
  1  not made; the reason is printed
  2  wrong usage

example:
  manage.py back_up --to /srv/backups
"""

    def add_arguments(self, parser):
        parser.add_argument(
            "--to", type=Path, metavar="FOLDER", help="where back-ups are kept; default: BACKUP_DIR"
        )

    def handle(self, *, to, **options):
        folder = to or (Path(settings.BACKUP_DIR) if settings.BACKUP_DIR else None)
        if folder is None:
            raise CommandError("There is no folder for back-ups: pass --to, or set BACKUP_DIR.")
        try:
            self.stdout.write(str(backups.back_up(folder)))
        except (backups.BackupFailed, OSError) as error:
            raise CommandError(str(error)) from error
