"""What a column's name gives away. Names are split at case changes, digits and punctuation."""

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")
_IDENTIFIER_WORDS = frozenset(
    {
        "id",
        "ids",
        "uuid",
        "guid",
        "key",
        "index",
        "idx",
        "hash",
        "token",
        "email",
        "phone",
        "iban",
        "ssn",
        "isbn",
        "url",
    }
)
_IDENTIFIER_NAMES = frozenset(
    {"unnamed: 0", "index", "row", "rowid", "row number", "row_number", "rownames", "#", "no.", "nr"}
)
_TIME_WORDS = frozenset(
    {
        "date",
        "datetime",
        "time",
        "timestamp",
        "ts",
        "unix",
        "epoch",
        "created",
        "updated",
        "modified",
        "at",
        "on",
        "day",
        "datum",
        "zeit",
        "zeitstempel",
        "heure",
        "fecha",
        "dob",
        "birthday",
    }
)
_TIME_NAMES = frozenset({"at", "on", "day"})  # too common in other names to count alone
_CLAIM_WORDS = frozenset(
    {"is", "has", "had", "was", "can", "did", "does", "will", "should", "ist", "hat", "est"}
)
_TARGET_NAMES = (
    ("target", "label", "class", "y", "outcome", "response", "output"),
    ("ziel", "klasse", "cible", "diagnosis", "species", "survived", "churn", "churned", "default", "price"),
    (
        "saleprice",
        "sales",
        "revenue",
        "quality",
        "rating",
        "grade",
        "score",
        "preis",
        "prix",
        "salary",
        "wage",
    ),
)


def words_of(name: str) -> list[str]:
    """`PassengerId`, `passenger_id` and `passenger id` are all ["passenger", "id"]."""
    return [word.lower() for word in _WORD.findall(name)]


def names_an_identifier(name: str) -> bool:
    words = words_of(name)
    return name.strip().lower() in _IDENTIFIER_NAMES or bool(words and words[-1] in _IDENTIFIER_WORDS)


def names_a_time(name: str) -> bool:
    words = words_of(name)
    if not words:
        return False
    return not _TIME_WORDS.difference(_TIME_NAMES).isdisjoint(words) or (
        len(words) > 1 and words[-1] in ("at", "on")
    )


def names_a_claim(name: str) -> bool:
    """`is_member`, `hasChildren`: a column of 0 and 1 under such a name answers yes or no."""
    words = words_of(name)
    return len(words) > 1 and words[0] in _CLAIM_WORDS


def target_rank(name: str) -> int | None:
    """How strongly a name says "predict me": 0 is strongest, None is not at all."""
    words = words_of(name)
    joined = "".join(words)
    for rank, names in enumerate(_TARGET_NAMES):
        if joined in names:
            return rank
    return len(_TARGET_NAMES) if words and words[-1] in _TARGET_NAMES[0] + ("price",) else None
