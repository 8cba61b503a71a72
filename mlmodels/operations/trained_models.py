"""What can be done with a trained model, besides predicting with it."""

from django.db import transaction

from mlmodels.models import TrainedModel
from mlmodels.operations import predictions
from mlmodels.operations.datasets import remove_with_file
from mlplatform.core.errors import InvalidInput

LABEL_CHARACTERS_MAX = 200


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
