"""Finds what a request names among the caller's own. Another's is as unknown as what never was."""

from mlmodels.models import TrainedModel
from mlplatform.core.errors import InvalidInput, NotFound


def owned_model(owner, name):
    return found(owner.trained_models.filter(name=name).first(), name)


def owned_model_for_scoring(owner, name):
    return found(TrainedModel.objects.find_for_scoring(owner, name), name)


def found(model, name):
    if model is None:
        raise NotFound(f'You have no model called "{name}". GET /api/trained lists yours.')
    return model


def owned_dataset(owner, name):
    """A data set by its id, or the newest of that name."""
    dataset = owner.datasets.called(name).newest_first().first()
    if dataset is None:
        raise InvalidInput(f'You have no data set called "{name}".', field="dataset")
    return dataset
