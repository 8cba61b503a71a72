"""Claiming, extending, ending, handing back, recovering and cancelling training runs and batches.

Their tables are the queues. Every write is a conditional UPDATE on the attempt that owns the job, so a worker
that was considered lost and comes back changes nothing. Leases use the database's clock, since the clocks of
workers differ.
"""

import threading
import time
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from billing import operations as billing
from mlmodels import errors
from mlmodels.limits import CANCELLED_RUNS_PER_HOUR_MAX, LAPSES_MAX, WAITING_REQUESTS_MAX
from mlmodels.models import KINDS, Job, OwnerPriority, Priority, Upload, next_in_line
from mlmodels.operations import webhooks
from mlplatform.core import storage
from mlplatform.core.errors import StorageUnavailable
from mlplatform.core.stopping import is_stopping
from mlplatform.core.transactions import atomic_with_retry

HOUR = timedelta(hours=1)
OWNERS_TRIED = 5
QUEUED_AGAIN = {"status": "queued", "lease_until": None, "worker": "", "progress": 0, "progress_note": ""}
POLL_SECONDS_FIRST = 0.05
POLL_SECONDS_MAX = 0.5

Status = Job.Status
_waiting = threading.BoundedSemaphore(WAITING_REQUESTS_MAX)


def claim_next(*, worker: str) -> Job | None:
    """The next job in line, now owned by this worker; None when the queues are empty.

    Workers that ask at the same time see the same line. A worker that finds a job taken tries the next owner,
    and asks again when the jobs of the first OWNERS_TRIED are taken.
    """
    while turns := next_in_line(OWNERS_TRIED):
        for turn in turns:
            job = turn.kind.objects.foremost_of(turn.owner_id)
            if job and (claimed := claim(job=job, worker=worker)):
                return claimed
    return None


def claim(*, job: Job, worker: str) -> Job | None:
    """The job, or None if it is no longer queued: of several workers that try, one succeeds."""
    rows = type(job).objects
    claimed = rows.filter(pk=job.pk, status=Status.QUEUED).update(
        status=Status.RUNNING,
        attempt=F("attempt") + 1,
        worker=worker,
        lease_until=_lease_end(),
        started_at=timezone.now(),
        progress=0,
        progress_note="",
        **job.cleared_at_claim,
    )
    return rows.select_related(*job.needed_by_worker).get(pk=job.pk) if claimed else None


def extend_lease(*, job: Job) -> bool:
    """False when another worker owns the job."""
    return bool(held(job).update(lease_until=_lease_end()))


def report_progress(*, job: Job, progress: float, note: str, **details) -> None:
    """`details` are further fields of the job."""
    held(job).update(progress=progress, progress_note=note[:200], **details)


def is_cancelled(*, job: Job) -> bool:
    return held(job).filter(cancel_requested_at__isnull=False).exists()


def is_held(*, job: Job) -> bool:
    return held(job).exists()


def succeed(*, job: Job, **made) -> bool:
    """In the transaction that writes what was `made`: ends the job, unless it is cancelled or not held."""
    uncancelled = held(job).filter(cancel_requested_at=None)
    return _end(job, uncancelled, Status.SUCCEEDED, progress=1, **made)


def fail(*, job: Job, error: str, code: str) -> bool:
    return end_without_result(job, held(job), Status.FAILED, error=error, error_code=code)


def end_cancelled(*, job: Job) -> bool:
    """False when nobody cancelled it, or when another worker owns the job."""
    return end_without_result(job, held(job).filter(cancel_requested_at__isnull=False), Status.CANCELLED)


def give_up(*, job: Job, error: str, code: str) -> bool:
    """For a worker that cannot continue for a reason outside of the job: as if the worker had been lost."""
    return _take_back(job, held(job), error=error, code=code) is not None


def hand_back(*, job: Job) -> bool:
    """For a worker that has to stop: the job is queued again without a lapse. A cancelled job ends."""
    return end_cancelled(job=job) or bool(held(job).update(**QUEUED_AGAIN))


@atomic_with_retry
def end_without_result(job: Job, rows, status: str, refund_reason: str = "", **error) -> bool:
    """Ends and refunds the job, both or neither, if it is still among `rows`. Returns whether it was."""
    ended = _end(job, rows, status, **error)
    if ended and job.cost_tokens:
        reason = refund_reason or f"{job.charged_as} {status}"
        billing.refund(operation_of_charge=job.charge_operation, reason=reason)
    return ended


@atomic_with_retry
def cancel(*, job: Job) -> Job:
    """A queued job ends and is refunded at once; a running one within a second or two, by its worker."""
    billing.lock_account(account_id=job.owner_id)
    job = type(job).objects.select_for_update(no_key=True).get(pk=job.pk)
    if not job.is_open:
        raise already_ended(job)
    if job.cancel_requested_at is None:
        job.cancel_requested_at = timezone.now()
        job.save(update_fields=["cancel_requested_at"])
    if job.status == Status.QUEUED:
        end_without_result(job, type(job).objects.all(), Status.CANCELLED)
        job.refresh_from_db(fields=["status", "finished_at"])
    return job


def set_priority(*, job: Job, priority: Priority) -> None:
    """For administrators: moves the job before or after those of all owners that have another priority."""
    rows = type(job).objects
    if not rows.open().filter(pk=job.pk).update(priority=priority):
        raise already_ended(rows.get(pk=job.pk))


def set_priority_of_owner(*, owner, priority: Priority) -> None:
    """For administrators: a priority for all jobs of the owner, added to that of each."""
    if priority == Priority.NORMAL:
        OwnerPriority.objects.filter(owner=owner).delete()
    else:
        OwnerPriority.objects.update_or_create(owner=owner, defaults={"priority": priority})


def refuse_too_many_cancelled(*, owner, kind: type[Job]) -> None:
    """A charge and its refund stay in the ledger for ever, so the number of free pairs is limited."""
    now = timezone.now()
    cancelled = kind.objects.owned_by(owner).filter(cancel_requested_at__gt=now - HOUR)
    times = cancelled.order_by("-cancel_requested_at").values_list("cancel_requested_at", flat=True)
    if oldest := list(times[CANCELLED_RUNS_PER_HOUR_MAX - 1 : CANCELLED_RUNS_PER_HOUR_MAX]):
        names = kind._meta.verbose_name_plural
        raise errors.TooManyCancelledJobs(
            f"You have cancelled {CANCELLED_RUNS_PER_HOUR_MAX} {names} within an hour. "
            "Nothing was charged. Try again later.",
            code=f"too_many_cancelled_{kind.kind_plural}",
            retry_after_seconds=max(1, int((oldest[0] + HOUR - now).total_seconds()) + 1),
        )


def recover() -> dict[str, int]:
    """Takes back jobs whose worker was lost: each is queued again, or ended and refunded. Safe at any time.

    Returns how many were "queued", "failed" and "cancelled".
    """
    counts = {"queued": 0, "failed": 0, "cancelled": 0}
    for kind in KINDS:
        for job in kind.objects.lapsed():
            lapsed = kind.objects.lapsed().filter(pk=job.pk, attempt=job.attempt)
            lost = f"The worker of this {job.noun} was lost {LAPSES_MAX} times."
            if outcome := _take_back(job, lapsed, error=lost, code="worker_lost"):
                counts[outcome] += 1
                discard_attempts(job, before=job.attempt + 1)
    return counts


def discard_attempts(job: Job, before: int) -> None:
    """Deletes the files of workers that died between file and row. What is left of them is swept later."""
    with suppress(StorageUnavailable):
        for attempt in range(1, before):
            storage.delete_leftover(job.result_path(attempt))


def wait_for_end(*, job: Job | Upload, seconds: float) -> Job | Upload:
    """The job, or the upload, once it has ended or the time is up.

    Returns at once if too many requests of this process wait, and early if its web server is stopping.
    """
    rows = type(job).objects
    if not _waiting.acquire(blocking=False):
        return rows.get(pk=job.pk)
    try:
        deadline, pause = time.monotonic() + seconds, POLL_SECONDS_FIRST
        while rows.open().filter(pk=job.pk).exists() and time.monotonic() < deadline and not is_stopping():
            time.sleep(min(pause, max(0, deadline - time.monotonic())))
            pause = min(pause * 1.5, POLL_SECONDS_MAX)
        return rows.get(pk=job.pk)
    finally:
        _waiting.release()


def already_ended(job: Job) -> errors.JobEnded:
    outcome = "was cancelled" if job.status == Status.CANCELLED else job.status
    return errors.JobEnded(f"This {job.noun} has already ended: it {outcome}.", code=f"{job.kind}_ended")


def held(job: Job):
    """The row of this job, while this attempt owns it."""
    return type(job).objects.held(job.attempt).filter(pk=job.pk)


def _end(job: Job, rows, status: str, **values) -> bool:
    """In a transaction: ends the job if it is still among `rows`. The only place where a job ends."""
    billing.lock_account(account_id=job.owner_id)
    ended = rows.filter(pk=job.pk).update(
        status=status, lease_until=None, finished_at=timezone.now(), **values
    )
    if ended:
        webhooks.announce_end(job)
    return bool(ended)


def _take_back(job: Job, rows, *, error: str, code: str) -> str | None:
    """Queues the job again if it is still among `rows`; the last time it fails, with this error."""
    if job.cancel_requested_at:
        return "cancelled" if end_without_result(job, rows, Status.CANCELLED) else None
    if job.lapses + 1 >= LAPSES_MAX:
        error = f"{error} The charge is refunded."
        ended = end_without_result(job, rows, Status.FAILED, error=error, error_code=code)
        return "failed" if ended else None
    queued = rows.filter(cancel_requested_at=None).update(lapses=F("lapses") + 1, **QUEUED_AGAIN)
    return "queued" if queued else None


def _lease_end():
    return Now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)
