from django.core.management.base import CommandError
from django.db import OperationalError

from mlmodels.operations import pending_files
from mlmodels.operations.jobs import recover
from mlplatform.core import commands
from mlplatform.core.text import plural


class Command(commands.Command):
    help = (
        "Recovers training runs and batches whose worker died: each is queued once more, or failed and "
        "refunded. Also removes files that killed processes left behind, once they are over an hour old."
    )
    epilog = """
Workers do the same on their own: jobs every few seconds, files every 15 minutes. Use the command when no
worker is running. It is safe to run at any time, and repeatedly.

exit codes:
  0  done, even if there was nothing to do
  2  wrong usage
  3  the database is not responding

example:
  manage.py recover_runs
"""

    def add_arguments(self, parser):
        commands.add_json_option(parser, "{queued, failed, cancelled, files}, numbers of jobs and files")

    def handle(self, *args, json, **options):
        try:
            counts, swept = recover(), pending_files.sweep()
        except OperationalError as error:
            raise CommandError(f"The database is not responding. ({error})", returncode=3) from error
        if json:
            self.stdout.write(commands.as_json({**counts, "files": swept}))
            return
        runs = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
        self.stdout.write(f"{runs}; {plural(swept, 'orphaned file')} removed")
