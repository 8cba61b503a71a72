"""Finds what an address names among the visitor's own: another's is as unknown as what never was."""

from django.shortcuts import get_object_or_404


def owned_dataset(request, uuid):
    return get_object_or_404(request.user.datasets, uuid=uuid)


def owned_run(request, uuid):
    return get_object_or_404(request.user.training_runs.select_related("dataset", "trained_model"), uuid=uuid)


def owned_model(request, name):
    return get_object_or_404(request.user.trained_models.select_related("dataset", "run"), name=name)
