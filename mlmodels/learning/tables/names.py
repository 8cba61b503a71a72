"""What a column's name suggests. Names are split at case changes, digits and punctuation."""

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")
_IDENTIFIERS = "id ids uuid guid key hash token email phone iban ssn isbn url"
_IDENTIFIER_WORDS = frozenset(_IDENTIFIERS.split())
_ENTITIES = "id ids uuid guid email phone iban ssn"
_ENTITY_WORDS = frozenset(_ENTITIES.split())
_IDENTIFIER_NAMES = frozenset(
    {"index", "idx", "unnamed 0", "row", "rowid", "row number", "rownames", "no", "nr"}
)
_TIMES = """
    date datetime time timestamp ts unix epoch created updated modified dob datum zeit zeitstempel fecha heure
"""
_TIME_WORDS = frozenset(_TIMES.split())
_BIRTH_WORDS = frozenset(
    ["dob", "birth", "birthday", "birthdate", "born", "geburt", "geburtsdatum", "naissance"]
)
_TIME_ENDINGS = frozenset({"at", "on"})  # created_at, sold_on
_CLAIMS = "is has had was can did does will should ist hat est"
_CLAIM_WORDS = frozenset(_CLAIMS.split())
_TARGETS = (  # the strongest names first
    "target label class y outcome response output",
    "ziel klasse cible diagnosis species survived churn churned default price",
    "saleprice sales revenue quality rating grade score preis prix salary wage",
)
_TARGET_NAMES = tuple(frozenset(names.split()) for names in _TARGETS)
_TARGET_ENDINGS = frozenset({"target", "label", "outcome", "price"})  # house_price


def words_of(name: str) -> list[str]:
    """`PassengerId`, `passenger_id` and `passenger id` are all ["passenger", "id"]."""
    return [word.lower() for word in _WORD.findall(name)]


def names_an_identifier(name: str) -> bool:
    words = words_of(name)
    return " ".join(words) in _IDENTIFIER_NAMES or bool(words and words[-1] in _IDENTIFIER_WORDS)


def names_an_entity(name: str) -> bool:
    """`patient_id`: a value says who or what a row is about, and may come again with further rows."""
    words = words_of(name)
    return bool(words and words[-1] in _ENTITY_WORDS)


def names_a_time(name: str) -> bool:
    words = words_of(name)
    return not _TIME_WORDS.isdisjoint(words) or (len(words) > 1 and words[-1] in _TIME_ENDINGS)


def names_a_birth(name: str) -> bool:
    """`date_of_birth`: a date that describes a person, not when the row came about."""
    return not _BIRTH_WORDS.isdisjoint(words_of(name))


def names_a_claim(name: str) -> bool:
    """`is_member`, `hasChildren`: a column of 0 and 1 under such a name answers yes or no."""
    words = words_of(name)
    return len(words) > 1 and words[0] in _CLAIM_WORDS


def target_rank(name: str) -> int | None:
    """How strongly a name suggests a target: 0 is strongest, None is not at all."""
    words = words_of(name)
    joined = "".join(words)
    for rank, names in enumerate(_TARGET_NAMES):
        if joined in names:
            return rank
    return len(_TARGET_NAMES) if words and words[-1] in _TARGET_ENDINGS else None
