"""Words that stand for "no value" in columns of numbers, dates and yes/no.

In a text column only a blank cell is missing: there `NA` may be Namibia and `-` a blood group.
"""

MISSING_WORDS = frozenset(
    {
        "",
        "na",
        "n/a",
        "n.a.",
        "n.a",
        "#n/a",
        "#na",
        "#n/a n/a",
        "<na>",
        "nan",
        "-nan",
        "nat",
        "null",
        "none",
        "nil",
        "missing",
        "unknown",
        "k.a.",
        "-",
        "--",
        "–",
        "—",
        "?",
        ".",
        "..",
        "...",
        "#value!",
        "#div/0!",
        "#ref!",
        "#num!",
        "#name?",
    }
)


def is_missing_word(text: str) -> bool:
    """True for a stripped cell that says "nothing here" in a column of numbers, dates or yes/no."""
    return len(text) <= 8 and text.casefold() in MISSING_WORDS
