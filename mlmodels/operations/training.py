"""Starting, cancelling and awaiting trainings: what doors do with runs. What workers do is in `runs`."""

import hashlib
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import idempotency as idempotency_keys
from billing import operations as billing
from mlmodels.errors import DatasetInUse, RoomExceeded, RunEnded, TooManyOpenRuns
from mlmodels.limits import MODELS_MAX, OPEN_RUNS_MAX, WAITING_REQUESTS_MAX
from mlmodels.models import Dataset, TrainingRun
from mlmodels.operations import plans, trained_models
from mlmodels.operations.datasets import add_sample, create_dataset, delete_dataset
from mlplatform.core.errors import DomainError, NotFound

READ_BYTES = 1 << 20
POLL_SECONDS_FIRST = 0.05
POLL_SECONDS_MAX = 0.5

_waiting = threading.BoundedSemaphore(WAITING_REQUESTS_MAX)


def start_training(
    *,
    owner,
    dataset: Dataset,
    algorithm: str = "auto",
    target: str | None = None,
    features: Sequence[str] | None = None,
    task: str | None = None,
    parameters: dict | None = None,
    train_percentage: float = 0.8,
    grid: dict | None = None,
    is_search: bool = False,
    model_name: str = "",
    idempotency: idempotency_keys.IdempotentRequest | None = None,
) -> TrainingRun:
    """Charges the owner and puts the training into the queue, or refuses and leaves nothing.

    Without a target or features the dataset's own guesses count. A search without a grid tries the
    algorithm's own.
    A request whose idempotency key came before raises RequestRepeated, which names the run of that time.
    """
    if dataset.owner_id != owner.pk:
        raise NotFound("There is no such dataset.")
    checked = plans.make_plan(
        dataset,
        algorithm=algorithm,
        target=target,
        features=features,
        task=task,
        parameters=parameters,
        train_percentage=train_percentage,
        grid=(grid or {}) if is_search else grid,
    )
    run = TrainingRun(
        uuid=uuid.uuid4(),
        owner=owner,
        dataset=dataset,
        plan=checked.plan.to_dict(),
        algorithm=checked.plan.algorithm,
        task=checked.plan.task,
        target=checked.plan.target,
        features=[column.to_dict() for column in checked.features],
        target_column=checked.target.to_dict(),
        is_search=checked.plan.grid is not None,
        model_name=trained_models.model_name_for(
            owner=owner, algorithm=checked.plan.algorithm, wanted=model_name
        ),
        cost_tokens=settings.TRAINING_TOKEN_COST,
    )
    return _enqueue(run, idempotency)


def cancel_run(*, run: TrainingRun) -> TrainingRun:
    """A queued run ends here and is refunded; a running one when its worker sees it, in a second or two."""
    with transaction.atomic():
        run = TrainingRun.objects.select_for_update().get(pk=run.pk)
        if not run.is_open:
            raise RunEnded(f"This training has ended already: it {_ENDED_AS[run.status]}.")
        run.cancel_requested_at = run.cancel_requested_at or timezone.now()
        if run.status == TrainingRun.Status.QUEUED:
            run.status = TrainingRun.Status.CANCELLED
            run.finished_at = timezone.now()
            refund(run, "training cancelled")
        run.save(update_fields=["cancel_requested_at", "status", "finished_at"])
    return run


def refund(run: TrainingRun, reason: str) -> None:
    """Called in the transaction that ends the run; the ledger itself allows one refund per charge."""
    if run.cost_tokens:
        billing.refund(operation_of_charge=run.charge_operation, reason=reason)


def wait_for_run(*, run: TrainingRun, seconds: float) -> TrainingRun:
    """The run once it has ended or the time is up; at once when too many of this process wait already."""
    if not _waiting.acquire(blocking=False):
        return _reread(run)
    try:
        return _poll(run, deadline=time.monotonic() + seconds)
    finally:
        _waiting.release()


_ENDED_AS = {
    TrainingRun.Status.SUCCEEDED: "succeeded",
    TrainingRun.Status.FAILED: "failed",
    TrainingRun.Status.CANCELLED: "was cancelled",
}


def _enqueue(run: TrainingRun, idempotency) -> TrainingRun:
    with transaction.atomic():
        idempotency_keys.claim(user=run.owner, request=idempotency, reference=run.reference)
        billing.hold_account(user=run.owner)  # so that of two at once not both are the third
        _hold_dataset(run)
        _refuse_too_many(run.owner)
        billing.charge(
            user=run.owner,
            amount=run.cost_tokens,
            reason=f"training {run.algorithm}",
            operation=run.charge_operation,
            reference=run.reference,
        )
        _insert(run)
    return run


def _hold_dataset(run: TrainingRun) -> None:
    """The table may have been deleted since it was looked up; from here on it stays."""
    if not Dataset.objects.select_for_update().filter(pk=run.dataset_id).exists():
        raise NotFound("This dataset has been deleted meanwhile.")


def _refuse_too_many(owner) -> None:
    if owner.training_runs.open().count() >= OPEN_RUNS_MAX:
        raise TooManyOpenRuns(
            f"{OPEN_RUNS_MAX} of your trainings are waiting or running already. Wait for one to end, or "
            "cancel one."
        )
    if owner.trained_models.count() >= MODELS_MAX:
        raise RoomExceeded(
            f"You have {MODELS_MAX} models, which is the most. Delete one that you no longer need."
        )


def _insert(run: TrainingRun) -> None:
    """An open run reserves its name by a constraint. Models are asked afterwards, when it is ours alone."""
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        raise trained_models.taken(run.model_name) from None
    trained_models.refuse_taken(run.model_name)


def _poll(run: TrainingRun, deadline: float) -> TrainingRun:
    pause = POLL_SECONDS_FIRST
    while TrainingRun.objects.open().filter(pk=run.pk).exists() and time.monotonic() < deadline:
        time.sleep(min(pause, max(0, deadline - time.monotonic())))
        pause = min(pause * 1.5, POLL_SECONDS_MAX)
    return _reread(run)


def _reread(run: TrainingRun) -> TrainingRun:
    return TrainingRun.objects.get(pk=run.pk)


def train_on_upload(*, owner, upload, name: str, **order) -> TrainingRun:
    """Keeps the file as a dataset called `name` and trains on it, by `order`.

    A file that the owner has already is not kept a second time: clients that send their table with every
    order would fill their room with copies. Where columns were overridden on a page it is inspected again:
    the same order has to give the same figures.
    """
    same_file = owner.datasets.filter(sha256=_sha256(upload), sample="")
    known = same_file.as_found().newest_first().first()
    if known:
        return start_training(owner=owner, dataset=known, **order)
    return _train_on_new(create_dataset(owner=owner, name=name, upload=upload), order)


def train_on_sample(*, owner, sample: str, **order) -> TrainingRun:
    """Trains on the owner's copy of a sample set, which is made with the first training on it."""
    known = owner.datasets.filter(sample=sample).first()
    if known:
        return start_training(owner=owner, dataset=known, **order)
    return _train_on_new(add_sample(owner=owner, sample=sample), order)


def _train_on_new(dataset: Dataset, order: dict) -> TrainingRun:
    """A refused order leaves no dataset, and neither does one whose run exists already, on another copy."""
    try:
        run = start_training(owner=dataset.owner, dataset=dataset, **order)
    except DomainError:
        _remove(dataset)
        raise
    if run.dataset_id != dataset.pk:
        _remove(dataset)
    return run


def _remove(dataset: Dataset) -> None:
    """Unless another order of the same person uses it by now, or has removed it."""
    with suppress(DatasetInUse, Dataset.DoesNotExist):
        delete_dataset(dataset=dataset)


def _sha256(upload) -> str:
    upload.seek(0)
    digest = hashlib.sha256()
    while chunk := upload.read(READ_BYTES):
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()
