from django.core.management.base import CommandError
from django.db import OperationalError

from mlmodels.operations.housekeeping import run_now
from mlplatform.core import commands


class Command(commands.Command):
    help = (
        "Runs the daily tasks: recovers lost runs and batches, deletes what has expired, erases old "
        "predictions, verifies the ledger, and makes a back-up if BACKUP_DIR is set."
    )
    epilog = """
A worker does the same once a day, from HOUSEKEEPING_HOUR on. A step that fails does not stop the others. The
command can be repeated, at any time and next to a running server.

exit codes:
  0  every step succeeded
  1  a step failed; the others ran
  2  wrong usage
  3  the database does not answer

example:
  manage.py housekeeping --json
"""

    def add_arguments(self, parser):
        shape = "{is_done, failed: [name, …], steps: [{name, is_done, detail, seconds}, …]}"
        commands.add_json_option(parser, shape)

    def handle(self, *, json, **options):
        try:
            done = run_now(by="manage.py housekeeping", on_step=lambda step: json or self.print_step(step))
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}", returncode=3) from error
        if json:
            report = {"is_done": not done.failed_steps, "failed": done.failed_steps, "steps": done.steps}
            self.stdout.write(commands.as_json(report))
        if done.failed_steps:
            raise CommandError(f"Failed: {', '.join(done.failed_steps)}.")

    def print_step(self, step):
        said = step["detail"] if step["is_done"] else f"FAILED: {step['detail']}"
        self.stdout.write(f"{step['name']:<18} {said or 'nothing to do'}")
