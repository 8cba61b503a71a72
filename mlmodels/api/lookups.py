"""Finds what a request names among the caller's own. Another's is as unknown as what never was."""

import uuid

from django.db.models import Q

from mlplatform.errors import InvalidInput, NotFound


def owned_model(models, name):
    """`models` are the caller's own, as `request.user.trained_models` has them."""
    model = models.filter(name=name).first()
    if model is None:
        raise NotFound(f'You have no model called "{name}". GET /api/trained lists yours.')
    return model


def owned_dataset(owner, name):
    """A data set by its id, or the newest of that name."""
    named = Q(name=name)
    if is_uuid(name):
        named |= Q(uuid=name)
    dataset = owner.datasets.filter(named).newest_first().first()
    if dataset is None:
        raise InvalidInput(f'You have no data set called "{name}".', field="dataset")
    return dataset


def is_uuid(text):
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
