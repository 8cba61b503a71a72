"""JSON as it may come from outside: what a database would choke on is refused here."""

import json
import math
from itertools import chain

from django.conf import settings
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from mlplatform.core.errors import InvalidInput, TooLarge


class StrictJSONParser(BaseParser):
    """UTF-8, at most 1 MB and 20 levels, no NUL, no lone surrogates, no NaN or infinity."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(self, stream, media_type=None, parser_context=None):
        body = stream.read(settings.JSON_BODY_BYTES_MAX + 1)
        if len(body) > settings.JSON_BODY_BYTES_MAX:
            raise TooLarge(f"The JSON body is larger than {settings.JSON_BODY_BYTES_MAX:,} bytes.")
        return parse(body)


def parse(body: bytes):
    try:
        text = body.decode("utf-8-sig")  # some programs put a mark in front
        value = json.loads(text, parse_constant=refuse_constant, parse_float=finite)
    except UnicodeDecodeError as error:
        raise unreadable("The body is not UTF-8.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise unreadable(f"The body is not JSON: {error.msg} at {place}.") from error
    except ValueError as error:  # Python's limit on the digits of an integer
        raise unreadable("A number in the body has too many digits.") from error
    except RecursionError as error:
        raise too_deep() from error
    if may_be_too_deep(text) or "\\u" in text:  # only an escape can write NUL or half a character
        check(value)
    return value


def unreadable(message: str) -> InvalidInput:
    return InvalidInput(message, code="parse_error")


def too_deep() -> InvalidInput:
    return unreadable(f"The body nests deeper than {settings.JSON_DEPTH_MAX} levels.")


def refuse_constant(name: str):
    raise unreadable(f"{name} is not a number in JSON.")


def finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise unreadable(f"The number {digits[:40]} is too large.")
    return number


def may_be_too_deep(text: str) -> bool:
    """Cheap, and certain for a small body: so few brackets cannot nest deeper."""
    return text.count("[") + text.count("{") > settings.JSON_DEPTH_MAX


def check(value):
    """Walks level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(settings.JSON_DEPTH_MAX + 1):
        check_texts(item for item in level if isinstance(item, str))
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return
        level = list(chain.from_iterable(map(contents, containers)))
    raise too_deep()


def contents(container: dict | list):
    return chain(container, container.values()) if isinstance(container, dict) else container


def check_texts(texts):
    for text in texts:
        if "\x00" in text:
            raise unreadable("The body holds the character NUL, which no text may contain.")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise unreadable("The body holds half a character (a lone surrogate).")


NAMES_NOTHING = {"", "text/plain"}  # what clients send that do not think of it


class ContentNegotiation(DefaultContentNegotiation):
    """A body that nobody called anything is read as JSON where JSON is taken."""

    def select_parser(self, request, parsers):
        parser = super().select_parser(request, parsers)
        if parser is None and media_type_of(request) in NAMES_NOTHING:
            return next((each for each in parsers if isinstance(each, StrictJSONParser)), None)
        return parser


def media_type_of(request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()
