"""Trained models: rename, set the threshold, delete, and find names for new ones."""

import re
import unicodedata
from itertools import count
from pathlib import PurePath

from django.db import transaction
from django.utils import timezone

from billing import operations as billing
from mlmodels.errors import ModelInUse
from mlmodels.limits import MODEL_NAME_CHARACTERS_MAX
from mlmodels.models import Dataset, ModelAlias, TrainedModel, TrainingRun, add_owner, remove_owner
from mlmodels.operations import predictions
from mlmodels.operations.datasets import remove_with_file
from mlplatform.core.errors import InvalidInput, NotFound
from mlplatform.core.transactions import atomic_with_retry

LABEL_CHARACTERS_MAX = 200
SHORT_NAME_CHARACTERS_MAX = 40
VERSION_IN_A_NAME = re.compile(r"_v?[0-9]{1,3}$")
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


@atomic_with_retry
def change_model(*, model: TrainedModel, **sent) -> TrainedModel:
    """`label`, `threshold` or both. If one is refused, nothing is changed."""
    if "label" in sent:
        rename_model(model=model, label=sent["label"])
    if "threshold" in sent:
        set_threshold(model=model, threshold=sent["threshold"])
    return model


def rename_model(*, model: TrainedModel, label: str) -> TrainedModel:
    """Changes the label that pages show. The name is part of URLs and stays."""
    label = label.strip()
    if len(label) > LABEL_CHARACTERS_MAX or not label.isprintable():
        raise InvalidInput(
            f"A name has at most {LABEL_CHARACTERS_MAX} characters, all of them printable.", field="label"
        )
    return _changed(model, label=label)


def check_has_threshold(*, model: TrainedModel) -> None:
    if not model.has_threshold:
        raise InvalidInput("Only a model that tells two classes apart has a threshold.", field="threshold")


def set_threshold(*, model: TrainedModel, threshold: float | None) -> TrainedModel:
    """From which probability the class that the report's thresholds are about is predicted; None for 50 %."""
    check_has_threshold(model=model)
    if threshold is not None and not 0 < threshold < 1:
        raise InvalidInput("A threshold is above 0 and below 1, such as 0.3.", field="threshold")
    return _changed(model, threshold=threshold)


def _changed(model: TrainedModel, **values) -> TrainedModel:
    """Another request may have deleted the model since it was looked up."""
    if not TrainedModel.objects.filter(pk=model.pk).update(**values):
        raise NotFound("This model was just deleted.")
    for name, value in values.items():
        setattr(model, name, value)
    return model


@atomic_with_retry
def delete_model(*, model: TrainedModel) -> None:
    """Deletes the row first, then the file: the other way round could leave a model without its file.

    Refused while the model has an alias, since programs may call it, and while a batch needs it.
    """
    billing.lock_account(account_id=model.owner_id)
    if name := model.aliases.values_list("name", flat=True).first():
        raise ModelInUse(
            f'"{model}" answers under the name "{name}". Promote another model to that name, or remove the '
            "name, and then delete the model."
        )
    # The lock keeps batches from being started until this is committed
    is_there = TrainedModel.objects.select_for_update().filter(pk=model.pk).exists()
    if is_there and model.batches.open().exists():
        raise ModelInUse(
            "A file is being predicted with this model. Wait for it to end, or cancel it if it is yours."
        )
    remove_with_file(model)
    transaction.on_commit(lambda: predictions.forget(model))


def model_name_for(*, owner, algorithm: str, wanted: str = "") -> str:
    """The wanted name after the owner's number; without one, a name from algorithm, date and time."""
    name = clean_model_name(wanted) or f"{algorithm}_{timezone.now():%Y%m%d_%H%M%S_%f}"
    return add_owner(name, owner.pk)


def free_name(dataset: Dataset, algorithm: str) -> str:
    """For a model that nobody named, without the owner's number: houses or houses_2, after its dataset."""
    plain = unicodedata.normalize("NFKD", PurePath(dataset.name).stem).encode("ascii", "ignore").decode()
    stem = re.sub("_+", "_", NOT_IN_A_NAME.sub("_", plain.lower())).strip("_")[:SHORT_NAME_CHARACTERS_MAX]
    return _first_free(stem or algorithm, dataset.owner_id)


def successor_name(model: TrainedModel) -> str:
    """For the model that is trained as this one was, without the owner's number: houses_2 after houses."""
    stem = VERSION_IN_A_NAME.sub("", remove_owner(model.name, model.owner_id))
    return _first_free(stem[: MODEL_NAME_CHARACTERS_MAX - 6], model.owner_id, least=2)


def _first_free(stem: str, owner_id: int, least: int = 1) -> str:
    """The stem or, with the next number, what no model, alias or open training run is called."""
    beginning = add_owner(stem, owner_id)
    runs = TrainingRun.objects.open().filter(model_name__startswith=beginning)
    taken = set(runs.values_list("model_name", flat=True))
    for named in (TrainedModel, ModelAlias):
        taken.update(named.objects.filter(name__startswith=beginning).values_list("name", flat=True))
    candidates = (stem if number == 1 else f"{stem}_{number}" for number in count(least))
    return next(candidate for candidate in candidates if add_owner(candidate, owner_id) not in taken)


def is_name_free(name: str) -> bool:
    """Also of the names that open training runs have reserved."""
    return not (is_name_taken(name) or TrainingRun.objects.open().filter(model_name=name).exists())


def is_name_taken(name: str) -> bool:
    """By a model or an alias."""
    return any(rows.objects.filter(name=name).exists() for rows in (TrainedModel, ModelAlias))


def clean_model_name(wanted: str, field: str = "model_name") -> str:
    """As it can be part of a URL; the empty text stays empty."""
    wanted = wanted.strip()
    if len(wanted) > MODEL_NAME_CHARACTERS_MAX:
        raise InvalidInput(
            f"A model name has at most {MODEL_NAME_CHARACTERS_MAX} characters; this one has {len(wanted)}.",
            field=field,
        )
    return NOT_IN_A_NAME.sub("_", wanted)
