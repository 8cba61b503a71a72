"""How a worker carries out a training run: what its process gets, and how its model is stored."""

import uuid
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from django.conf import settings

from mlmodels.errors import ModelUnusable
from mlmodels.learning.earlier_models import EarlierModel
from mlmodels.limits import MODEL_BYTES_MAX
from mlmodels.models import Dataset, TrainedModel, TrainingRun
from mlmodels.operations import model_files, pending_files, training
from mlmodels.operations.pending_files import work_folder
from mlmodels.worker.assignment import Relay, TrainingAssignment
from mlmodels.worker.database import retry
from mlmodels.worker.supervision import Watch, cancelled, failed, part_path, resources_of_a_job
from mlplatform.core import storage

KEPT_IN_THE_REPORT = ("features", "candidates", "training_rows", "hold_out_rows", "fit_seconds")
RELAYED_BYTES_MIN = 20_000_000  # of a table, and of the file that it is read from; less is sent as quickly
LIMITS_EXCEEDED = {
    "time_limit": (
        "The training run took longer than the {seconds} seconds allowed. "
        "Use fewer rows, fewer columns or a quicker algorithm."
    ),
    "memory_limit": (
        "The training run needed more than the {memory_mb} MB of memory allowed. "
        "Use fewer rows, fewer columns or a smaller model."
    ),
    "model_too_large": "The model would take more than {file_mb} MB. Use fewer trees or less depth.",
}


def carry_out(run: TrainingRun, watch: Watch) -> None:
    model = TrainedModel(uuid=uuid.uuid4(), owner=run.owner, run=run, dataset=run.dataset)
    with ExitStack() as files:
        table_path = local_table(run, watch, files)
        earlier = earlier_model(run, watch, files) if run.repeats else None
        assignment = assignment_for(run, model, table_path, earlier)
        if assignment.cluster and run.dataset.size_bytes >= RELAYED_BYTES_MIN:
            assignment = replace(assignment, cluster=replace(assignment.cluster, relay=relay(run, files)))
        facts = watch.run(assignment, LIMITS_EXCEEDED)
    watch.reach_storage(partial(finish, run, model, facts))


def local_table(run: TrainingRun, watch: Watch, files: ExitStack) -> str:
    """A path that the process can open."""
    path = run.dataset and fetch_if_there(run.dataset, watch, files, ".csv")
    if path is None:
        raise failed("dataset_missing", "The dataset is gone. Upload it again and start a new training run.")
    return path


def fetch_if_there(dataset: Dataset, watch: Watch, files: ExitStack, suffix: str) -> str | None:
    try:
        return watch.fetch(files, dataset, suffix=suffix)
    except FileNotFoundError:
        return None


def relay(run: TrainingRun, files: ExitStack) -> Relay | None:
    """Of object storage alone. What is written there is deleted at the end, or swept if this process dies."""
    name = f"tables/{run.uuid}.{run.attempt}"
    urls = storage.relay_urls(name, seconds=settings.TRAINING_TIME_LIMIT_SECONDS)
    if urls is None:
        return None
    retry(lambda: pending_files.register(name=name))
    files.callback(retry, partial(pending_files.remove, name=name))
    return Relay(*urls, bytes_min=RELAYED_BYTES_MIN)


def earlier_model(run: TrainingRun, watch: Watch, files: ExitStack) -> EarlierModel | None:
    """The model that is trained again, to be compared with the new one; None if it can no longer be used.

    The signature is checked here, since the process has no key of this installation.
    """
    model, copy = run.repeats, work_folder() / f"{run.uuid}.{run.attempt}.earlier.part"
    try:
        data = watch.reach_storage(partial(model_files.read_checked, model))
    except ModelUnusable:
        return None
    files.callback(copy.unlink, missing_ok=True)
    table = model.dataset and fetch_if_there(model.dataset, watch, files, ".earlier.csv")
    return EarlierModel.write(
        data,
        copy,
        model_uuid=str(model.uuid),
        name=str(model),
        features=model.features,
        target=model.target,
        derived=model.derived,
        table_path=table,
        dialect=model.dataset.dialect if table else None,
        evaluation=model.run.plan.get("evaluation", {}),
        split_column=model.run.split_column if table else None,
    )


def assignment_for(
    run: TrainingRun, model: TrainedModel, table_path: str, earlier: EarlierModel | None = None
) -> TrainingAssignment:
    return TrainingAssignment(
        model_uuid=str(model.uuid),
        table_path=table_path,
        dialect=run.dataset.dialect,
        features=run.features,
        target=run.target_column,
        plan=run.plan,
        part_path=str(part_path(run)),
        split_column=run.split_column,
        earlier=earlier,
        **resources_of_a_job(),
        file_bytes_max=MODEL_BYTES_MAX,
    )


def finish(run: TrainingRun, model: TrainedModel, facts: dict) -> None:
    """Signs and stores the file, and writes model and run. Can be repeated."""
    _describe(model, run, facts)
    name = run.result_path(run.attempt)
    retry(lambda: pending_files.register(name=name))
    model_files.keep_file(model=model, part=part_path(run), name=name)
    if not retry(lambda: training.finish_run(run=run, model=model)):
        retry(lambda: pending_files.remove(name=model.file.name))
        raise cancelled()  # or lost: the row decides


def _describe(model: TrainedModel, run: TrainingRun, facts: dict) -> None:
    model.name = run.model_name
    model.task = run.task
    model.series = run.dataset.series
    model.target = run.target_column
    model.features = run.features
    for name in ("algorithm", "derived", "parameters", "metrics", "baseline", "is_compiled"):
        setattr(model, name, facts[name])
    model.report = {**facts["report"], **{name: facts[name] for name in KEPT_IN_THE_REPORT}}
    if run.is_search:
        model.search = {
            "best_params": facts["best_params"],
            "best_score": facts["best_score"],
            "training_accuracy": facts["training_score"],
        }
