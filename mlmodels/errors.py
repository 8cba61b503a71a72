"""Refusals of the operations on datasets, trainings, models and predictions."""

from mlplatform.core.errors import Conflict, InvalidInput, NotFound, TooManyRequests


class NameTaken(Conflict):
    code = "name_taken"


class TooManyOpenRuns(TooManyRequests):
    code = "too_many_runs"


class TooManyCancelledRuns(TooManyRequests):
    code = "too_many_cancelled_runs"


class RoomExceeded(Conflict):
    """The user has as many datasets, bytes or models as one user may have."""

    code = "room_exceeded"


class DatasetInUse(Conflict):
    code = "dataset_in_use"


class RunEnded(Conflict):
    code = "run_ended"


class ModelUnusable(Conflict):
    """The file of a model is missing, altered, or made by library versions that are not installed here."""

    code = "model_unusable"


class UnknownColumn(InvalidInput):
    code = "unknown_column"


class UnknownSample(NotFound):
    code = "unknown_sample"


class PredictionRefused(InvalidInput):
    """The values are of the right kinds and this model has no usable answer for them."""

    code = "no_usable_prediction"
