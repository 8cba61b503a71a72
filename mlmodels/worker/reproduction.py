"""Makes the model of an earlier run again, and compares the two."""

from collections.abc import Callable

from mlmodels.errors import NotReproducible
from mlmodels.limits import MODEL_BYTES_MAX
from mlmodels.models import TrainedModel
from mlmodels.operations.pending_files import work_folder
from mlmodels.operations.training import replay_arguments
from mlmodels.worker import assignment as messages
from mlmodels.worker.assignment import TrainingAssignment
from mlmodels.worker.process import WorkProcess, start_fork_server
from mlmodels.worker.supervision import resources_of_a_job
from mlplatform.core import storage
from mlplatform.core.files import sha256_of


def is_reproduced(model: TrainedModel, on_progress: Callable[[float, str], None]) -> bool:
    """Whether the same file, plan and candidates make the same model, bit for bit. Nothing is kept."""
    if model.dataset is None or model.run is None:
        raise NotReproducible(
            f'The dataset or the training run of "{model.name}" was deleted, so it cannot be made again.'
        )
    start_fork_server()
    part, copy = (work_folder() / f"{model.uuid}.again{suffix}" for suffix in (".part", ".csv"))
    table = storage.local_copy(model.dataset.file.name, copy=copy, sha256=model.dataset.sha256)
    try:
        with table as path:
            carry_out(model, path, str(part), on_progress)
        with part.open("rb") as handle:
            return sha256_of(handle) == model.sha256
    except FileNotFoundError:
        raise NotReproducible(f'The file of the dataset of "{model.name}" is missing.') from None
    finally:
        part.unlink(missing_ok=True)


def carry_out(model: TrainedModel, path: str, part: str, on_progress) -> None:
    """In a process of its own, as the first time: threads and libraries are loaded in the same way."""
    assignment = TrainingAssignment(
        model_uuid=str(model.uuid),
        table_path=path,
        part_path=part,
        **replay_arguments(model.run),
        **resources_of_a_job(),
        file_bytes_max=MODEL_BYTES_MAX,
    )
    child = WorkProcess(assignment)
    try:
        while not child.is_over:
            for message in child.messages(seconds=1):
                match message["kind"]:
                    case messages.PROGRESS:
                        on_progress(message["progress"], message["note"])
                    case messages.DONE:
                        return
                    case messages.REFUSED:
                        raise NotReproducible(
                            message["message"] or "A limit of the training run was reached."
                        )
        raise NotReproducible("The training stopped with an internal error.")
    finally:
        child.kill()
