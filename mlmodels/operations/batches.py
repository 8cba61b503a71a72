"""Batches: a CSV file is inspected and quoted, then charged once and predicted as a whole by a worker.

What workers do with a batch is in `jobs`.
"""

import math
from contextlib import suppress
from functools import partial
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing import idempotency as idempotency_keys
from billing import operations as billing
from mlmodels import errors
from mlmodels.learning import batches as learning
from mlmodels.learning.apart import run_apart
from mlmodels.learning.tables import TableRefused
from mlmodels.limits import (
    BATCHES_KEPT_MAX,
    DATASET_NAME_CHARACTERS_MAX,
    QUOTES_MAX,
)
from mlmodels.models import Batch, Job, TrainedModel
from mlmodels.operations import jobs, model_files, pending_files
from mlmodels.operations.datasets import bytes_max
from mlplatform.core.errors import NotFound, Unavailable
from mlplatform.core.files import sha256_of, size_of
from mlplatform.core.origin import origin
from mlplatform.core.text import plural
from mlplatform.core.transactions import atomic_with_retry

PRICED_ROWS = 1_000  # BATCH_TOKEN_COST is the price of so many rows, rounded up


def price_of(rows: int) -> int:
    return math.ceil(rows / PRICED_ROWS) * settings.BATCH_TOKEN_COST


def estimate(*, owner, model: TrainedModel, upload: BinaryIO, name: str) -> Batch:
    """What predicting the file would cost, and what is in it. Nothing is stored or charged."""
    size_bytes = size_of(upload)
    model_files.signature_for_a_process(model)  # refuses a model that cannot be loaded here
    found = run_apart(learning.inspect, upload, model.features)
    if not found.readable_rows:
        first = found.faults[0]
        raise TableRefused(f"No row of the file can be read. Row {first['row']:,}: {first['reason']}")
    return Batch(
        owner=owner,
        model=model,
        model_name=model.name,
        name=" ".join(name.split())[:DATASET_NAME_CHARACTERS_MAX] or "rows.csv",
        size_bytes=size_bytes,
        sha256=sha256_of(upload),
        reading=found.reading.to_dict(),
        row_count=found.rows,
        unreadable_rows=found.unreadable_rows,
        faults=found.faults,
        first_rows=[found.header, *found.first_rows],
        cost_tokens=price_of(found.readable_rows),
    )


def quote(*, owner, model: TrainedModel, upload: BinaryIO, name: str) -> Batch:
    """Stores the file with its price, until `start`. Of too many quotes the oldest are removed."""
    batch = estimate(owner=owner, model=model, upload=upload, name=name)
    pending_files.store_with_row(row=batch, upload=upload, insert=_insert_quote)
    return batch


def predict_file(
    *,
    owner,
    model: TrainedModel,
    upload: BinaryIO,
    name: str,
    idempotency: idempotency_keys.IdempotentRequest | None = None,
) -> Batch:
    """Quotes, charges and queues in one; where one of them is refused, nothing remains.

    A request whose idempotency key was used before raises RequestRepeated, which names the earlier batch.
    """
    batch = estimate(owner=owner, model=model, upload=upload, name=name)
    insert = partial(_insert_started, idempotency=idempotency)
    pending_files.store_with_row(row=batch, upload=upload, insert=insert)
    return batch


def write_unreadable_rows(*, batch: Batch, path: str) -> None:
    """The rows that cannot be read, with the reasons, as a CSV file at this path."""
    if not batch.file:
        raise errors.NoAnswer("The files of this batch were removed.")
    with batch.file.open("rb") as question:
        run_apart(learning.write_unreadable, question, learning.Reading(**batch.reading), path)


@atomic_with_retry
def start(*, batch: Batch, idempotency: idempotency_keys.IdempotentRequest | None = None) -> Batch:
    """Charges the price that was quoted and queues the batch. For repeated requests see `predict_file`."""
    billing.hold_account(user=batch.owner)
    idempotency_keys.claim(user=batch.owner, request=idempotency, reference=batch.reference)
    batch = Batch.objects.select_related("owner").filter(pk=batch.pk).first()
    if batch is None:
        raise NotFound("This quote has expired. Upload the file again.")
    if not batch.is_quoted:
        raise errors.BatchStarted("This file was already started.")
    _charge(batch)
    batch.save()
    return batch


@atomic_with_retry
def finish_batch(*, batch: Batch, answer_bytes: int, outcome: dict) -> bool:
    """Writes the end of the batch. False when the worker does not own it: its file has to be deleted.

    A second call, after the answer to the first was lost, returns True again.
    """
    name = batch.result_path(batch.attempt)
    made = {
        "answer": name,
        "answer_bytes": answer_bytes,
        "rows_done": outcome["rows"],
        "unreadable_rows": outcome["unreadable_rows"],
        "rows_with_warnings": outcome["rows_with_warnings"],
        "preview": outcome["preview"],
    }
    if not jobs.succeed(job=batch, **made):
        return Batch.objects.filter(pk=batch.pk, answer=name).exists()
    is_kept = pending_files.confirm(name=name)
    transaction.set_rollback(not is_kept)
    return is_kept


@atomic_with_retry
def delete_batch(*, batch: Batch) -> None:
    """Removes the files and what they held. The row of a batch that was charged stays."""
    billing.lock_account(account_id=batch.owner_id)
    batch = Batch.objects.filter(pk=batch.pk).first()
    if batch is None:  # a quote that was deleted or swept meanwhile
        raise NotFound("This file was just deleted.")
    if batch.is_open:
        raise errors.BatchInUse("This file is being predicted. Cancel it, or wait for it to end.")
    erase_files(batch)
    if batch.is_quoted:
        batch.delete()
    else:
        Batch.objects.filter(pk=batch.pk).erase()


def erase_files(batch: Batch) -> None:
    """In a transaction: removes question and answer after the commit."""
    for name in filter(None, (batch.file.name, batch.answer.name)):
        pending_files.remove_after_commit(name=name)


def sweep_expired() -> int:
    """Removes the files of expired batches, and expired quotes. Returns how many batches."""
    swept = 0
    for batch in [*Batch.objects.expired(), *Batch.objects.expired_quotes()]:
        with suppress(errors.BatchInUse, NotFound):  # started or deleted at this moment
            delete_batch(batch=batch)
            swept += 1
    return swept


@atomic_with_retry
def _insert_quote(batch: Batch) -> None:
    billing.hold_account(user=batch.owner)
    for old in Batch.objects.owned_by(batch.owner).quoted().newest_first()[QUOTES_MAX - 1 :]:
        erase_files(old)
        old.delete()
    _insert(batch)


@atomic_with_retry
def _insert_started(batch: Batch, idempotency) -> None:
    billing.hold_account(user=batch.owner)
    idempotency_keys.claim(user=batch.owner, request=idempotency, reference=batch.reference)
    _charge(batch)
    _insert(batch)


def _insert(batch: Batch) -> None:
    kept = Batch.objects.owned_by(batch.owner).kept()
    if kept.count() >= BATCHES_KEPT_MAX or kept.total_bytes() + batch.size_bytes > bytes_max():
        raise errors.RoomExceeded(
            f"At most {BATCHES_KEPT_MAX} files with {settings.USER_FILES_MB:,} MB together, answers "
            "included, are kept for you. Delete one that you no longer need."
        )
    batch.save(force_insert=True)
    if not pending_files.confirm(name=batch.file.name):
        raise Unavailable("Storing the file took too long. Upload it again.")


def _charge(batch: Batch) -> None:
    """Under the account's lock, so that two starts at once cannot both be the last one allowed."""
    owner = batch.owner
    if Batch.objects.owned_by(owner).open().count() >= settings.OPEN_BATCHES_MAX:
        most = plural(settings.OPEN_BATCHES_MAX, "file")
        raise errors.TooManyOpenBatches(
            f"You already have {most} in progress. Wait for one to end, or cancel one."
        )
    jobs.refuse_too_many_cancelled(owner=owner, kind=Batch)
    # The lock keeps the model until the batch that needs it is committed
    usable = TrainedModel.objects.usable_by(owner).select_for_update(no_key=True)
    model = usable.filter(pk=batch.model_id).only("threshold").first()
    if model is None:
        raise NotFound("The model was deleted, or is no longer shared with you.")
    billing.charge(
        user=owner,
        amount=batch.cost_tokens,
        reason=f"batch of {plural(batch.readable_rows, 'row')}",
        operation=batch.charge_operation,
        reference=batch.reference,
    )
    batch.status, batch.created_at = Job.Status.QUEUED, timezone.now()
    batch.threshold, batch.origin = model.threshold, origin()
