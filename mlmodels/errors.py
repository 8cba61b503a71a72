"""Refusals about datasets, training runs, models and predictions."""

from mlplatform.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)


class NameTaken(Conflict):
    code = "name_taken"


class TooManyOpenRuns(TooManyRequests):
    code = "too_many_runs"


class TooManyOpenBatches(TooManyRequests):
    code = "too_many_batches"


class TooManyOpenUploads(TooManyRequests):
    code = "too_many_uploads"


class TooManyCancelledJobs(TooManyRequests):
    """The code is that of the kind of job: too_many_cancelled_runs, too_many_cancelled_batches."""

    code = "too_many_cancelled_runs"


class RoomExceeded(Conflict):
    """The user has as many datasets, bytes or models as allowed."""

    code = "room_exceeded"


class DatasetInUse(Conflict):
    code = "dataset_in_use"


class DatasetChanged(Conflict):
    code = "dataset_changed"


class ModelInUse(Conflict):
    """Another name stands for the model, or a batch needs it."""

    code = "model_in_use"


class NotAReplacement(Conflict):
    """The model cannot answer the requests that are sent to this name."""

    code = "not_a_replacement"


class ModelGone(Conflict):
    """The model that made the prediction was deleted, so nobody knows what an actual value of it may be."""

    code = "model_gone"


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"


class DeliveryRefused(Conflict):
    """This delivery is in progress, or has used up its attempts."""

    code = "delivery_refused"


class JobEnded(Conflict):
    """The code is that of the kind of job: run_ended, batch_ended."""

    code = "run_ended"


class BatchStarted(Conflict):
    code = "batch_started"


class BatchInUse(Conflict):
    code = "batch_in_use"


class NoAnswer(Conflict):
    """The batch has no result: it has not ended, it failed, or its files were removed."""

    code = "no_result"


class TrainingFailed(Unprocessable):
    """The request was valid, but the training run failed; it is refunded."""

    code = "training_failed"


class TrainingCancelled(Conflict):
    code = "training_cancelled"


class ModelUnusable(Conflict):
    """The file of the model is missing, altered, or from library versions that are not installed here."""

    code = "model_unusable"


class DatasetGone(Conflict):
    """No version is left of the dataset that the model was trained on."""

    code = "dataset_gone"


class UnknownColumn(InvalidInput):
    code = "unknown_column"


class UnknownSample(NotFound):
    code = "unknown_sample"


class PredictionRefused(InvalidInput):
    """The values are of the right kinds, but the model has no usable prediction for them."""

    code = "no_usable_prediction"


class VariationRefused(Conflict):
    """The free variations of a prediction are used up, or the row is no variation of it."""

    code = "no_free_variation"


class NotReproducible(Conflict):
    """What the model was made from is gone, or making it again failed."""

    code = "not_reproducible"


class ClusterUnavailable(Unavailable):
    """The Dask cluster cannot be reached, or was lost in mid-run."""

    code = "cluster_unavailable"
    message = "The compute cluster stopped answering before this was finished. Start it again later."


class ClusterDiffers(Unavailable):
    """Something on the Dask cluster has another version, so that figures and models could differ."""

    code = "cluster_differs"

    @classmethod
    def between(cls, here: dict[str, str], there: dict[str, str]) -> "ClusterDiffers":
        differing = [
            f"{name} {there[name]} instead of {version}" if name in there else f"{name} is missing"
            for name, version in here.items()
            if there.get(name) != version
        ]
        return cls(
            f"The compute cluster does not match this installation: {', '.join(differing)}. "
            "An administrator has to update it."
        )
