"""Values of a row outside the training data: the model still predicts, and the user is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlmodels.learning.trainers.plan import CATEGORY, NUMBER

DATE = "date"  # kinds of columns: whose numbers are Unix seconds,
BOOLEAN = "boolean"  # and whose numbers are 0 and 1
VALUE_CHARACTERS_MAX = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OutOfRangeValue:
    """`minimum` and `maximum` are the range of a number in training; both are None for an unseen category."""

    column: str
    value: float | str
    minimum: float | None = None
    maximum: float | None = None

    def message(self, kind: str = "", write: Callable[[float], str] | None = None) -> str:
        """What is unusual, in a sentence. `write` turns a number or a date into text, else as in ISO."""
        if self.minimum is None or self.maximum is None or isinstance(self.value, str):
            return f"{quoted(self.value)} was not seen in training."
        if kind == BOOLEAN:
            return f"Training had only {'no' if self.value else 'yes'} here."
        write = write or (written_date if kind == DATE else written_number)
        is_above = self.value > self.maximum
        value, end = write(self.value), write(self.maximum if is_above else self.minimum)
        if kind == DATE:
            compared, which = ("later", "latest") if is_above else ("earlier", "earliest")
            return f"{value} is {compared} than {end}, the {which} date in training."
        compared, which = ("above", "largest") if is_above else ("below", "smallest")
        return f"{value} is {compared} {end}, the {which} value in training."


def out_of_range_values(features: Sequence[dict], row: Mapping) -> list[OutOfRangeValue]:
    """Numbers outside the range of training, and categories it did not have.

    `features` come from `describe_features` on the training rows. Blanks are never out of range. Texts, and
    columns with more categories than are listed, are not checked.
    """
    found = []
    for feature in features:
        value = row.get(feature["name"])
        if value is None or value == "" or value != value or feature["role"] not in CHECKS:
            continue
        if out_of_range := CHECKS[feature["role"]](feature, value):
            found.append(out_of_range)
    return found


def out_of_range_warnings(features: Sequence[dict], row: Mapping, kinds: Mapping[str, str]) -> list[dict]:
    """`column` and `message` of each value, as the API gives them; `kinds` are those of the columns."""
    return [
        {"column": found.column, "message": found.message(kinds.get(found.column, ""))}
        for found in out_of_range_values(features, row)
    ]


def out_of_range_number(feature: dict, value: float) -> OutOfRangeValue | None:
    low, high = feature["minimum"], feature["maximum"]
    if low is None or low <= value <= high:
        return None
    return OutOfRangeValue(feature["name"], value, low, high)


def unseen_category(feature: dict, value: str) -> OutOfRangeValue | None:
    is_complete = len(feature["categories"]) == feature["distinct"]
    if not is_complete or value in {category for category, _ in feature["categories"]}:
        return None
    return OutOfRangeValue(feature["name"], value)


CHECKS = {NUMBER: out_of_range_number, CATEGORY: unseen_category}


def written_number(value: float) -> str:
    """With separators, and without an exponent where people would not write one."""
    is_usual = value == 0 or 1e-4 <= abs(value) < 1e15
    text = f"{value:,.10g}" if is_usual else f"{value:g}"
    return f"{value:,.0f}" if is_usual and "e" in text else text


def written_date(seconds: float) -> str:
    """The day, and the time where there is one."""
    moment = _EPOCH + timedelta(seconds=seconds)
    is_midnight = moment.time() == moment.min.time()
    return moment.strftime("%Y-%m-%d") if is_midnight else moment.strftime("%Y-%m-%d %H:%M")


def quoted(value: object) -> str:
    text = str(value)
    return f"“{text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 1] + '…'}”"
