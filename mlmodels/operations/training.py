"""Starting, cancelling and awaiting training runs. What workers do with them is in `runs`."""

import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import idempotency as idempotency_keys
from billing import operations as billing
from mlmodels.errors import DatasetInUse, RoomExceeded, RunEnded, TooManyCancelledRuns, TooManyOpenRuns
from mlmodels.limits import CANCELLED_RUNS_PER_HOUR_MAX, MODELS_MAX, OPEN_RUNS_MAX, WAITING_REQUESTS_MAX
from mlmodels.models import Dataset, TrainedModel, TrainingRun
from mlmodels.operations import datasets, plans, runs, trained_models
from mlplatform.core.errors import DomainError, NotFound
from mlplatform.core.files import sha256_of
from mlplatform.core.transactions import atomic_with_retry

POLL_SECONDS_FIRST = 0.05
POLL_SECONDS_MAX = 0.5
HOUR = timedelta(hours=1)

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
    """Charges the owner and queues the training, or refuses and leaves nothing.

    Without a target or features the dataset's own guesses count; a search without a grid tries the
    algorithm's default grid. A request whose idempotency key came before raises RequestRepeated, which names
    the earlier run.
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


@atomic_with_retry
def cancel_run(*, run: TrainingRun) -> TrainingRun:
    """A queued run ends and is refunded at once; a running one within a second or two, by its worker."""
    billing.lock_account(account_id=run.owner_id)
    run = TrainingRun.objects.select_for_update(no_key=True).get(pk=run.pk)
    if not run.is_open:
        was = "was cancelled" if run.status == TrainingRun.Status.CANCELLED else run.status
        raise RunEnded(f"This training has already ended: it {was}.")
    if run.cancel_requested_at is None:
        run.cancel_requested_at = timezone.now()
        run.save(update_fields=["cancel_requested_at"])
    if run.status == TrainingRun.Status.QUEUED:
        runs.end_without_model(run, TrainingRun.objects.all(), TrainingRun.Status.CANCELLED)
        run.refresh_from_db(fields=["status", "finished_at"])
    return run


def wait_for_run(*, run: TrainingRun, seconds: float) -> TrainingRun:
    """The run once it has ended or the time is up; at once when too many requests of this process wait."""
    if not _waiting.acquire(blocking=False):
        return TrainingRun.objects.get(pk=run.pk)
    try:
        deadline, pause = time.monotonic() + seconds, POLL_SECONDS_FIRST
        while TrainingRun.objects.open().filter(pk=run.pk).exists() and time.monotonic() < deadline:
            time.sleep(min(pause, max(0, deadline - time.monotonic())))
            pause = min(pause * 1.5, POLL_SECONDS_MAX)
        return TrainingRun.objects.get(pk=run.pk)
    finally:
        _waiting.release()


@atomic_with_retry
def _enqueue(run: TrainingRun, idempotency) -> TrainingRun:
    """Under the account's lock, so that two starts at once cannot both be the last one allowed."""
    billing.hold_account(user=run.owner)
    idempotency_keys.claim(user=run.owner, request=idempotency, reference=run.reference)
    _refuse_too_many(run.owner)
    _refuse_too_many_cancelled(run.owner)
    _lock_dataset(run)
    billing.charge(
        user=run.owner,
        amount=run.cost_tokens,
        reason=f"training {run.algorithm}",
        operation=run.charge_operation,
        reference=run.reference,
    )
    _insert(run)
    datasets.make_room(owner=run.owner)
    return run


def _lock_dataset(run: TrainingRun) -> None:
    """It may have been deleted since the request looked it up; from here on it stays."""
    if not Dataset.objects.select_for_update(no_key=True).filter(pk=run.dataset_id).exists():
        raise NotFound("This dataset has been deleted meanwhile.")


def _refuse_too_many(owner) -> None:
    if TrainingRun.objects.owned_by(owner).open().count() >= OPEN_RUNS_MAX:
        raise TooManyOpenRuns(
            f"You already have {OPEN_RUNS_MAX} trainings waiting or running. Wait for one, or cancel one."
        )
    if TrainedModel.objects.owned_by(owner).count() >= MODELS_MAX:
        raise RoomExceeded(f"You have {MODELS_MAX} models, the most allowed. Delete one you no longer need.")


def _refuse_too_many_cancelled(owner) -> None:
    """A charge and its refund stay in the ledger for ever: nobody adds them without limit for nothing."""
    now = timezone.now()
    cancelled = TrainingRun.objects.owned_by(owner).filter(cancel_requested_at__gt=now - HOUR)
    times = cancelled.order_by("-cancel_requested_at").values_list("cancel_requested_at", flat=True)
    if oldest := list(times[CANCELLED_RUNS_PER_HOUR_MAX - 1 : CANCELLED_RUNS_PER_HOUR_MAX]):
        raise TooManyCancelledRuns(
            f"You have cancelled {CANCELLED_RUNS_PER_HOUR_MAX} trainings within an hour. "
            "Nothing was charged. Start the next one later.",
            retry_after_seconds=max(1, int((oldest[0] + HOUR - now).total_seconds()) + 1),
        )


def _insert(run: TrainingRun) -> None:
    """An open run reserves its name by a constraint; models are checked once it is reserved."""
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        raise trained_models.name_taken(run.model_name) from None
    if TrainedModel.objects.filter(name=run.model_name).exists():
        raise trained_models.name_taken(run.model_name)


def train_on_upload(*, owner, upload, name: str, is_replaceable: bool = False, **order) -> TrainingRun:
    """Keeps the file as a dataset called `name` and trains on it, by `order`.

    A file that the owner already has is not kept a second time, or clients that send it with every order
    would fill their room with copies. Where columns were edited on a page it is kept again: the same order
    has to give the same metrics. A dataset that `is_replaceable` makes room for later ones.
    """
    same_file = Dataset.objects.owned_by(owner).filter(sha256=sha256_of(upload), sample="")
    if known := same_file.as_found().newest_first().first():
        return start_training(owner=owner, dataset=known, **order)
    dataset = datasets.create_dataset(owner=owner, name=name, upload=upload, is_replaceable=is_replaceable)
    return _train_on_new(dataset, order)


def train_on_sample(*, owner, sample: str, **order) -> TrainingRun:
    """Trains on the owner's copy of a sample set, which is made with the first training on it."""
    if known := Dataset.objects.owned_by(owner).filter(sample=sample).first():
        return start_training(owner=owner, dataset=known, **order)
    return _train_on_new(datasets.add_sample(owner=owner, sample=sample), order)


def _train_on_new(dataset: Dataset, order: dict) -> TrainingRun:
    """A refused request leaves no dataset, unless another request of the same user uses it by now."""
    try:
        return start_training(owner=dataset.owner, dataset=dataset, **order)
    except DomainError:
        with suppress(DatasetInUse, Dataset.DoesNotExist):
            datasets.delete_dataset(dataset=dataset)
        raise
