"""Strict JSON: a body that the database could not store is refused."""

import json
import math

from django.conf import settings
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from mlplatform.core.errors import EncodedBody, InvalidInput, TooLarge
from mlplatform.core.text import is_storable

BYTE_ORDER_MARK = "\ufeff"


class StrictJSONParser(BaseParser):
    """UTF-8, at most 1 MB and 20 levels deep; no NUL, lone surrogates, NaN or infinity."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(self, stream, media_type=None, parser_context=None):
        body = stream.read(settings.JSON_BODY_BYTES_MAX + 1)
        if len(body) > settings.JSON_BODY_BYTES_MAX:
            raise TooLarge(f"The JSON body is larger than {settings.JSON_BODY_BYTES_MAX:,} bytes.")
        return parse(body)


def parse(body: bytes):
    try:
        text = body.decode().removeprefix(BYTE_ORDER_MARK)
        value = DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise unreadable("The body is not UTF-8.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise unreadable(f"The body is not JSON: {error.msg} at {place}.") from error
    except ValueError as error:  # Python's limit on the digits of an integer
        raise unreadable("A number in the body has too many digits.") from error
    except RecursionError as error:
        raise too_deep() from error
    # Most bodies are not walked: few brackets cannot nest too deeply, and only an escape can write the rest
    levels = settings.JSON_DEPTH_MAX
    if text.count("[") + text.count("{") > levels and is_deeper(value, levels):
        raise too_deep()
    if "\\u" in text and not is_storable(value):
        raise unreadable("The body contains a NUL character or a lone surrogate, which cannot be stored.")
    return value


def is_deeper(container, levels: int) -> bool:
    """Whether lists and objects nest deeper than this many levels."""
    items = container.values() if isinstance(container, dict) else container
    return levels == 0 or any(is_deeper(item, levels - 1) for item in items if isinstance(item, dict | list))


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


# json.loads would make a decoder for each body
DECODER = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite)

UNENCODED = {"", "identity"}
UNDECLARED = {"", "text/plain"}  # sent by clients that set no content type


class ContentNegotiation(DefaultContentNegotiation):
    """Reads a body without a declared type as JSON where JSON is accepted, and refuses a compressed one."""

    def select_parser(self, request, parsers):
        if request.headers.get("Content-Encoding", "").strip().lower() not in UNENCODED:
            raise EncodedBody
        parser = super().select_parser(request, parsers)
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        if parser is None and media_type in UNDECLARED:
            return next((each for each in parsers if isinstance(each, StrictJSONParser)), None)
        return parser
