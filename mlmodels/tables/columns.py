"""What was decided about a column, as plain data that is stored with the data set. No heavy imports."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mlmodels.tables.booleans import BooleanCells
from mlmodels.tables.dates import UNIX_FORMAT, DateCells
from mlmodels.tables.errors import TableRefused, shown
from mlmodels.tables.numbers import NumberCells

KINDS = ("number", "date", "boolean", "category", "identifier", "text", "constant", "empty")
USED_KINDS = frozenset({"number", "date", "boolean", "category"})
TEXT_FORMAT = {"type": "text"}
ZERO_ONE_FORMAT = {"type": "boolean", "true": "1", "false": "0"}
_AS = {"number": "a number", "date": "a date", "boolean": "yes or no"}


@dataclass(frozen=True)
class Column:
    """One column: its kind, how its cells are written, and its profile.

    `format["type"]` (number, date, boolean, text) says how a cell is read. `alternatives` keeps the formats
    of the kinds that were not chosen and would fit some cells, for `retype`.
    """

    name: str
    kind: str
    format: dict[str, Any]
    use: bool
    reason: str
    profile: dict[str, Any] = field(default_factory=dict)
    alternatives: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """How the column goes into a model: "number" or "category"."""
        return "category" if self.format["type"] == "text" else "number"

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "role": self.role}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Column":
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in data.items() if name in known})


@dataclass(frozen=True)
class TargetGuess:
    """The column that is probably to be predicted. `task` is "regression" or "classification"."""

    name: str
    reason: str
    task: str


@dataclass(frozen=True)
class TableSummary:
    """Everything that `inspect` found. `first_rows` holds texts as they stand in the file, long ones cut."""

    dialect: dict[str, Any]
    row_count: int
    columns: list[Column]
    target: TargetGuess | None
    first_rows: list[list[str]]

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "columns": [column.to_dict() for column in self.columns]}


class TextCells:
    """Text as it stands, without the white space around it; a blank cell is the empty string."""

    def one(self, text: str) -> str:
        return text.strip()

    def many(self, texts: Sequence[str]) -> list[str]:
        return list(map(str.strip, texts))


class NumberedTextCells(TextCells):
    """Numbers that name categories: `3`, `3.0` and a 3 out of JSON are one category."""

    def __init__(self, number_format: dict[str, Any]):
        self._numbers = NumberCells(number_format)

    def one(self, text: str) -> str:
        text = text.strip()
        try:
            number = self._numbers.one(text)
        except ValueError:
            return text
        return text if math.isnan(number) else number_text(number)

    def many(self, texts: Sequence[str]) -> list[str]:
        seen = {text: self.one(text) for text in set(texts)}
        return [seen[text] for text in texts]


def number_text(value: float) -> str:
    """A number as a category: a whole one without a decimal point."""
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)


def cells_of(column: Column) -> NumberCells | DateCells | BooleanCells | TextCells:
    """What reads the cells of this column, in a file and in a single row alike."""
    match column.format:
        case {"type": "number"}:
            return NumberCells(column.format)
        case {"type": "date"}:
            return DateCells(column.format)
        case {"type": "boolean"}:
            return BooleanCells()
        case {"type": "text", "numbers": number_format}:
            return NumberedTextCells(number_format)
        case _:
            return TextCells()


def retype(column: Column, kind: str) -> Column:
    """The same column under a kind that the user chose; its profile stays the one of the file.

    Raises TableRefused for an unknown kind and where no cell could be read that way. Single cells that do not
    fit are refused by `read`, with row and column.
    """
    if kind not in KINDS:
        raise TableRefused(
            f"There is no column kind {shown(kind)}; choose one of {', '.join(KINDS)}.", field="kind"
        )
    if kind == column.kind:
        return column
    return replace(
        column,
        kind=kind,
        format=_format_for(column, kind),
        use=kind in USED_KINDS,
        reason="Chosen by hand.",
        alternatives={**column.alternatives, column.format["type"]: column.format},
    )


def _format_for(column: Column, kind: str) -> dict[str, Any]:
    known = {**column.alternatives, column.format["type"]: column.format}
    if kind not in ("number", "date", "boolean"):
        if "number" not in known or column.format["type"] == "text":
            return column.format if column.format["type"] == "text" else TEXT_FORMAT
        return known["number"] if kind == "identifier" else {**TEXT_FORMAT, "numbers": known["number"]}
    if kind not in known and column.format["type"] == "number":
        known |= {"date": UNIX_FORMAT, "boolean": ZERO_ONE_FORMAT}
    if kind not in known:
        raise TableRefused(
            f"No cell of column {shown(column.name)} can be read as {_AS[kind]}. Keep {column.kind}, or "
            "correct the file.",
            field="kind",
            column=column.name,
        )
    return known[kind]
