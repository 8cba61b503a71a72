"""What was decided about a column, as plain data that is stored with the dataset. No heavy imports."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mlmodels.learning.tables.dates import UNIX_FORMAT
from mlmodels.learning.tables.errors import TableRefused, shown
from mlplatform.core.text import plural

KINDS = ("number", "date", "boolean", "category", "identifier", "text", "constant", "empty")
USED_KINDS = frozenset({"number", "date", "boolean", "category", "text"})
TEXT_FORMAT = {"type": "text"}
ZERO_ONE_FORMAT = {"type": "boolean", "true": "1", "false": "0"}
CHOSEN_BY_HAND = "Chosen by hand."
_BLANK_WORDS_NAMED_MAX = 5
_AS = {"number": "a number", "date": "a date", "boolean": "yes or no"}


@dataclass(frozen=True)
class Column:
    """One column: its kind, how its cells are written, and its profile.

    `format["type"]` (number, date, boolean, text) says how a cell is read. `alternatives` keeps the formats
    of the kinds that were not chosen and would fit some cells, for `retype`. `nearly` is the kind that all
    but a few cells have, of which `reason` names the first: "number", "date", or "" in an ordinary column.
    `is_use_chosen`: the user said whether it is used. `is_left_out`: it is not used because it gives the
    chosen target away.
    """

    name: str
    kind: str
    format: dict[str, Any]
    use: bool
    reason: str
    profile: dict[str, Any] = field(default_factory=dict)
    alternatives: dict[str, dict[str, Any]] = field(default_factory=dict)
    nearly: str = ""
    is_use_chosen: bool = False
    is_left_out: bool = False

    @property
    def role(self) -> str:
        """How the column goes into a model: "number", "category" or "text"."""
        if self.format["type"] != "text":
            return "number"
        return "text" if self.kind == "text" else "category"

    @property
    def blank_words(self) -> dict[str, int]:
        """Words among numbers or dates that are read as blanks, with the number of cells of each."""
        return self.format.get("blank_words", {})

    @property
    def is_doubtful(self) -> bool:
        """Whether it may not be meant as it is read, by what was found in it."""
        return bool(self.nearly or (self.blank_words and self.reason != CHOSEN_BY_HAND))

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "role": self.role}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Column":
        known = cls.__dataclass_fields__
        return cls(**{name: value for name, value in data.items() if name in known})


def blank_words_sentence(words: dict[str, int]) -> str:
    """How many cells are read as blanks, and the most frequent of their texts."""
    frequent = sorted(words, key=words.__getitem__, reverse=True)[:_BLANK_WORDS_NAMED_MAX]
    named = ", ".join(f"{shown(word)} ({plural(words[word], 'cell')})" for word in frequent)
    more = f" and {plural(len(words) - len(frequent), 'other text')}" if len(words) > len(frequent) else ""
    verb = "is" if sum(words.values()) == 1 else "are"
    return f"{plural(sum(words.values()), 'cell')} {verb} read as blank: {named}{more}."


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


def retype(column: Column, kind: str) -> Column:
    """The same column under a kind that the user chose; its profile stays the one of the file.

    Raises TableRefused for an unknown kind and where no cell could be read that way. Single cells that do not
    fit are refused by `read`, with row and column.
    """
    if kind not in KINDS:
        raise TableRefused(
            f"There is no column kind {shown(kind)}; choose one of {', '.join(KINDS)}.",
            field="kind",
            column=column.name,
        )
    if kind == column.kind:
        return column
    return replace(
        column,
        kind=kind,
        format=_format_for(column, kind),
        use=kind in USED_KINDS,
        reason=CHOSEN_BY_HAND,
        nearly="",
        alternatives={**column.alternatives, column.format["type"]: column.format},
    )


def _format_for(column: Column, kind: str) -> dict[str, Any]:
    known = {**column.alternatives, column.format["type"]: column.format}
    if kind not in _AS:
        return _text_format_for(column, kind, known)
    if column.format["type"] == "number":
        known = {"date": UNIX_FORMAT, "boolean": ZERO_ONE_FORMAT, **known}
    if kind not in known:
        raise TableRefused(
            f"No cell of column {shown(column.name)} can be read as {_AS[kind]}. Keep {column.kind}, or "
            "correct the file.",
            field="kind",
            column=column.name,
        )
    return known[kind]


def _text_format_for(column: Column, kind: str, known: dict[str, dict]) -> dict[str, Any]:
    if column.format["type"] == "text":
        return column.format
    if "number" not in known:
        return TEXT_FORMAT
    return known["number"] if kind == "identifier" else {**TEXT_FORMAT, "numbers": known["number"]}
