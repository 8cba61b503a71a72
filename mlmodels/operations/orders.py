"""Trainings that bring their own table: both are taken, or neither."""

import hashlib
from contextlib import suppress

from mlmodels.errors import DatasetInUse
from mlmodels.models import Dataset, TrainingRun
from mlmodels.operations.datasets import add_sample, create_dataset, delete_dataset
from mlmodels.operations.training import start_training
from mlplatform.core.errors import DomainError

READ_BYTES = 1 << 20


def train_on_upload(*, owner, upload, name: str, **order) -> TrainingRun:
    """Keeps the file as a data set called `name` and trains on it, by `order`.

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
    """A refused order leaves no data set, and neither does one whose run exists already, on another copy."""
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
