"""Dates as people write them: text to Unix seconds (UTC) under one decision per column.

A date format is plain data: `{"type": "date", "style": "iso", "day_first": True}`. The styles are `iso`
(2024-05-31, 31 seconds to zones included), `numeric` (31.05.2024, 5/31/24), `named` (31 May 2024),
`compact` (20240531) and `unix` (seconds, or milliseconds when the figure is that large).
Whatever the style, ISO text and Unix timestamps are understood too, and all of them mean the same instant.
A time without a zone is taken as UTC.
"""

import math
import re
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mlmodels.learning.tables.missing import each_once, is_missing_word

DATE_CHARACTERS_MAX = 60
MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138; as milliseconds March 1973
SECONDS_MAX = 253_402_300_799  # the last second of the year 9999
SECONDS_MIN = -62_135_596_800  # the first of the year 1
UNIX_FORMAT = {"type": "date", "style": "unix", "day_first": True}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)
_UNREADABLE = "is not a date; write it like 2024-05-31 or 2024-05-31T14:30:00Z"

_MONTH_NAMES = (
    "jan january januar janvier janv enero ene gennaio gen januari",
    "feb february februar février fevrier févr fevr fév febrero febbraio februari",
    "mar march märz maerz mär mrz mars marzo maart mrt",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag mei",
    "jun june juni juin junio giugno giu",
    "jul july juli juillet juil julio luglio lug",
    "aug august août aout agosto ago augustus",
    "sep sept september septembre septiembre settembre set",
    "oct october oktober okt octobre octubre ottobre ott",
    "nov november novembre noviembre",
    "dec december dezember dez décembre decembre déc diciembre dic dicembre december",
)
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}

_TIME = (
    r"(?:(?:[T ]|, ?| +)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,? )?"
_ISO = re.compile(
    rf"(?P<year>[0-9]{{4}})(?P<mark>[-/.])(?P<month>[0-9]{{1,2}})(?P=mark)(?P<day>[0-9]{{1,2}}){_TIME}"
)
_PROGRAMS_WRITE = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}(?:[0-9]{3})?)?Z?)?"
)
_ISO_OF_PROGRAMS = re.compile(_PROGRAMS_WRITE)
_ISO_MANY = re.compile(rf"(?:{_PROGRAMS_WRITE}\n)*+")
_NUMERIC = re.compile(
    r"(?P<first>[0-9]{1,2})(?P<mark>[-/]|\. ?)(?P<second_part>[0-9]{1,2})(?P=mark)"
    rf"(?P<year>[0-9]{{4}}|[0-9]{{2}}){_TIME}"
)
_DAY_NAMED = re.compile(
    rf"{_WEEKDAY}(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?(?:[-/ ]| of | de )?"
    rf"(?P<name>[^\W\d_]{{3,10}})\.?(?:[-/ ]|, | de )?(?P<year>[0-9]{{4}}|[0-9]{{2}}){_TIME}"
)
_NAMED_DAY = re.compile(
    rf"{_WEEKDAY}(?P<name>[^\W\d_]{{3,10}})\.? (?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?,? "
    rf"(?P<year>[0-9]{{4}}){_TIME}"
)
_COMPACT = re.compile(r"(?P<year>(?:19|20)[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})")
_UNIX = re.compile(r"-?[0-9]{1,14}(?:\.[0-9]{1,9})?")
_UNIX_BESIDE_TEXT = re.compile(r"[0-9]{9,13}(?:\.[0-9]{1,9})?")


class DateShape(NamedTuple):
    """How one date is written; for `numeric` also which of the two readings give a real date."""

    style: str
    day_first: bool = True
    month_first: bool = True
    mark: str = ""


def date_shape(text: str) -> DateShape | None:
    """The shape of one stripped cell, None when it is no date. A bare number is not a date by itself."""
    if len(text) > DATE_CHARACTERS_MAX:
        return None
    if match := _NUMERIC.fullmatch(text):
        if _is_version_like(match):
            return None
        day_first = _is_real(match, day_first=True)
        month_first = _is_real(match, day_first=False)
        return (
            DateShape("numeric", day_first, month_first, match["mark"][0])
            if day_first or month_first
            else None
        )
    try:
        if _iso_seconds(text) is not None:
            return DateShape("iso")
        return DateShape("named") if _named_seconds(text) is not None else None
    except ValueError:
        return None


PLAIN_DATE = DateShape("iso")


def are_plain_dates(texts: Collection[str]) -> bool:
    """Whether all cells are dates as programs write them, each of the shape PLAIN_DATE."""
    joined = "\n".join(texts) + "\n"
    if not _ISO_MANY.fullmatch(joined) or joined.count("\n") > len(texts):
        return False
    try:
        deque(map(datetime.fromisoformat, texts), maxlen=0)
    except ValueError:
        return False
    return True


def _is_version_like(match: re.Match) -> bool:
    """1.2.10 is a version more often than a date of 2010; 01.02.10 is a date."""
    short_parts = len(match["first"]) == 1 or len(match["second_part"]) == 1
    return match["mark"] == "." and len(match["year"]) == 2 and short_parts


def _is_real(match: re.Match, day_first: bool) -> bool:
    try:
        _numeric_seconds(match, day_first)
    except ValueError:
        return False
    return True


def day_orders(shapes: Iterable[DateShape]) -> set[bool]:
    """Whether the day may come first (True) and the month may (False); none where the dates contradict."""
    shapes = list(shapes)
    readings = {
        True: all(shape.day_first for shape in shapes),
        False: all(shape.month_first for shape in shapes),
    }
    return {day_first for day_first, fits in readings.items() if fits}


def unix_seconds(number: float) -> float:
    """A Unix timestamp in seconds or milliseconds, told apart by its size, as seconds."""
    seconds = number / 1000 if abs(number) >= MILLISECONDS_FROM else number
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise ValueError("is not a date between the years 1 and 9999")
    return float(seconds)


def date_text(seconds: float) -> str:
    """Unix seconds as ISO text: the date alone at midnight, else with time and `Z`."""
    moment = _EPOCH + timedelta(seconds=seconds)
    if not (moment.hour or moment.minute or moment.second or moment.microsecond):
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat() + "Z"


class DateCells:
    """Text to Unix seconds under one date format; blank cells and missing words are NaN."""

    def __init__(self, date_format: dict):
        self._day_first = date_format["day_first"]
        style = date_format["style"]
        self._unix = _UNIX if style == "unix" else _UNIX_BESIDE_TEXT
        self._reads_compact = style == "compact"
        self._blank_words = date_format.get("blank_words", {})

    def one(self, text: str) -> float:
        """Raises ValueError with words for the user when `text` is no date of this column."""
        text = text.strip()
        if len(text) <= DATE_CHARACTERS_MAX:
            try:
                seconds = self._seconds(text)
            except ValueError:
                raise ValueError(_UNREADABLE) from None
            if seconds is not None:
                return seconds
        if is_missing_word(text) or text in self._blank_words:
            return math.nan
        raise ValueError(_UNREADABLE)

    def number(self, number: float) -> float:
        """A bare number as programs send it: a Unix timestamp, or 20240531 in a column written that way."""
        if self._reads_compact and number == int(number) and _COMPACT.fullmatch(str(int(number))):
            return self.one(str(int(number)))
        return unix_seconds(number)

    def many(self, texts: Sequence[str]) -> list[float]:
        return each_once(self.one, texts)

    def _seconds(self, text: str) -> float | None:
        if self._reads_compact and (match := _COMPACT.fullmatch(text)):
            return _seconds_of(match, int(match["year"]), int(match["month"]), int(match["day"]))
        seconds = _iso_seconds(text)
        if seconds is not None:
            return seconds
        if self._unix.fullmatch(text):
            return unix_seconds(float(text))
        if match := _NUMERIC.fullmatch(text):
            return _numeric_seconds(match, self._day_first)
        return _named_seconds(text)


def _iso_seconds(text: str) -> float | None:
    if _ISO_OF_PROGRAMS.fullmatch(text):  # the usual case, three times as fast
        return (datetime.fromisoformat(text.removesuffix("Z")) - _NAIVE_EPOCH).total_seconds()
    match = _ISO.fullmatch(text)
    return match and _seconds_of(match, int(match["year"]), int(match["month"]), int(match["day"]))


def _numeric_seconds(match: re.Match, day_first: bool) -> float:
    first, second = int(match["first"]), int(match["second_part"])
    day, month = (first, second) if day_first else (second, first)
    return _seconds_of(match, _full_year(match["year"]), month, day)


def _named_seconds(text: str) -> float | None:
    match = _DAY_NAMED.fullmatch(text) or _NAMED_DAY.fullmatch(text)
    month = match and MONTHS.get(match["name"].lower())
    return _seconds_of(match, _full_year(match["year"]), month, int(match["day"])) if month else None


def _full_year(digits: str) -> int:
    """Two digits mean 1969 to 2068, as in POSIX."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= 69 else 2000)


def _seconds_of(match: re.Match, year: int, month: int, day: int) -> float:
    seconds = (datetime(year, month, day, tzinfo=UTC) - _EPOCH).total_seconds()
    parts = match.groupdict()
    if parts.get("hour") is None:
        return seconds
    hour, minute = int(parts["hour"]), int(parts["minute"])
    if parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(_UNREADABLE)
        hour = hour % 12 + (12 if parts["half"] in "pP" else 0)
    second = int(parts["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(_UNREADABLE)
    fraction = float(f"0.{parts['fraction']}") if parts["fraction"] else 0.0
    seconds += hour * 3600 + minute * 60 + second + fraction - _zone_seconds(parts["zone"])
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise ValueError(_UNREADABLE)
    return seconds


def _zone_seconds(zone: str | None) -> int:
    if not zone or zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 15 or minutes > 59:
        raise ValueError(_UNREADABLE)
    return (hours * 60 + minutes) * (-60 if zone[0] == "-" else 60)
