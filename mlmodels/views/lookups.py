"""Finds what an address names among the visitor's own: another's is as unknown as what never was."""

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404


def owned_dataset(request, uuid):
    return get_object_or_404(request.user.datasets, uuid=uuid)


def owned_run(request, uuid):
    return get_object_or_404(request.user.training_runs.select_related("dataset", "trained_model"), uuid=uuid)


def owned_model(request, name):
    return get_object_or_404(request.user.trained_models.select_related("dataset", "run"), name=name)


def owned_prediction(request, uuid):
    """`uuid` may come from a query string, where it can be anything."""
    try:
        return get_object_or_404(request.user.predictions.stored().select_related("model"), uuid=uuid)
    except ValidationError:
        raise Http404 from None
