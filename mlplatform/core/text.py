"""Words in messages: numbers with their noun, and names in quotation marks."""


def plural(number: int, noun: str, nouns: str = "") -> str:
    """`1 row`, `2,000 rows`; `nouns` is a plural that does not end in -s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def quote(text: str) -> str:
    """The name of a thing that the user named, as it stands in a sentence."""
    return f'"{text}"'
