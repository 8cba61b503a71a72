"""Predictions for the rows of a CSV: all of them, or none and nothing charged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from mlmodels.learning.tables import TableRefused
from mlmodels.learning.tables.dialect import Dialect, sniff_dialect
from mlmodels.learning.tables.encoding import sniff_encoding
from mlmodels.learning.tables.rows import open_rows
from mlmodels.limits import BATCH_ROWS_MAX
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations.predictions import predict_rows
from mlplatform.core.errors import TooLarge


@dataclass(frozen=True)
class Batch:
    """The rows of a table as texts, and the number of each as a spreadsheet shows it."""

    header: list[str]
    rows: list[list[str]]
    row_numbers: list[int]


def read_batch(table: BinaryIO) -> Batch:
    """Reads at most as many rows as can be predicted at once; a table of one column is fine."""
    rows, numbers = [], []
    with open_rows(table, _dialect(table)) as opened:
        for chunk in opened.chunks():
            rows += chunk.rows
            numbers += chunk.row_numbers
            if len(rows) > BATCH_ROWS_MAX:
                raise TooLarge(f"At most {BATCH_ROWS_MAX:,} rows can be predicted at once. Split the table.")
    return Batch(opened.header, rows, numbers)


def predict_batch(
    *, owner, model: TrainedModel, batch: Batch, on_answered: Callable[[list[Prediction]], None] | None = None
) -> list[Prediction]:
    """As `predict_rows`."""
    rows = [dict(zip(batch.header, row, strict=True)) for row in batch.rows]
    return predict_rows(
        owner=owner, model=model, rows=rows, row_numbers=batch.row_numbers, on_answered=on_answered
    )


def answers_of(batch: Batch, predictions: list[Prediction]) -> tuple[list[str], list[list]]:
    """Header and rows of the answered table: what was given, the prediction, and how likely each class is."""
    classes = list(predictions[0].output.get("probabilities", {}))
    header = [*batch.header, "prediction", *(f"probability of {name}" for name in classes)]
    return header, [
        [
            *row,
            prediction.output["prediction"],
            *(prediction.output["probabilities"][name] for name in classes),
        ]
        for row, prediction in zip(batch.rows, predictions, strict=True)
    ]


def _dialect(table: BinaryIO) -> Dialect:
    try:
        return sniff_dialect(table)
    except TableRefused:
        return Dialect(sniff_encoding(table), ",")
