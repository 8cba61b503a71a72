"""Imports a model from a skops file that `exports` has written, and signs it like one trained here."""

import uuid

from billing import operations as billing
from mlmodels.errors import NameTaken, RoomExceeded
from mlmodels.learning import model_files as file_format
from mlmodels.learning import scoring, skops_files
from mlmodels.learning.serving import ServedModel, features_of
from mlmodels.learning.skops_files import UNREADABLE, NotImportable
from mlmodels.learning.tables import Column, Derived
from mlmodels.limits import MODELS_MAX
from mlmodels.models import Task, TrainedModel, model_path
from mlmodels.operations import model_files, pending_files, predictions
from mlmodels.operations.exports import EXPORTED_FIELDS
from mlmodels.operations.trained_models import LABEL_CHARACTERS_MAX, is_name_free, model_name_for
from mlplatform.core.errors import DomainError, Unavailable
from mlplatform.core.transactions import atomic_with_retry


def import_model(*, owner, data: bytes, name: str = "") -> TrainedModel:
    """A model of `owner` from the bytes of a skops file; free. Refused, it leaves neither row nor file.

    It has neither dataset nor training run, so it predicts, and cannot be trained again.
    """
    pipeline, facts = skops_files.read(data)
    model = _described(owner, facts, name)
    _check_that_it_predicts(model, pipeline)
    stored_as = model_path(model, f"{model.uuid}.joblib")
    part = pending_files.work_folder() / f"{model.uuid}.part"
    try:
        file_format.write(pipeline, part)
        pending_files.register(name=stored_as)
        model_files.keep_file(model=model, part=part, name=stored_as)
        _insert_or_remove_file(model)
    finally:
        part.unlink(missing_ok=True)
    return model


def _described(owner, facts: dict, name: str) -> TrainedModel:
    missing = [field for field in ("name", *EXPORTED_FIELDS) if field not in facts]
    if missing:
        raise NotImportable(f"The description in the file lacks: {', '.join(missing)}.")
    described = {field: facts[field] for field in EXPORTED_FIELDS}
    algorithm, label = str(facts["algorithm"])[:40], str(facts["label"])[:LABEL_CHARACTERS_MAX]
    wanted = model_name_for(owner=owner, algorithm=algorithm, wanted=name or str(facts["name"]))
    described |= {"algorithm": algorithm, "label": label, "name": wanted}
    return TrainedModel(uuid=uuid.uuid4(), owner=owner, **described)


def _check_that_it_predicts(model: TrainedModel, pipeline) -> None:
    """Also verifies its compiled scorer again, since the file cannot be trusted to say so."""
    try:
        columns = [Column.from_dict(column) for column in model.features]
        derived = [Derived.from_dict(column) for column in model.derived]
        rows = skops_files.trial_rows(columns, derived, model.report["features"])
        scorer = scoring.compile_pipeline(pipeline, features_of(columns, derived))
        model.is_compiled = scorer is not None and scoring.verify(scorer, pipeline, rows)
        ServedModel(pipeline, predictions.facts_of(model)).answer(rows.iloc[0].tolist())
        has_target = bool(Column.from_dict(model.target).name)
        has_threshold = model.threshold is None or 0 < model.threshold < 1
    except (DomainError, AssertionError, IndexError, *UNREADABLE) as error:
        raise NotImportable(f"The model in this file does not predict ({type(error).__name__}).") from error
    if not (has_target and has_threshold and model.task == task_of(pipeline)):
        raise NotImportable("The description in the file is not that of its model.")


def task_of(pipeline) -> Task:
    return Task.CLASSIFICATION if hasattr(pipeline, "classes_") else Task.REGRESSION


def _insert_or_remove_file(model: TrainedModel) -> None:
    try:
        _insert(model)
    except BaseException:
        pending_files.remove(name=model.file.name)
        raise


@atomic_with_retry
def _insert(model: TrainedModel) -> None:
    billing.hold_account(user=model.owner)
    if TrainedModel.objects.owned_by(model.owner).count() >= MODELS_MAX:
        raise RoomExceeded(f"{model.owner} has {MODELS_MAX} models, the most allowed.")
    if not is_name_free(model.name):
        raise NameTaken(f'A model called "{model.name}" already exists. Choose another name.', field="name")
    model.save(force_insert=True)
    if not pending_files.confirm(name=model.file.name):
        raise Unavailable("The file was removed while it was being imported. Import it again.")
