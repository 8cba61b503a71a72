"""Tables, datasets, trainings and models for tests, all made through the operations."""

import io
import random

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from mlmodels.models import KINDS, Batch, Dataset, TrainedModel, TrainingRun, Upload
from mlmodels.operations import batches, datasets, training, uploads
from mlmodels.tests.quick import train_now
from mlmodels.worker.inspections import InspectionThread
from mlmodels.worker.loop import JobWorker


def houses_csv(rows: int = 60) -> bytes:
    """price = 1000 * size + 5000 for every room, and 20,000 more in the city."""
    lines = ["size,rooms,place,price"]
    for number in range(rows):
        size, rooms, place = 40 + number * 3 % 97, 1 + number % 5, ("city", "village", "coast")[number % 3]
        lines.append(f"{size},{rooms},{place},{1000 * size + 5000 * rooms + 20000 * (place == 'city')}")
    return "\n".join(lines).encode()


def classic_order(table: bytes | None = None, **changes) -> dict:
    """The body of `POST /api/create` for a model of houses."""
    file = SimpleUploadedFile("houses.csv", table or houses_csv(), content_type="text/csv")
    columns = '["size", "rooms", "place"]'
    return {
        "model_type": "linear", "feature_cols": columns, "label_col": "price", "csv_file": file, **changes
    }  # fmt: skip


def make_dataset(owner, content: bytes | None = None, name: str = "houses") -> Dataset:
    upload = io.BytesIO(houses_csv() if content is None else content)
    return datasets.create_dataset(owner=owner, name=name, upload=upload)


def make_version(dataset: Dataset, content: bytes | None = None) -> Dataset:
    """Without content, the houses of the dataset with thirty more."""
    upload = io.BytesIO(houses_csv(90) if content is None else content)
    return datasets.create_version(dataset=dataset, upload=upload)


def start_upload(
    owner, content: bytes | None = None, name: str = "houses", dataset: Dataset | None = None
) -> Upload:
    """As of a large file, whatever its size; with a dataset, a newer version of it."""
    file = io.BytesIO(houses_csv() if content is None else content)
    with override_settings(INSPECTED_AT_ONCE_MB=0):
        if dataset:
            return uploads.receive_version(dataset=dataset, upload=file)
        return uploads.receive_dataset(owner=owner, name=name, upload=file)


def inspect_now() -> int:
    """Inspects all uploads that wait, as a worker would; returns how many."""
    thread, count = InspectionThread(), 0
    while thread.work_once():
        count += 1
    return count


def start_run(owner, dataset: Dataset | None = None, **order) -> TrainingRun:
    order = {"algorithm": "linear", "target": "price", **order}
    return training.start_training(owner=owner, dataset=dataset or make_dataset(owner), **order)


def start_batch(owner, model: TrainedModel, content: bytes | None = None, **options) -> Batch:
    return _send(batches.predict_file, owner, model, content, **options)


def quote_file(owner, model: TrainedModel, content: bytes | None = None) -> Batch:
    return _send(batches.quote, owner, model, content)


def _send(operation, owner, model, content, **options) -> Batch:
    upload = io.BytesIO(houses_csv() if content is None else content)
    return operation(owner=owner, model=model, upload=upload, name="new.csv", **options)


def work_off() -> None:
    """Carries out everything that waits, in this process and as a worker would."""
    worker = JobWorker("test")
    for kind in KINDS:
        while job := kind.objects.queued().order_by("pk").first():
            worker.work_on(job)


def train_model(owner, dataset: Dataset | None = None, **order) -> TrainedModel:
    run = start_run(owner, dataset, **order)
    JobWorker("test").work_on(run)
    run.refresh_from_db()
    assert run.status == TrainingRun.Status.SUCCEEDED, run.error
    return run.trained_model


def make_model(owner, **order) -> TrainedModel:
    """A model with its signed file, made in this process: for tests of what comes after the training."""
    return train_now(start_run(owner, **order)).trained_model


def make_model_row(owner, name: str = "a_model", **fields) -> TrainedModel:
    """A model without a file, for tests that never load it."""
    plain = {"algorithm": "linear", "task": "regression", "target": {"name": "price"}, "features": []}
    plain |= {"file": f"models/{name}", "size_bytes": 0}
    return TrainedModel.objects.create(owner=owner, name=name, **plain | fields)


def slow_order() -> dict:
    """A training that takes some seconds: long enough to be killed in the middle of it."""
    return {"algorithm": "random_forest", "target": "sum", "parameters": {"n_estimators": 150}}


def slow_csv(rows: int = 2000) -> bytes:
    draw = random.Random(42)
    lines = ["a,b,c,sum"]
    for _ in range(rows):
        a, b, c = (draw.random() for _ in range(3))
        lines.append(f"{a:.4f},{b:.4f},{c:.4f},{a + 2 * b + 3 * c:.4f}")
    return "\n".join(lines).encode()
