"""Words that stand for "no value" in columns of numbers, dates and yes/no.

In a text column only a blank cell is missing: there `NA` may be Namibia and `-` a blood group.
"""

from collections.abc import Callable, Sequence
from typing import Any

_WORDS = """
    na n/a n.a. n.a #n/a #na <na> nan -nan nat null none nil missing unknown k.a. - -- – — ? . .. ...
    #value! #div/0! #ref! #num! #name?
"""
MISSING_WORDS = frozenset({"", "#n/a n/a", *_WORDS.split()})


def is_missing_word(text: str) -> bool:
    """True for a stripped cell that means "no value" in a column of numbers, dates or yes/no."""
    return len(text) <= 8 and text.casefold() in MISSING_WORDS


def each_once(read: Callable[[str], Any], texts: Sequence[str]) -> list:
    """What `read` makes of each text, called once for equal texts."""
    seen = {text: read(text) for text in set(texts)}
    return [seen[text] for text in texts]
