"""How a worker carries out a batch: what its process gets, and how its result is stored."""

from contextlib import ExitStack
from functools import partial

from mlmodels.limits import ANSWER_BYTES_MAX
from mlmodels.models import Batch, TrainedModel
from mlmodels.operations import batches, model_files, pending_files, predictions
from mlmodels.worker.assignment import BatchAssignment
from mlmodels.worker.database import retry
from mlmodels.worker.supervision import Watch, cancelled, failed, part_path, resources_of_a_job
from mlplatform.core import storage
from mlplatform.core.errors import DomainError

LIMITS_EXCEEDED = {
    "time_limit": "The batch took longer than the {seconds} seconds allowed. Split the file.",
    "memory_limit": "The batch needed more than the {memory_mb} MB of memory allowed. Split the file.",
    "result_too_large": "The answer would take more than {file_mb} MB. Split the file.",
}
FILE_MISSING = {
    Batch: "The uploaded file is missing. Upload it again.",
    TrainedModel: "The file of the model is missing. Train it again.",
}


def carry_out(batch: Batch, watch: Watch) -> None:
    if batch.model is None:
        raise failed("model_missing", "The model was deleted.")
    try:
        signature = model_files.signature_for_a_process(batch.model)
    except DomainError as refused:
        raise failed(refused.code, refused.message) from refused
    with ExitStack() as files:
        model_path = _fetch(watch, files, batch.model, ".model")
        question_path = _fetch(watch, files, batch, ".csv")
        outcome = watch.run(assignment_for(batch, signature, model_path, question_path), LIMITS_EXCEEDED)
    watch.reach_storage(partial(finish, batch, outcome))


def _fetch(watch: Watch, files: ExitStack, row: TrainedModel | Batch, suffix: str) -> str:
    try:
        return watch.fetch(files, row, suffix=suffix)
    except FileNotFoundError:
        raise failed("file_missing", FILE_MISSING[type(row)]) from None


def assignment_for(batch: Batch, signature: dict, model_path: str, question_path: str) -> BatchAssignment:
    return BatchAssignment(
        model_path=model_path,
        model_signature=signature,
        model_facts=predictions.facts_of(batch.model).to_dict(),
        question_path=question_path,
        reading=batch.reading,
        rows=batch.row_count,
        threshold=batch.threshold,
        part_path=str(part_path(batch)),
        **resources_of_a_job(),
        file_bytes_max=ANSWER_BYTES_MAX,
    )


def finish(batch: Batch, outcome: dict) -> None:
    """Stores the answer and writes the end of the batch. Can be repeated."""
    name, part = batch.result_path(batch.attempt), part_path(batch)
    size_bytes = part.stat().st_size
    retry(lambda: pending_files.register(name=name))
    storage.keep(part, name=name)
    if not retry(partial(batches.finish_batch, batch=batch, answer_bytes=size_bytes, outcome=outcome)):
        retry(lambda: pending_files.remove(name=name))
        raise cancelled()  # or lost: the row decides
