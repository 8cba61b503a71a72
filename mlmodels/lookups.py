"""Finds what a request names among the user's own rows. Another owner's row is a 404."""

import uuid

from mlmodels.models import Dataset, Prediction, TrainedModel, TrainingRun
from mlplatform.core.errors import InvalidInput, NotFound


def owned_dataset(user, dataset_uuid):
    return _found(
        Dataset.objects.owned_by(user).filter(uuid=dataset_uuid).first(), "You have no such dataset."
    )


def owned_run(user, run_uuid):
    runs = TrainingRun.objects.owned_by(user).select_related("dataset", "trained_model")
    return _found(runs.filter(uuid=run_uuid).first(), "You have no such training run.")


def owned_model(user, name):
    models = TrainedModel.objects.owned_by(user).select_related("dataset", "run")
    return _found(models.filter(name=name).first(), _no_model(name))


def owned_model_for_scoring(user, name):
    """Without the large columns: the first query of every prediction."""
    return _found(TrainedModel.objects.find_for_scoring(user, name), _no_model(name))


def owned_prediction(user, prediction_uuid):
    """`prediction_uuid` may come from a query string, where it can be anything."""
    try:
        uuid.UUID(str(prediction_uuid))
    except ValueError:
        raise NotFound("You have no such prediction.") from None
    predictions = Prediction.objects.owned_by(user).stored().select_related("model")
    return _found(predictions.filter(uuid=prediction_uuid).first(), "You have no such prediction.")


def dataset_called(user, name):
    """A dataset by its id, or the newest of that name."""
    dataset = Dataset.objects.owned_by(user).called(name).newest_first().first()
    if dataset is None:
        raise InvalidInput(f'You have no dataset called "{name}".', field="dataset")
    return dataset


def _found(row, message):
    if row is None:
        raise NotFound(message)
    return row


def _no_model(name):
    return f'You have no model called "{name}". GET /api/trained lists yours.'
