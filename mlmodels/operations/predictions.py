"""Paid predictions: compute first, then one transaction that charges and stores, or neither.

This is the hot path. Once a model is loaded, nothing is read from the database before that transaction: the
columns and the scorer come from memory.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.conf import settings
from django.db import IntegrityError

from billing import idempotency as idempotency_keys
from billing import operations as billing
from mlmodels.errors import ModelUnusable, PredictionRefused
from mlmodels.learning import scoring, tables
from mlmodels.learning.tables import TableRefused
from mlmodels.learning.tables.dialect import Dialect, sniff_dialect
from mlmodels.learning.tables.encoding import sniff_encoding
from mlmodels.learning.tables.rows import open_rows
from mlmodels.learning.trainers import NUMBER, Feature
from mlmodels.limits import BATCH_ROWS_MAX, LOADED_MODELS_BYTES_MAX
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations import model_files
from mlplatform.core.errors import InvalidInput, NotFound, TooLarge
from mlplatform.core.storable import is_storable
from mlplatform.core.transactions import atomic_with_retry

PRUNED_AT_ONCE = 1000  # rows of one transaction


@dataclass(frozen=True)
class LoadedModel:
    """What predicts for a model: how its rows are read, and what scores them."""

    names: list[str]
    reader: tables.RowReader
    scorer: object
    nbytes: int
    threshold: float | None = None
    wanted: object = None  # the class that is predicted from the threshold on

    def answer(self, features: Mapping) -> tuple[dict, dict]:
        """The row as it was read, and the model's output for it."""
        row = self.reader.read(features)
        given = row[: len(self.names)]  # without the derived columns behind them
        _refuse_unstorable(self.names, given)
        output = self.scorer.predict_as_dict(row)
        if self.threshold is not None:
            output["prediction"] = self._decide(output["probabilities"])
        if isinstance(output["prediction"], float) and not math.isfinite(output["prediction"]):
            raise PredictionRefused(
                "The prediction for these values is not a finite number. Some may be far too large."
            )
        return dict(zip(self.names, map(_as_json, given), strict=True)), output

    def _decide(self, probabilities: dict):
        if probabilities[str(self.wanted)] >= self.threshold:
            return self.wanted
        return next(label for label in self.scorer.classes if label != self.wanted)


LOADED = scoring.ScorerCache(LOADED_MODELS_BYTES_MAX)


def predict(
    *,
    owner,
    model: TrainedModel,
    features: Mapping,
    idempotency: idempotency_keys.IdempotentRequest | None = None,
    answer: Callable[[Prediction], dict] | None = None,
) -> Prediction:
    """One prediction, charged and stored. Refused input costs nothing and names every unusable column.

    `model` may come from `find_for_scoring`. With `idempotency`, `answer` makes the body that is stored with
    the key; a repeated request raises RequestRepeated, and nothing is charged.
    """
    prediction = _predicted(owner, model, load(model).answer(features))
    _charge_and_store([prediction], idempotency, answer(prediction) if answer else None)
    return prediction


def predict_rows(
    *,
    owner,
    model: TrainedModel,
    rows: Sequence[Mapping],
    row_numbers: Sequence[int] | None = None,
    on_answered: Callable[[list[Prediction]], None] | None = None,
) -> list[Prediction]:
    """A prediction per row, each charged like a single one; all or none. Refusals name the row, else from 1.

    `on_answered` gets the predictions before anything is charged. If it raises, nothing is.
    """
    if len(rows) > BATCH_ROWS_MAX:
        raise TooLarge(f"At most {BATCH_ROWS_MAX:,} rows can be predicted at once; these are {len(rows):,}.")
    loaded = load(model)
    numbered = zip(row_numbers or range(1, len(rows) + 1), rows, strict=True)
    predictions = [_predicted(owner, model, _answer_row(loaded, *row)) for row in numbered]
    if on_answered:
        on_answered(predictions)
    if predictions:
        _charge_and_store(predictions)
    return predictions


def load(model: TrainedModel) -> LoadedModel:
    """The model in memory; it is loaded if it is not there yet."""
    try:
        return LOADED.get(_key(model), lambda: _load(model))
    except (TrainedModel.DoesNotExist, ModelUnusable):
        if TrainedModel.objects.filter(pk=model.pk).exists():
            raise
        raise NotFound("This model was deleted.") from None


def price_of(rows: int) -> int:
    return rows * settings.PREDICTION_TOKEN_COST


def forget(model: TrainedModel) -> None:
    """Removes the model from this process's memory. Other processes no longer find its row, and evict it."""
    LOADED.drop(_key(model))


def _key(model: TrainedModel) -> tuple:
    """With the threshold, so that a change of it is seen in every process."""
    return model.uuid, model.sha256, model.threshold


def _load(model: TrainedModel) -> LoadedModel:
    columns = [tables.Column.from_dict(column) for column in model.features]
    derived = [tables.Derived.from_dict(column) for column in model.derived]
    features = [Feature(column.name, column.role) for column in columns]
    features += [Feature(column.name, NUMBER) for column in derived]
    pipeline = model_files.load_pipeline(model)
    scorer = scoring.compile_pipeline(pipeline, features) if model.is_compiled else None
    scorer = scorer or scoring.pipeline_scorer(pipeline, features)
    names = [column.name for column in columns]
    reader = tables.RowReader(columns, derived)
    if model.threshold is None:
        return LoadedModel(names, reader, scorer, scorer.nbytes)
    wanted = model.report["thresholds"]["label"]
    return LoadedModel(names, reader, scorer, scorer.nbytes, model.threshold, wanted)


def _answer_row(loaded: LoadedModel, number: int, features: Mapping) -> tuple[dict, dict]:
    try:
        return loaded.answer(features)
    except InvalidInput as refusal:
        message = f"Row {number:,}: {refusal.message}"
        raise type(refusal)(message, code=refusal.code, fields=refusal.fields) from None


def _predicted(owner, model: TrainedModel, answer: tuple[dict, dict]) -> Prediction:
    inputs, output = answer
    return Prediction(
        owner=owner,
        model=model,
        model_name=model.name,
        inputs=inputs,
        output=output,
        cost_tokens=settings.PREDICTION_TOKEN_COST,
    )


def _charge_and_store(predictions: list[Prediction], idempotency=None, body=None) -> None:
    """All or none."""
    try:
        _charge_and_insert(predictions, idempotency, body)
    except IntegrityError:
        if TrainedModel.objects.filter(pk=predictions[0].model_id).exists():
            raise
        raise NotFound("This model was just deleted.") from None


@atomic_with_retry
def _charge_and_insert(predictions: list[Prediction], idempotency, body) -> None:
    """A single paid prediction without a key needs no lock before its charge, which takes the same lock."""
    owner, price = predictions[0].owner, sum(prediction.cost_tokens for prediction in predictions)
    if idempotency or len(predictions) > 1 or not price:
        # Locked, so that no prediction is stored for a user who is being removed
        balance = billing.hold_account(user=owner)
        idempotency_keys.claim(user=owner, request=idempotency, reference=predictions[0].reference, body=body)
        if balance < price and len(predictions) > 1:  # the first charge would name the price of one
            raise billing.InsufficientTokens(
                f"{len(predictions):,} predictions cost {price:,} tokens and you have {balance:,}."
            )
    for prediction in predictions:
        prediction.insert()  # first: other requests of the user wait from the charge to the commit
        billing.charge(
            user=owner,
            amount=prediction.cost_tokens,
            reason="prediction",
            operation=prediction.reference,
            reference=prediction.reference,
        )


def _refuse_unstorable(names: list[str], row: list) -> None:
    for name, value in zip(names, row, strict=True):
        if not is_storable(value):
            raise PredictionRefused(
                f'"{name}" has characters that cannot be stored. Remove them.', field=name
            )


def _as_json(value):
    """A blank number is null: JSON has no NaN."""
    return None if value != value else value


def read_batch(table: BinaryIO) -> tuple[list[dict[str, str]], list[int]]:
    """The rows of a CSV file, at most as many as can be predicted at once, and their numbers in the file."""
    try:
        dialect = sniff_dialect(table)
    except TableRefused:  # a single column has no separator
        dialect = Dialect(sniff_encoding(table), ",")
    rows, numbers = [], []
    with open_rows(table, dialect) as opened:
        for chunk in opened.chunks():
            rows += (dict(zip(opened.header, row, strict=True)) for row in chunk.rows)
            numbers += chunk.row_numbers
            if len(rows) > BATCH_ROWS_MAX:
                raise TooLarge(f"At most {BATCH_ROWS_MAX:,} rows can be predicted at once. Split the file.")
    return rows, numbers


def answers_of(rows: list[dict], predictions: list[Prediction]) -> tuple[list[str], list[list]]:
    """Header and rows of the output file: the input, the prediction, and the probability of each class."""
    classes = list(predictions[0].output.get("probabilities", {}))
    header = [*rows[0], "prediction", *(f"probability of {name}" for name in classes)]
    outputs = [prediction.output for prediction in predictions]
    return header, [
        [*row.values(), output["prediction"], *(output["probabilities"][name] for name in classes)]
        for row, output in zip(rows, outputs, strict=True)
    ]


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
