"""What workers do with runs: claim, hold, finish, fail, hand back, recover.

The table of runs is the queue. Every write is a conditional UPDATE on the attempt that owns the run, so a
worker that was taken for lost and comes back changes nothing. Leases use the database's clock, since the
clocks of workers differ.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from billing import operations as billing
from mlmodels.limits import LAPSES_MAX
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import model_files, pending_files
from mlplatform.core.transactions import atomic_with_retry

CANDIDATES_TRIED = 5
QUEUED_AGAIN = {"status": "queued", "lease_until": None, "worker": "", "progress": 0, "progress_note": ""}

Status = TrainingRun.Status


def claim_next_run(*, worker: str) -> TrainingRun | None:
    """The next run in line, now owned by this worker; None when the queue is empty."""
    for run_id in TrainingRun.objects.next_in_line().values_list("pk", flat=True)[:CANDIDATES_TRIED]:
        if run := claim_run(run_id=run_id, worker=worker):
            return run
    return None


def claim_run(*, run_id: int, worker: str) -> TrainingRun | None:
    """The run, or None if it is no longer queued: of several workers that try, one succeeds."""
    claimed = TrainingRun.objects.filter(pk=run_id, status=Status.QUEUED).update(
        status=Status.RUNNING,
        attempt=F("attempt") + 1,
        worker=worker,
        lease_until=_lease_end(),
        started_at=timezone.now(),
        progress=0,
        progress_note="",
        candidates=[],
    )
    return TrainingRun.objects.select_related("dataset", "owner").get(pk=run_id) if claimed else None


def extend_lease(*, run: TrainingRun) -> bool:
    """False when another worker owns the run."""
    return bool(_held(run).update(lease_until=_lease_end()))


def report_progress(*, run: TrainingRun, progress: float, note: str, candidates: list[dict]) -> None:
    _held(run).update(progress=progress, progress_note=note[:200], candidates=candidates)


def is_cancelled(*, run: TrainingRun) -> bool:
    return _held(run).filter(cancel_requested_at__isnull=False).exists()


def is_held(*, run: TrainingRun) -> bool:
    return _held(run).exists()


@atomic_with_retry
def finish_run(*, run: TrainingRun, model: TrainedModel) -> bool:
    """Writes run and model together. False when the worker does not own the run: its file has to be deleted.

    A second call, after the answer to the first was lost, returns True again.
    """
    billing.lock_account(account_id=run.owner_id)
    uncancelled = _held(run).filter(cancel_requested_at=None)
    if not uncancelled.update(
        status=Status.SUCCEEDED,
        made_model_uuid=model.uuid,
        progress=1,
        lease_until=None,
        finished_at=timezone.now(),
    ):
        return TrainingRun.objects.filter(pk=run.pk, made_model_uuid=model.uuid).exists()
    model.pk = None  # set by an earlier try that was rolled back
    model.save(force_insert=True)
    is_kept = pending_files.confirm(name=model.file.name)
    transaction.set_rollback(not is_kept)
    return is_kept


def fail_run(*, run: TrainingRun, error: str, code: str) -> bool:
    return end_without_model(run, _held(run), Status.FAILED, error=error, error_code=code)


def end_cancelled_run(*, run: TrainingRun) -> bool:
    """False when nobody cancelled it, or when another worker owns the run."""
    return end_without_model(run, _held(run).filter(cancel_requested_at__isnull=False), Status.CANCELLED)


def hand_back_run(*, run: TrainingRun) -> bool:
    """For a worker that has to stop: the run is queued again, which is no lapse. A cancelled run ends."""
    return end_cancelled_run(run=run) or bool(_held(run).update(**QUEUED_AGAIN))


def recover_runs() -> dict[str, int]:
    """Takes back runs whose worker was lost: each is queued again, or ended and refunded. Safe at any time.

    Returns how many were "queued", "failed" and "cancelled".
    """
    counts = {"queued": 0, "failed": 0, "cancelled": 0}
    for run in TrainingRun.objects.lapsed():
        if outcome := _take_back(run):
            counts[outcome] += 1
            model_files.discard_attempts(run, before=run.attempt + 1)
    return counts


@atomic_with_retry
def end_without_model(
    run: TrainingRun, rows, status: str, refund_reason: str = "", error: str = "", error_code: str = ""
) -> bool:
    """Ends and refunds the run, both or neither, if it is still among `rows`. Returns whether it was.

    The only place where a run ends without a model.
    """
    billing.lock_account(account_id=run.owner_id)
    ended = rows.filter(pk=run.pk).update(
        status=status, lease_until=None, finished_at=timezone.now(), error=error, error_code=error_code
    )
    if ended and run.cost_tokens:
        billing.refund(operation_of_charge=run.charge_operation, reason=refund_reason or f"training {status}")
    return bool(ended)


def _take_back(run: TrainingRun) -> str | None:
    lapsed = TrainingRun.objects.lapsed().filter(pk=run.pk, attempt=run.attempt)
    if run.cancel_requested_at:
        return "cancelled" if end_without_model(run, lapsed, Status.CANCELLED) else None
    if run.lapses + 1 >= LAPSES_MAX:
        error = f"The worker of this training run was lost {LAPSES_MAX} times. The run is refunded."
        ended = end_without_model(run, lapsed, Status.FAILED, error=error, error_code="worker_lost")
        return "failed" if ended else None
    queued = lapsed.filter(cancel_requested_at=None).update(lapses=F("lapses") + 1, **QUEUED_AGAIN)
    return "queued" if queued else None


def _held(run: TrainingRun):
    return TrainingRun.objects.held(run.attempt).filter(pk=run.pk)


def _lease_end():
    return Now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)
