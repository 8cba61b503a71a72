"""Trainings and batches without a worker, for tests about something else: in this process, at once.

Fitting is what takes time, so that the same table and plan are fitted once for all tests of a session.
"""

import functools
import json
import tempfile
import uuid
from pathlib import Path
from unittest.mock import Mock

from mlmodels.models import Batch, TrainedModel, TrainingRun
from mlmodels.operations import jobs, model_files
from mlmodels.worker import batches, child, supervision, trainings
from mlmodels.worker.assignment import TrainingAssignment
from mlplatform.core.errors import DomainError


@functools.lru_cache(maxsize=100)
def fitted(table: bytes, order: str) -> tuple[dict, bytes]:
    """What a child reports about its model, and the file it writes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "table.csv").write_bytes(table)
        paths = {"table_path": f"{folder}/table.csv", "part_path": f"{folder}/model.part"}
        limits = {"seconds_max": 60, "memory_bytes_max": 0, "file_bytes_max": 0, "niceness": 0}
        assignment = TrainingAssignment(model_uuid=str(uuid.uuid4()), **json.loads(order), **paths, **limits)
        facts = child.train(assignment, Mock())
        return json.loads(json.dumps(facts)), Path(folder, "model.part").read_bytes()


def predict_now(batch: Batch) -> Batch:
    """Carries out a queued batch, as a worker would."""
    claimed = jobs.claim(job=batch, worker="test")
    paths = claimed.model.file.path, claimed.file.path
    signature = model_files.signature_for_a_process(claimed.model)
    assignment = batches.assignment_for(claimed, signature, *paths)
    batches.finish(claimed, child.predict_file(assignment, Mock()))
    return Batch.objects.get(pk=batch.pk)


def train_now(run: TrainingRun) -> TrainingRun:
    """Carries out a queued run, as a worker would."""
    run = jobs.claim(job=run, worker="test")
    order = {
        "dialect": run.dataset.dialect,
        "features": run.features,
        "target": run.target_column,
        "plan": run.plan,
    }
    with run.dataset.file.open("rb") as handle:
        table = handle.read()
    try:
        facts, file = fitted(table, json.dumps(order))
    except DomainError as refused:
        jobs.fail(job=run, error=refused.message, code=refused.code)
    else:
        supervision.part_path(run).write_bytes(file)
        model = TrainedModel(uuid=uuid.uuid4(), owner=run.owner, run=run, dataset=run.dataset)
        trainings.finish(run, model, facts)
    return TrainingRun.objects.get(pk=run.pk)
