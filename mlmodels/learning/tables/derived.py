"""Columns made from other columns: parts of a date, and arithmetic of two numbers.

A model keeps them as plain data. `derive` computes them for a whole table and `RowReader` for a single row,
equal to the bit: parts of a date are whole numbers, and arithmetic on 64-bit floats is the same in Python and
in numpy.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlmodels.learning.tables.columns import Column
from mlmodels.learning.tables.dates import SECONDS_MAX, SECONDS_MIN
from mlmodels.learning.tables.limits import NUMBER_MAX

if TYPE_CHECKING:
    import numpy
    import pandas

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "weekday": datetime.isoweekday,
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
    "hour": lambda moment: moment.hour,
}
DATE_PARTS = tuple(_PARTS)
_SIGNS = {"difference": "-", "ratio": "/", "product": "*"}
PAIR_OPERATIONS = tuple(_SIGNS)


@dataclass(frozen=True)
class Derived:
    """A column computed from one date (a part, in UTC; Monday is weekday 1) or from two numbers.

    It is NaN where a source is blank, and where the result is not finite or beyond NUMBER_MAX.
    """

    name: str
    operation: str
    sources: tuple[str, ...]

    def __post_init__(self):
        assert (self.operation, len(self.sources)) in _FORMS, self

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "sources": list(self.sources)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Derived":
        return cls(data["name"], data["operation"], tuple(data["sources"]))


_FORMS = {*((part, 1) for part in DATE_PARTS), *((operation, 2) for operation in PAIR_OPERATIONS)}


def date_parts(columns: Iterable[Column]) -> list[Derived]:
    """The parts of the date columns that vary, by their profile."""
    columns = list(columns)
    names = {column.name for column in columns}
    return [
        Derived(_free_name(f"{column.name}: {part.replace('_', ' ')}", names), part, (column.name,))
        for column in columns
        if column.kind == "date"
        for part in column.profile.get("varying_parts", ())
    ]


def pair(operation: str, first: str, second: str, names: Collection[str]) -> Derived:
    """Arithmetic of two number columns of a table that has these column names."""
    name = _free_name(f"{first} {_SIGNS[operation]} {second}", names)
    return Derived(name, operation, (first, second))


def _free_name(name: str, names: Collection[str]) -> str:
    while name in names:
        name += " (derived)"
    return name


def varying_parts(seconds: Collection[float]) -> list[str]:
    """The parts in which these dates differ."""
    moments = [_EPOCH + timedelta(seconds=math.floor(second)) for second in seconds]
    return [part for part, of in _PARTS.items() if len({of(moment) for moment in moments}) > 1]


def derive(frame: "pandas.DataFrame", derived: Sequence[Derived]) -> "pandas.DataFrame":
    """The frame with the derived columns behind its own, in the order given."""
    import pandas

    made = derived_values(frame, derived)
    return pandas.concat([frame, pandas.DataFrame(made, index=frame.index)], axis=1) if made else frame


def derived_values(
    columns: "Mapping[str, numpy.ndarray] | pandas.DataFrame", derived: Sequence[Derived]
) -> "dict[str, numpy.ndarray]":
    return {column.name: _values_of(column, columns) for column in derived}


def _values_of(derived: Derived, columns) -> "numpy.ndarray":
    import numpy

    sources = [numpy.asarray(columns[name], dtype="float64") for name in derived.sources]
    if derived.operation in _PARTS:
        return _part_of_all(derived.operation, sources[0])
    with numpy.errstate(all="ignore"):
        match derived.operation:
            case "difference":
                values = sources[0] - sources[1]
            case "product":
                values = sources[0] * sources[1]
            case _:
                values = sources[0] / sources[1]
        return numpy.where(numpy.abs(values) <= NUMBER_MAX, values, numpy.nan)


def _part_of_all(part: str, seconds: "numpy.ndarray") -> "numpy.ndarray":
    import numpy

    is_date = (seconds >= SECONDS_MIN) & (seconds <= SECONDS_MAX)
    moments = numpy.floor(numpy.where(is_date, seconds, 0.0)).astype("int64").astype("datetime64[s]")
    days = moments.astype("datetime64[D]")
    match part:
        case "year":
            values = days.astype("datetime64[Y]").astype("int64") + 1970
        case "month":
            values = days.astype("datetime64[M]").astype("int64") % 12 + 1
        case "day":
            values = (days - days.astype("datetime64[M]")).astype("int64") + 1
        case "weekday":
            values = (days.astype("int64") + 3) % 7 + 1
        case "day_of_year":
            values = (days - days.astype("datetime64[Y]")).astype("int64") + 1
        case _:
            values = (moments - days).astype("int64") // 3600
    return numpy.where(is_date, values, numpy.nan)


def reader_of(derived: Derived, names: Sequence[str]) -> Callable[[list], float]:
    """A function from one row, values in the order of `names`, to the value of the derived column."""
    at = [names.index(name) for name in derived.sources]
    if derived.operation in _PARTS:
        return _part_reader(_PARTS[derived.operation], *at)
    return _pair_reader(derived.operation, *at)


def _part_reader(part: Callable[[datetime], int], at: int) -> Callable[[list], float]:
    def read(row: list) -> float:
        seconds = row[at]
        if not SECONDS_MIN <= seconds <= SECONDS_MAX:
            return math.nan
        return float(part(_EPOCH + timedelta(seconds=math.floor(seconds))))

    return read


def _pair_reader(operation: str, first: int, second: int) -> Callable[[list], float]:
    def read(row: list) -> float:
        a, b = row[first], row[second]
        match operation:
            case "difference":
                value = a - b
            case "product":
                value = a * b
            case _:
                value = a / b if b else math.nan
        return value if abs(value) <= NUMBER_MAX else math.nan

    return read
