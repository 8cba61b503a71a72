"""Actual values of stored predictions, one or a file of them. Free, and can be corrected."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from django.utils import timezone

from mlmodels.errors import ModelGone
from mlmodels.learning import tables
from mlmodels.learning.tables.dialect import sniff_dialect
from mlmodels.learning.tables.rows import open_rows
from mlmodels.learning.trainers import REGRESSION
from mlmodels.limits import ACTUALS_ROWS_MAX
from mlmodels.models import Prediction, TrainedModel
from mlmodels.models.ownership import is_uuid
from mlplatform.core.errors import DomainError, InvalidInput, NotFound, TooLarge
from mlplatform.core.text import plural

ID_NAMES = ("prediction", "prediction_id", "id")
VALUE_NAMES = ("actual", "actual_value", "value")
ROWS_AT_ONCE = 500
CLASSES_NAMED_MAX = 10
REFUSED_SHOWN_MAX = 20


@dataclass
class RecordedActuals:
    """How many were recorded, how many rows were not, and why the first of those were not."""

    recorded: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        recorded = f"{plural(self.recorded, 'actual value')} recorded."
        if not self.refused:
            return recorded
        return f"{recorded} {plural(self.refused, 'row')} could not be recorded; see below."

    def refuse(self, row_number: int, reason: str) -> None:
        self.refused += 1
        if len(self.reasons) < REFUSED_SHOWN_MAX:
            self.reasons.append(f"Row {row_number:,}: {reason}")


def record_actual(*, prediction: Prediction, value) -> Prediction:
    """Refuses what the model could not have predicted: text for a number, or an unknown class."""
    if prediction.model is None:
        raise ModelGone("The model of this prediction was deleted, so its actual value cannot be compared.")
    prediction.actual = read_actual(prediction.model, value)
    prediction.actual_at = timezone.now()
    changed = {"actual": prediction.actual, "actual_at": prediction.actual_at}
    if not Prediction.objects.stored().filter(pk=prediction.pk).update(**changed):
        raise NotFound("This prediction was just erased.")
    return prediction


def record_actuals(*, owner, table: BinaryIO, model: TrainedModel | None = None) -> RecordedActuals:
    """Reads a CSV with the id and the actual value of a prediction in each row.

    With `model`, only its predictions count. Rows that cannot be used are reported; the others are recorded.
    """
    found = RecordedActuals()
    predictions = Prediction.objects.owned_by(owner).stored().filter(model__isnull=False)
    if model is not None:
        predictions = predictions.filter(model=model)
    models: dict[int, TrainedModel] = {}
    listed = list(_rows(table))
    for start in range(0, len(listed), ROWS_AT_ONCE):
        rows = listed[start : start + ROWS_AT_ONCE]
        uuids = [uuid for _, uuid, _ in rows if is_uuid(uuid)]
        known = {str(row.uuid): row for row in predictions.filter(uuid__in=uuids).only("uuid", "model_id")}
        models |= TrainedModel.objects.in_bulk({row.model_id for row in known.values()} - models.keys())
        _record(known, models, rows, found)
    return found


def _record(known: dict, models: dict, rows, found: RecordedActuals) -> None:
    changed = {}
    for number, uuid, value in rows:
        prediction = known.get(uuid.lower())
        if prediction is None or prediction.model_id not in models:  # its model may just have been deleted
            found.refuse(number, f"There is no prediction {uuid[:40]!r}.")
            continue
        try:
            prediction.actual = read_actual(models[prediction.model_id], value)
        except DomainError as refused:
            found.refuse(number, refused.message)
            continue
        prediction.actual_at = timezone.now()
        changed[prediction.pk] = prediction
        found.recorded += 1
    Prediction.objects.stored().bulk_update(changed.values(), ["actual", "actual_at"])


def _rows(table: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """The number of each row, the id and the value; rows without a value are skipped."""
    with open_rows(table, sniff_dialect(table)) as opened:
        names = [name.strip().casefold() for name in opened.header]
        id_place, value_place = _place_of(ID_NAMES, names), _place_of(VALUE_NAMES, names)
        count = 0
        for chunk in opened.chunks():
            count += len(chunk)
            if count > ACTUALS_ROWS_MAX:
                raise TooLarge(f"A file may hold {ACTUALS_ROWS_MAX:,} actual values. Split it.")
            for number, row in zip(chunk.row_numbers, chunk.rows, strict=True):
                if value := row[value_place].strip():
                    yield number, row[id_place].strip(), value


def _place_of(wanted: tuple[str, ...], names: list[str]) -> int:
    for name in wanted:
        if name in names:
            return names.index(name)
    raise InvalidInput(
        f"The file needs two columns: {ID_NAMES[0]} with the id of a prediction, and {VALUE_NAMES[0]} with "
        "its actual value.",
        field="file",
    )


def read_actual(model: TrainedModel, value):
    """A number, or the class as the model spells it."""
    column = tables.Column.from_dict(model.target)
    try:
        [typed] = tables.RowReader([column]).read({column.name: value})
    except tables.TableRefused as refused:
        raise InvalidInput(refused.message, field="value") from None
    if typed == "" or typed != typed:
        raise InvalidInput("Enter the actual value.", field="value")
    if model.task != REGRESSION:
        return _class_of(column, typed, model.report["confusion_matrix"]["labels"])
    if isinstance(value, bool):
        raise InvalidInput(f"{column.name} is a number; {str(value).lower()} is not.", field="value")
    return typed


def _class_of(column: tables.Column, typed, classes: list):
    if column.kind == "boolean" and not column.format["true"].isdigit():
        typed = column.format["true" if typed else "false"]
    for label in classes:
        is_same = (
            str(label).casefold() == typed.casefold() if isinstance(typed, str) else float(label) == typed
        )
        if is_same:
            return label
    more = ", …" if len(classes) > CLASSES_NAMED_MAX else ""
    named = ", ".join(map(str, classes[:CLASSES_NAMED_MAX])) + more
    raise InvalidInput(
        f"{str(typed)[:100]} is none of the classes that this model knows: {named}.", field="value"
    )
