"""A batch in the hands of a worker: what its process gets, and what becomes of the answer."""

from functools import partial

from django.core.files.storage import default_storage

from mlmodels.limits import ANSWER_BYTES_MAX
from mlmodels.models import Batch
from mlmodels.operations import batches, model_files, pending_files, predictions
from mlmodels.worker.assignment import BatchAssignment
from mlmodels.worker.database import retry
from mlmodels.worker.supervision import Watch, cancelled, failed, local_copy, means_of_a_job, part_path
from mlplatform.core.errors import DomainError

LIMITS_EXCEEDED = {
    "time_limit": "The batch took longer than the {seconds} seconds allowed. Split the file.",
    "memory_limit": "The batch needed more than the {memory_mb} MB of memory allowed. Split the file.",
    "result_too_large": "The answer would take more than {file_mb} MB. Split the file.",
}


def carry_out(batch: Batch, watch: Watch) -> None:
    if batch.model is None:
        raise failed("model_missing", "The model was deleted.")
    try:
        signature = model_files.signature_for_a_process(batch.model)
    except DomainError as refused:
        raise failed(refused.code, refused.message) from refused
    _refuse_missing(batch)
    with (
        local_copy(batch, batch.model.file, ".model") as model_path,
        local_copy(batch, batch.file, ".csv") as question_path,
    ):
        outcome = watch.facts(assignment_for(batch, signature, model_path, question_path), LIMITS_EXCEEDED)
    finish(batch, outcome)


def _refuse_missing(batch: Batch) -> None:
    for file, what in ((batch.model.file, "model"), (batch.file, "batch")):
        if not file.storage.exists(file.name):
            raise failed("file_missing", f"The file of this {what} is missing.")


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
        **means_of_a_job(),
        file_bytes_max=ANSWER_BYTES_MAX,
    )


def finish(batch: Batch, outcome: dict) -> None:
    """Stores the answer and writes the end of the batch."""
    name, part = batch.result_path(batch.attempt), part_path(batch)
    size_bytes = part.stat().st_size
    retry(lambda: pending_files.register(name=name))
    with model_files.FinishedFile(part) as content:
        default_storage.save(name, content)
    if not retry(partial(batches.finish_batch, batch=batch, answer_bytes=size_bytes, outcome=outcome)):
        retry(lambda: pending_files.remove(name=name))
        raise cancelled()  # or lost: the row decides
