"""The names of models: part of addresses, unique over all people, never changed."""

import re

from django.utils import timezone

from mlmodels.errors import NameTaken
from mlmodels.limits import NAME_CHARACTERS_MAX
from mlmodels.models import TrainedModel
from mlplatform.core.errors import InvalidInput

NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


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
