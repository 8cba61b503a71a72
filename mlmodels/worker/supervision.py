"""One run from claim to end: the child is watched, and what becomes of it is written to the run."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from mlmodels.limits import MODEL_BYTES_MAX
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import model_files, pending_files, runs
from mlmodels.operations.pending_files import work_folder
from mlmodels.worker.assignment import Assignment
from mlmodels.worker.heartbeat import Heartbeat
from mlmodels.worker.retry import patiently
from mlmodels.worker.watching import Cancelled, Failed, HandedBack, Lost, Watch

KEPT_IN_THE_REPORT = ("features", "candidates", "training_rows", "hold_out_rows", "fit_seconds")


def carry_out(run: TrainingRun, heartbeat: Heartbeat, stopping) -> str:
    """Trains, writes how it ended, and says so in a word. When `stopping` is set, the run is handed back."""
    heartbeat.keep(run)
    model_files.discard_attempts(run, before=run.attempt)
    part = part_path(run)
    model = TrainedModel(uuid=uuid.uuid4(), owner=run.owner, run=run, dataset=run.dataset)
    try:
        with _table_path(run) as table_path:
            facts = Watch(run, assignment_for(run, model, table_path, part), heartbeat, stopping).facts()
        return finish(run, model, facts, part)
    except Failed as failed:
        return _fail(run, failed)
    except Cancelled:
        return "cancelled" if patiently(lambda: runs.end_cancelled_run(run=run)) else "lost"
    except HandedBack:
        return "handed back" if patiently(lambda: runs.hand_back_run(run=run)) else "lost"
    except Lost:
        return "lost"
    finally:
        heartbeat.let_go()
        part.unlink(missing_ok=True)


def part_path(run: TrainingRun) -> Path:
    """Where the child writes. The attempt is in the name, so that no two workers write to one file."""
    return work_folder() / f"{run.uuid}.{run.attempt}.part"


def assignment_for(run: TrainingRun, model: TrainedModel, table_path: str, part: Path) -> Assignment:
    return Assignment(
        model_uuid=str(model.uuid),
        table_path=table_path,
        dialect=run.dataset.dialect,
        features=run.features,
        target=run.target_column,
        plan=run.plan,
        part_path=str(part),
        seconds_max=settings.TRAINING_TIME_LIMIT_SECONDS,
        memory_bytes_max=settings.TRAINING_MEMORY_LIMIT_MB * 1_000_000,
        file_bytes_max=MODEL_BYTES_MAX,
    )


@contextmanager
def _table_path(run: TrainingRun) -> Iterator[str]:
    """A path that the child can open: the file itself, or a copy when the storage is on another machine."""
    if run.dataset is None or not run.dataset.file.storage.exists(run.dataset.file.name):
        raise Failed("dataset_missing", "The data set is gone. Upload it again and start a new training.")
    if model_files.is_local(run.dataset.file):
        yield run.dataset.file.path
        return
    copy = work_folder() / f"{run.uuid}.{run.attempt}.csv"
    try:
        with run.dataset.file.open("rb") as source, open(copy, "wb") as target:
            shutil.copyfileobj(source, target)
        yield str(copy)
    finally:
        copy.unlink(missing_ok=True)


def _fail(run: TrainingRun, failed: Failed) -> str:
    is_ours = patiently(lambda: runs.fail_run(run=run, error=failed.error, code=failed.code))
    return f"failed: {failed.code}" if is_ours else "lost"


def finish(run: TrainingRun, model: TrainedModel, facts: dict, part: Path) -> str:
    """Signs and keeps the file, writes model and run. Raises Cancelled when the run is not to be finished."""
    _describe(model, run, facts)
    patiently(lambda: pending_files.announce(name=model_files.stored_name(run, run.attempt)))
    model_files.keep_file(model=model, part=part, filename=model_files.filename_of(run, run.attempt))
    if patiently(lambda: runs.finish_run(run=run, model=model)):
        return "trained"
    patiently(lambda: pending_files.remove(name=model.file.name))
    raise Cancelled  # or lost, which the row will say


def _describe(model: TrainedModel, run: TrainingRun, facts: dict) -> None:
    model.name = run.model_name
    model.algorithm = facts["algorithm"]
    model.task = run.task
    model.target = run.target_column
    model.features = run.features
    model.parameters = facts["parameters"]
    model.metrics = facts["metrics"]
    model.baseline = facts["baseline"]
    model.report = {**facts["report"], **{name: facts[name] for name in KEPT_IN_THE_REPORT}}
    model.is_compiled = facts["is_compiled"]
    if run.is_search:
        model.search = {
            "best_params": facts["best_params"],
            "best_score": facts["best_score"],
            "training_accuracy": facts["training_score"],
        }
