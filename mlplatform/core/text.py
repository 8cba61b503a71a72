"""Words in messages, and text that both databases can store."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of surrogate pairs, which JSON can write


def plural(number: int, noun: str, nouns: str = "") -> str:
    """`1 row`, `2,000 rows`; `nouns` is a plural that does not end in -s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def is_storable(value) -> bool:
    """Whether every text in a plain value, keys included, can be stored. Depth costs no stack."""
    values = [value]
    while values:
        value = values.pop()
        if isinstance(value, str) and UNSTORABLE.search(value):
            return False
        if isinstance(value, dict):
            values += [*value, *value.values()]
        elif isinstance(value, list):
            values += value
    return True
