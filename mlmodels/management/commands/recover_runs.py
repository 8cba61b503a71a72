from django.core.management.base import CommandError
from django.db import OperationalError

from mlmodels.operations import pending_files
from mlmodels.operations.runs import recover_runs
from mlplatform.core import commands


class Command(commands.Command):
    help = (
        "Takes back trainings whose worker was lost: each is queued once more, or failed and refunded. Then "
        "removes files that killed processes left behind, once they are over an hour old."
    )
    epilog = """
Every worker does the same by itself: runs every few seconds, files every quarter of an hour. The command is
for when no worker runs. It may be run at any time, and again.

exit codes:
  0  done, whether or not there was anything to do
  2  wrong usage
  3  the database does not answer

example:
  manage.py recover_runs
"""

    def handle(self, *args, **options):
        try:
            counts, swept = recover_runs(), pending_files.sweep()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}", returncode=3) from error
        runs = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
        self.stdout.write(f"{runs}; {swept:,} left {'file' if swept == 1 else 'files'} removed")
