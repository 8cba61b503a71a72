"""Predictions with their reasons, and free variations of a row that was paid for."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from billing.idempotency import IdempotentRequest, earlier_answer_first
from mlmodels.errors import VariationRefused
from mlmodels.limits import VARIATION_COLUMNS_MAX, VARIATION_MINUTES, VARIATIONS_MAX
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations import predictions


def explain(
    *,
    owner,
    model: TrainedModel,
    features: Mapping,
    idempotency: IdempotentRequest | None = None,
    body_of: Callable[[Prediction], dict] | None = None,
) -> Prediction:
    """As `predictions.predict`, with `explanation` in the output; see `ServedModel.explain`."""
    with earlier_answer_first(user=owner, request=idempotency):
        inputs, output = predictions.answered(model, features)
        output["explanation"] = _explanation(model, inputs, output)
    prediction = predictions.to_be_stored(owner, model, inputs, output)
    predictions.charge_and_store([prediction], idempotency, body_of and body_of(prediction))
    return prediction


def vary(*, prediction: Prediction, features: Mapping) -> Prediction:
    """A variation of a paid row, not stored, with its `difference` to the paid one in the output; free.

    A prediction allows VARIATIONS_MAX of them within VARIATION_MINUTES, each with a few columns changed. For
    classes the difference is that of the probability of the class that was predicted first.
    """
    inputs, output = predictions.answered(prediction.model, features)
    changed = [name for name, value in inputs.items() if value != prediction.inputs.get(name)]
    if len(changed) > VARIATION_COLUMNS_MAX:
        raise VariationRefused(
            f"A variation changes at most {VARIATION_COLUMNS_MAX} columns of the row; this one changes "
            f"{len(changed)}. Predict it as a row of its own."
        )
    label = prediction.output["prediction"]
    output["explanation"] = _explanation(prediction.model, inputs, output, label)
    output["difference"] = _explained(output, label) - _explained(prediction.output, label)
    _use_one(prediction)
    return predictions.to_be_stored(prediction.owner, prediction.model, inputs, output)


def explanation_of(*, prediction: Prediction) -> dict:
    """The reasons of a stored prediction; free."""
    found = prediction.output.get("explanation")
    return found or _explanation(prediction.model, prediction.inputs, prediction.output)


def _explanation(model: TrainedModel, inputs: dict, output: dict, label=None) -> dict:
    label = output["prediction"] if label is None else label
    loaded = predictions.load(model)
    return loaded.explain(loaded.read(inputs), label if "probabilities" in output else None)


def _explained(output: dict, label) -> float:
    """The number that is predicted, or the probability of the label."""
    return output["probabilities"][str(label)] if "probabilities" in output else output["prediction"]


def _use_one(prediction: Prediction) -> None:
    """Counted in the database, so that concurrent requests cannot exceed the limit."""
    still_free = Prediction.objects.filter(
        pk=prediction.pk,
        variations__lt=VARIATIONS_MAX,
        created_at__gt=timezone.now() - timedelta(minutes=VARIATION_MINUTES),
    )
    if not still_free.update(variations=F("variations") + 1):
        raise VariationRefused(
            f"Variations of a prediction are free for {VARIATION_MINUTES} minutes, {VARIATIONS_MAX} at most. "
            "Predict the row again to go on."
        )
