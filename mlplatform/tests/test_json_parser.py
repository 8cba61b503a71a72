import io

import pytest

from mlplatform.core.errors import InvalidInput, TooLarge
from mlplatform.json_parser import StrictJSONParser, parse


def nested(depth: int, innermost: str = "1") -> bytes:
    return b"[" * depth + innermost.encode() + b"]" * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"area": 70.5, "rooms": 3}', {"area": 70.5, "rooms": 3}),
        (b'["\\u00e9", "\\ud83d\\ude00"]', ["é", "😀"]),
        ('{"Straße": "Köln"}'.encode(), {"Straße": "Köln"}),
        (b"null", None),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"1e-400", 0.0),
    ],
)
def test_ordinary_json_is_read(body, value):
    assert parse(body) == value


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"area": ', "line 1"),
        (b"", "line 1"),
        (b"{'area': 1}", "line 1"),
        (b'"\xff"', "UTF-8"),
        (b'{"area": NaN}', "NaN"),
        (b'{"area": Infinity}', "Infinity"),
        (b'{"area": -Infinity}', "-Infinity"),
        (b'{"area": 1e999}', "too large"),
        (b"1" * 5000, "digits"),
        (b'{"name": "a\\u0000b"}', "NUL"),
        (b'{"a\\u0000b": 1}', "NUL"),
        (b'{"deep": [{"name": "\\u0000"}]}', "NUL"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b'["\\udc00\\ud800"]', "surrogate"),
        (b'{"name": "a\x00b"}', "line 1"),
    ],
)
def test_what_a_database_would_choke_on_is_refused_by_name(body, word):
    with pytest.raises(InvalidInput, match=word) as refusal:
        parse(body)

    assert refusal.value.code == "parse_error"


def test_twenty_levels_are_the_limit():
    assert parse(nested(20)) is not None
    assert parse(nested(20, innermost="")) is not None
    with pytest.raises(InvalidInput, match="deeper than 20"):
        parse(nested(21))
    with pytest.raises(InvalidInput, match="deeper than 20"):
        parse(nested(21, innermost=""))


def test_objects_count_as_levels_too():
    with pytest.raises(InvalidInput, match="deeper than 20"):
        parse(b'{"a":' * 21 + b"1" + b"}" * 21)


def test_many_brackets_side_by_side_are_not_deep():
    assert len(parse(b"[" + b"[1]," * 1000 + b"[1]]")) == 1001


def test_a_body_that_would_exhaust_the_stack_is_refused():
    with pytest.raises(InvalidInput, match="deeper than 20"):
        parse(nested(400_000))


def test_a_body_over_the_limit_is_refused_and_not_read_to_its_end(settings):
    stream = io.BytesIO(b" " * (settings.JSON_BODY_BYTES_MAX * 3))

    with pytest.raises(TooLarge, match="1,000,000 bytes"):
        StrictJSONParser().parse(stream)

    assert stream.tell() == settings.JSON_BODY_BYTES_MAX + 1


def test_a_body_at_the_limit_is_read(settings):
    text = b'"' + b"x" * (settings.JSON_BODY_BYTES_MAX - 2) + b'"'

    assert len(StrictJSONParser().parse(io.BytesIO(text))) == settings.JSON_BODY_BYTES_MAX - 2
