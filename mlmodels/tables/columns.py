"""What was decided about a column, as plain data that is stored with the data set. No heavy imports."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mlmodels.tables.booleans import BooleanCells
from mlmodels.tables.dates import DateCells
from mlmodels.tables.errors import TableRefused, shown
from mlmodels.tables.numbers import NumberCells

KINDS = ("number", "date", "boolean", "category", "identifier", "text", "constant", "empty")
USED_KINDS = frozenset({"number", "date", "boolean", "category"})
TEXT_FORMAT = {"type": "text"}
_DEFAULT_FORMATS = {
    "number": {"type": "number", "decimal": ".", "thousands": "", "currency": "", "percent": False},
    "date": {"type": "date", "style": "iso", "day_first": True},
    "boolean": {"type": "boolean", "true": "true", "false": "false"},
}


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


def cells_of(column: Column) -> NumberCells | DateCells | BooleanCells | TextCells:
    """What reads the cells of this column, in a file and in a single row alike."""
    match column.format["type"]:
        case "number":
            return NumberCells(column.format)
        case "date":
            return DateCells(column.format)
        case "boolean":
            return BooleanCells()
        case _:
            return TextCells()


def retype(column: Column, kind: str) -> Column:
    """The same column under a kind that the user chose; its profile stays the one of the file.

    Cells that do not fit are refused by `read`, with row and column.
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
    if kind in _DEFAULT_FORMATS:
        return column.alternatives.get(kind, _DEFAULT_FORMATS[kind])
    if kind == "identifier" and column.format["type"] == "number":
        return column.format
    return TEXT_FORMAT
