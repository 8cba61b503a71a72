"""Paid predictions: compute first, then one transaction that charges and stores, or neither.

This is the hot path. Once a model is loaded, nothing is read from the database before that transaction: the
columns and the scorer come from memory.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from billing import idempotency as idempotency_keys
from billing.purchases import Condition, Purchase, Unconfirmed, buy
from mlmodels.errors import ModelUnusable, PredictionRefused
from mlmodels.learning.scoring import ScorerCache
from mlmodels.learning.serving import ModelFacts, ServedModel
from mlmodels.limits import (
    LOADED_MODELS_BYTES_MAX,
    QUICK_MODEL_BYTES_MAX,
    QUICK_ROWS_MAX,
    ROWS_AT_ONCE_MAX,
)
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations import model_cache, model_files
from mlplatform.core import event_loop, storage
from mlplatform.core.errors import InvalidInput, NotFound, TooLarge
from mlplatform.core.text import is_storable

PRUNED_AT_ONCE = 1000  # rows of one transaction

LOADED = ScorerCache(LOADED_MODELS_BYTES_MAX)


def predict(
    *,
    owner,
    model: TrainedModel,
    features: Mapping,
    idempotency: idempotency_keys.IdempotentRequest | None = None,
    body_of: Callable[[Prediction], dict] | None = None,
    confirmed_by: Sequence[Condition] = (),
) -> Prediction:
    """One prediction, charged and stored. Refused input costs nothing and names every unusable column.

    `model` may come from `find_for_scoring`. With `idempotency`, `body_of` makes the body that is stored with
    the key; a repeated request raises RequestRepeated, and nothing is charged. `confirmed_by` are conditions
    that an owner and a model from a cache must meet, else it raises Unconfirmed.
    """
    with idempotency_keys.earlier_answer_first(user=owner, request=idempotency):
        prediction = to_be_stored(owner, model, *answered(model, features))
    body = body_of(prediction) if idempotency and body_of else None
    charge_and_store([prediction], idempotency, body, confirmed_by)
    return prediction


def predict_rows(
    *,
    owner,
    model: TrainedModel,
    rows: Sequence[Mapping],
    level: float | None = None,
    idempotency: idempotency_keys.IdempotentRequest | None = None,
    body_of: Callable[[list[Prediction]], dict] | None = None,
    confirmed_by: Sequence[Condition] = (),
) -> list[Prediction]:
    """A prediction per row, each charged like a single one; all or none. Refusals name the row.

    `level` is that of intervals and sets. For the rest see `predict`.
    """
    if len(rows) > ROWS_AT_ONCE_MAX:
        raise TooLarge(
            f"At most {ROWS_AT_ONCE_MAX:,} rows can be predicted at once; these are {len(rows):,}."
        )
    if len(rows) > QUICK_ROWS_MAX:
        event_loop.leave()
    with idempotency_keys.earlier_answer_first(user=owner, request=idempotency):
        answers = (_answered_row(model, number, row, level) for number, row in enumerate(rows, 1))
        predictions = [to_be_stored(owner, model, *answer) for answer in answers]
    if predictions:
        body = body_of(predictions) if idempotency and body_of else None
        charge_and_store(predictions, idempotency, body, confirmed_by)
    return predictions


def answered(model: TrainedModel, features: Mapping, level: float | None = None) -> tuple[dict, dict]:
    """The row as it was read, and the model's output for it; nothing is charged or stored."""
    loaded = load(model)
    row = loaded.read(features)
    given = loaded.given(row)
    _refuse_unstorable(given)
    inputs = {name: _as_json(value) for name, value in given.items()}
    return inputs, loaded.answer(row, level=level, threshold=model.threshold)


def load(model: TrainedModel) -> ServedModel:
    """The model in memory; it is loaded if it is not there yet."""
    key = (model.uuid, model.sha256)
    loaded = LOADED.find(key)
    if loaded is None:
        event_loop.leave()
        loaded = _load(key, model)
    if not loaded.is_compiled or loaded.nbytes > QUICK_MODEL_BYTES_MAX:
        event_loop.leave()
    return loaded


def _load(key: tuple, model: TrainedModel) -> ServedModel:
    try:
        return LOADED.get(key, lambda: ServedModel(model_files.load_pipeline(model), facts_of(model)))
    except (TrainedModel.DoesNotExist, ModelUnusable):
        if TrainedModel.objects.filter(pk=model.pk).exists():
            raise
        raise NotFound("This model was deleted.") from None


def forget(model: TrainedModel) -> None:
    """Removes a deleted model from the memory of this process and the disk of this machine.

    Other processes evict it when they do not find its row.
    """
    LOADED.drop((model.uuid, model.sha256))
    if not storage.is_local():
        model_cache.drop(model.sha256)


def facts_of(model: TrainedModel) -> ModelFacts:
    return ModelFacts(
        columns=model.features,
        seen=model.report["features"],
        derived=model.derived,
        is_compiled=model.is_compiled,
        reliability=model.report.get("reliability"),
        threshold_label=(model.report.get("thresholds") or {}).get("label"),
    )


def to_be_stored(owner, model: TrainedModel, inputs: dict, output: dict) -> Prediction:
    return Prediction(
        owner=owner,
        model=model,
        model_name=model.name,
        inputs=inputs,
        output=output,
        cost_tokens=settings.PREDICTION_TOKEN_COST,
    )


def _answered_row(
    model: TrainedModel, number: int, features: Mapping, level: float | None
) -> tuple[dict, dict]:
    try:
        return answered(model, features, level)
    except InvalidInput as refusal:
        message = f"Row {number:,}: {refusal.message}"
        raise type(refusal)(message, code=refusal.code, fields=refusal.fields) from None


def charge_and_store(
    predictions: list[Prediction], idempotency=None, body=None, confirmed_by: Sequence[Condition] = ()
) -> None:
    """All or none. `body` is stored with the key of `idempotency`."""
    first = predictions[0]
    conditions = confirmed_by or [Condition(*TrainedModel.objects.still_usable(first.owner, first.model_id))]
    try:
        buy(Purchase(first.owner, predictions, "prediction", conditions, idempotency, body))
    except (Unconfirmed, IntegrityError) as error:
        still_usable = TrainedModel.objects.usable_by(first.owner).filter(pk=first.model_id).exists()
        if still_usable or (confirmed_by and isinstance(error, Unconfirmed)):
            raise
        raise NotFound("The model was just deleted, or is no longer shared with you.") from None


def _refuse_unstorable(inputs: dict) -> None:
    if not is_storable(inputs):
        name = next(name for name, value in inputs.items() if not is_storable(value))
        raise PredictionRefused(f'"{name}" holds characters that cannot be stored. Remove them.', field=name)


def _as_json(value):
    """A blank number is null: JSON has no NaN."""
    return None if value != value else value


def prune_outdated() -> dict[str, int]:
    """Erases what is older than PREDICTIONS_KEPT_DAYS, if that is set."""
    if not settings.PREDICTIONS_KEPT_DAYS:
        return {}
    before = timezone.now() - timedelta(days=settings.PREDICTIONS_KEPT_DAYS)
    return {"erased": prune_predictions(before=before)}


def prunable_predictions(*, before: datetime, owner=None):
    """Predictions made before that time whose contents are not erased; without `owner`, of all users."""
    predictions = Prediction.objects.owned_by(owner) if owner else Prediction.objects
    return predictions.stored().filter(created_at__lt=before)


def prune_predictions(
    *, before: datetime, owner=None, on_progress: Callable[[int], None] = lambda erased: None
) -> int:
    """Erases their contents and returns how many. Each batch is committed: it can be stopped and repeated."""
    predictions = prunable_predictions(before=before, owner=owner).order_by("pk")
    erased = last = 0
    while batch := list(predictions.filter(pk__gt=last).values_list("pk", flat=True)[:PRUNED_AT_ONCE]):
        erased += Prediction.objects.filter(pk__in=batch).erase()
        last = batch[-1]
        on_progress(erased)
    return erased
