"""What the commands about single training runs and batches have in common."""

from django.core.management.base import CommandError

from mlmodels.models import Batch, Job, TrainingRun
from mlmodels.operations.jobs import cancel
from mlplatform.core import commands


def find_run(text: str) -> TrainingRun:
    """By its id, or among the runs in progress by the name of its model."""
    run = (
        TrainingRun.objects.with_uuid(text).first()
        or TrainingRun.objects.open().filter(model_name=text).first()
    )
    if run is None:
        raise CommandError(f'There is no training run "{text}".', returncode=3)
    return run


def find_batch(text: str) -> Batch:
    batch = Batch.objects.started().with_uuid(text).first()
    if batch is None:
        raise CommandError(f'There is no batch "{text}".', returncode=3)
    return batch


def add_json_option(parser, kind: type[Job]) -> None:
    commands.add_json_option(parser, f"{{{kind.kind}, status, refunded_tokens}}")


def cancel_and_report(job: Job, name: str, *, output, json: bool) -> None:
    """Writes whether the job, under this name, has ended or its worker still has to end it."""
    job = cancel(job=job)
    if json:
        refunded = 0 if job.is_open else job.cost_tokens
        report = {job.kind: str(job.uuid), "status": job.status, "refunded_tokens": refunded}
        output.write(commands.as_json(report))
    elif job.is_open:
        output.write(f"{name}: cancellation requested; its worker ends and refunds it.")
    else:
        output.write(f"{name}: cancelled and refunded.")
