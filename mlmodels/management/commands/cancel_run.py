from django.core.management.base import CommandError

from mlmodels.models import TrainingRun
from mlmodels.operations.jobs import cancel
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
        commands.add_json_option(parser, "{run, status, refunded_tokens}")

    def handle(self, *, run, json, **options):
        run = cancel(job=find_run(run))
        refunded = 0 if run.is_open else run.cost_tokens
        if json:
            report = {"run": str(run.uuid), "status": run.status, "refunded_tokens": refunded}
            self.stdout.write(commands.as_json(report))
        elif run.is_open:
            self.stdout.write(f"{run.model_name}: cancellation requested; its worker ends and refunds it.")
        else:
            self.stdout.write(f"{run.model_name}: cancelled and refunded.")


def find_run(text: str) -> TrainingRun:
    """By its id, or among the runs in progress by the name of its model."""
    run = (
        TrainingRun.objects.with_uuid(text).first()
        or TrainingRun.objects.open().filter(model_name=text).first()
    )
    if run is None:
        raise CommandError(f'There is no training run "{text}".', returncode=3)
    return run
