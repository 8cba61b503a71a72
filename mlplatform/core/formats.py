"""Numbers and dates as the reader of a page writes them. The texts stay English.

Django's own localization would translate its texts as well, and mix two languages on one page. Here only the
formats follow Accept-Language; without it numbers are English and dates ISO.
"""

import math
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

from django.utils.cache import patch_vary_headers
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format, iter_format_modules
from django.utils.numberformat import format as format_number
from django.utils.translation import check_for_language
from django.utils.translation.trans_real import parse_accept_lang_header

LANGUAGE: ContextVar[str] = ContextVar("language of numbers and dates", default="")
GROUPED_FROM = 10_000
HEADER_CHARACTERS_MAX = 200
SECONDS_A_DAY = 86_400


class FormatsMiddleware:
    """Formats the page as the browser's first known language does."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        header = request.headers.get("Accept-Language", "")
        token = LANGUAGE.set(known_language(header[:HEADER_CHARACTERS_MAX]))
        try:
            response = self.get_response(request)
        finally:
            LANGUAGE.reset(token)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["Accept-Language"])
        return response


@lru_cache(maxsize=1000)
def known_language(header: str) -> str:
    """The first language of the header that Django has formats for, or "" where there is none."""
    for code, _ in parse_accept_lang_header(header.lower()):
        if code != "*" and check_for_language(code) and any(iter_format_modules(code)):
            return code
    return ""


def figure(value, digits=4):
    """A measured number with `digits` significant digits: 29846.2 -> 29,846; 4.30 -> 4.3."""
    if value is None:
        return "—"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not math.isfinite(value):
        return "∞" if value > 0 else "—"
    if value == 0 or isinstance(value, int):
        return fixed(value, 0)
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    if decimals > 8 or abs(value) >= 1e15:
        return f"{value:.{digits}g}"
    text = f"{round(value, decimals):.{decimals}f}".rstrip("0")
    return fixed(value, len(text.partition(".")[2]))


def fixed(value, decimals: int) -> str:
    """Digits in groups from five of them on, as in print: 12,500, and 1987 stays a year."""
    language = LANGUAGE.get() or "en"
    rounded = round(value, decimals) or 0.0  # never minus zero
    return format_number(
        rounded if decimals else round(rounded),
        get_format("DECIMAL_SEPARATOR", language),
        decimals,
        get_format("NUMBER_GROUPING", language) or 3,
        get_format("THOUSAND_SEPARATOR", language),
        force_grouping=abs(rounded) >= GROUPED_FROM,
        use_l10n=True,
    )


def percent(share, decimals=0):
    """0.834 -> 83%."""
    return "—" if share is None else f"{fixed(share * 100, decimals)}%"


def short_number(value: float) -> str:
    """A number as it fits beside an axis: 1500 -> 1.5k."""
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{figure(value / size)}{suffix}"
    return figure(float(value))


def date(moment: datetime) -> str:
    return format_date(moment, _date_format("DATE_FORMAT", "SHORT_DATE_FORMAT", "Y-m-d"))


def date_and_time(moment: datetime) -> str:
    return format_date(moment, _date_format("DATETIME_FORMAT", "SHORT_DATETIME_FORMAT", "Y-m-d H:i:s"))


def unix_date(seconds: float) -> str:
    """A date of a table, without the time of day where it is midnight."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return figure(seconds)
    return date(moment) if seconds % SECONDS_A_DAY == 0 else date_and_time(moment)


def iso_date(seconds: float) -> str:
    """As programs read it, such as 2026-07-20, and with the time where it is not midnight."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.date().isoformat() if seconds % SECONDS_A_DAY == 0 else moment.strftime("%Y-%m-%d %H:%M:%S")


def _date_format(english: str, elsewhere: str, unknown: str) -> str:
    """Months as words in English alone: elsewhere they would be English words."""
    language = LANGUAGE.get()
    if not language:
        return unknown
    return get_format(english if language.startswith("en") else elsewhere, language)
