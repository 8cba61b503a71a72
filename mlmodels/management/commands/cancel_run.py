from mlmodels.management.jobs import add_json_option, cancel_and_report, find_run
from mlmodels.models import TrainingRun
from mlplatform.core import commands


class Command(commands.Command):
    help = "Cancels a training run and refunds it."
    epilog = """
A queued run ends at once; a running one within a second or two, by its worker.

exit codes:
  0  cancelled, or cancellation requested
  1  refused: it has already ended
  2  wrong usage
  3  no such training run

examples:
  manage.py cancel_run 0b0f5a0e-6c1f-4f0e-9b60-3f8f7f1f2a11
  manage.py cancel_run 1_houses
"""

    def add_arguments(self, parser):
        parser.add_argument("run", help="id of the training run, or the name of the model that it is to make")
        add_json_option(parser, TrainingRun)

    def handle(self, *, run, json, **options):
        run = find_run(run)
        cancel_and_report(run, run.model_name, output=self.stdout, json=json)
