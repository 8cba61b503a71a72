from mlmodels.management.jobs import add_json_option, cancel_and_report, find_batch
from mlmodels.models import Batch
from mlplatform.core import commands


class Command(commands.Command):
    help = "Cancels a file that is being predicted, and refunds it."
    epilog = """
A queued batch ends at once; a running one within a second or two, by its worker.

exit codes:
  0  cancelled, or cancellation requested
  1  refused: it has already ended
  2  wrong usage
  3  no such batch

example:
  manage.py cancel_batch 0b0f5a0e-6c1f-4f0e-9b60-3f8f7f1f2a11
"""

    def add_arguments(self, parser):
        parser.add_argument("batch", help="id of the batch")
        add_json_option(parser, Batch)

    def handle(self, *, batch, json, **options):
        batch = find_batch(batch)
        cancel_and_report(batch, batch.name, output=self.stdout, json=json)
