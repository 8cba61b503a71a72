"""What `cancel_run` and `cancel_batch` share."""

from mlmodels.models import Job
from mlmodels.operations.jobs import cancel
from mlplatform.core import commands


def add_json_option(parser, kind: type[Job]) -> None:
    commands.add_json_option(parser, f"{{{kind.kind}, status, refunded_tokens}}")


def cancel_and_report(job: Job, name: str, *, output, json: bool) -> None:
    """Says of the job, under this name, whether it has ended or will be ended by its worker."""
    job = cancel(job=job)
    if json:
        refunded = 0 if job.is_open else job.cost_tokens
        report = {job.kind: str(job.uuid), "status": job.status, "refunded_tokens": refunded}
        output.write(commands.as_json(report))
    elif job.is_open:
        output.write(f"{name}: cancellation requested; its worker ends and refunds it.")
    else:
        output.write(f"{name}: cancelled and refunded.")
