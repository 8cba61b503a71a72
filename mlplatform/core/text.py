"""Words in messages."""


def plural(number: int, noun: str, nouns: str = "") -> str:
    """`1 row`, `2,000 rows`; `nouns` is a plural that does not end in -s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
