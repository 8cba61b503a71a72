"""What can be done with a trained model, besides predicting with it."""

import re

from django.db import transaction
from django.utils import timezone

from mlmodels.errors import NameTaken
from mlmodels.limits import NAME_CHARACTERS_MAX
from mlmodels.models import TrainedModel
from mlmodels.operations import predictions
from mlmodels.operations.datasets import remove_with_file
from mlplatform.core.errors import InvalidInput

LABEL_CHARACTERS_MAX = 200
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


def rename_model(*, model: TrainedModel, label: str) -> TrainedModel:
    """Changes what people call it. Its name is part of addresses and stays."""
    label = label.strip()
    if len(label) > LABEL_CHARACTERS_MAX or not label.isprintable():
        raise InvalidInput(
            f"A label has at most {LABEL_CHARACTERS_MAX} characters, all printable.", field="label"
        )
    model.rename(label)
    return model


def delete_model(*, model: TrainedModel) -> None:
    """Row first, then the file: the other way round there could be a model that cannot answer."""
    with transaction.atomic():
        remove_with_file(model)
        transaction.on_commit(lambda: predictions.forget(model))


def model_name_for(*, owner, algorithm: str, wanted: str = "") -> str:
    """The wanted name in the owner's own name space, or a new automatic one when none is wanted."""
    wanted = wanted.strip()
    return _custom(owner, wanted) if wanted else _automatic(owner, algorithm)


def refuse_taken(name: str) -> None:
    if TrainedModel.objects.filter(name=name).exists():
        raise taken(name)


def taken(name: str) -> NameTaken:
    return NameTaken(f'There is a model called "{name}" already. Choose another name.', field="model_name")


def _automatic(owner, algorithm: str) -> str:
    now = timezone.now()
    return f"{owner.pk}_{algorithm}_{now:%Y%m%d_%H%M%S_%f}"


def _custom(owner, wanted: str) -> str:
    if len(wanted) > NAME_CHARACTERS_MAX:
        raise InvalidInput(
            f"A model name has at most {NAME_CHARACTERS_MAX} characters; this one has {len(wanted)}.",
            field="model_name",
        )
    return f"{owner.pk}_{NOT_IN_A_NAME.sub('_', wanted)}"
