"""The parameters of algorithms as data: form fields, API schema, checks and limits are all made from them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mlmodels.learning.trainers.errors import ParametersRefused

TRUE_WORDS = ("true", "yes", "on", "1")
FALSE_WORDS = ("false", "no", "off", "0")
NULL_WORDS = ("none", "null")
PROBLEMS_MAX = 10
NAME_CHARACTERS_SHOWN = 60
KINDS = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}


@dataclass(frozen=True)
class Parameter:
    """One setting of an algorithm. Numbers always have both bounds, texts always have choices.

    `tasks` is empty where it exists for every task of its algorithm. `searchable` opens it to searches, which
    draw from `search_range` (without one, from the bounds), on a `log` scale where it says so.
    """

    name: str
    type: str
    default: object
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    nullable: bool = False
    searchable: bool = True
    tasks: tuple[str, ...] = ()
    log: bool = False
    search_range: tuple[float, float] | None = None

    def __post_init__(self):
        assert self.type in KINDS, self.type
        assert self.type not in ("int", "float") or None not in (self.minimum, self.maximum), self.name
        assert self.type != "str" or self.choices, self.name
        assert self.check(self.default) == self.default, self.name

    def check(self, value: object) -> object:
        """The value in this parameter's own type, or ParametersRefused naming it and what it takes.

        A whole number may come as 5.0. A boolean is never a number, and a text is never one either: texts out
        of forms go through `parse`.
        """
        if value is None and self.nullable:
            return None
        accepted = self._accepted(value)
        if accepted is None:
            raise self.refusal(value)
        return accepted

    def parse(self, text: str) -> object:
        """The value that a text out of a form or a command line means. Blank means the default."""
        word = text.strip()
        if not word:
            return self.default
        if self.nullable and word.lower() in NULL_WORDS:
            return None
        return self.check(self._read(word))

    def refusal(self, value: object) -> ParametersRefused:
        return ParametersRefused(
            f"{self.name} must be {self.expectation}; it was {shorten(value)}.", field=self.name
        )

    @property
    def expectation(self) -> str:
        """What is accepted, in words: "a whole number from 1 to 64 or null"."""
        words = f"one of {', '.join(self.choices)}" if self.choices else KINDS[self.type]
        if self.maximum is not None:
            words += f" from {self.minimum:g} to {self.maximum:g}"
        return f"{words} or null" if self.nullable else words

    @property
    def is_drawn(self) -> bool:
        """Whether a search draws values by itself: not of what is a decision about the data."""
        return self.searchable and self.type != "bool" and self.name != "class_weight"

    def to_dict(self) -> dict:
        lists = {"choices": list(self.choices), "tasks": list(self.tasks)}
        return {
            **asdict(self),
            **lists,
            "search_range": list(self.search_range) if self.search_range else None,
        }

    def draw(self, random) -> object:
        """A value that a search may try, by a numpy generator."""
        if self.type == "bool":
            return bool(random.integers(2))
        if self.choices:
            return self.choices[random.integers(len(self.choices))]
        low, high = self.search_range or (self.minimum, self.maximum)
        value = (
            math.exp(random.uniform(math.log(low), math.log(high))) if self.log else random.uniform(low, high)
        )
        return round(value) if self.type == "int" else float(f"{value:.4g}")

    def _accepted(self, value: object) -> object | None:
        if self.type == "bool":
            return value if isinstance(value, bool) else None
        if self.type == "str":
            return value if isinstance(value, str) and value in self.choices else None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.minimum <= value <= self.maximum:  # false for NaN as well
            return None
        if self.type == "float":
            return float(value)
        return int(value) if value == math.floor(value) else None

    def _read(self, word: str) -> object:
        if self.type == "bool" and word.lower() in (*TRUE_WORDS, *FALSE_WORDS):
            return word.lower() in TRUE_WORDS
        if self.type not in ("int", "float"):
            return word
        try:
            return float(word)
        except ValueError:
            raise self.refusal(word) from None


def integer(name: str, default: object, minimum: int, maximum: int, help: str, **options) -> Parameter:
    return Parameter(name, "int", default, help, minimum, maximum, **options)


def number(
    name: str, default: float | None, minimum: float, maximum: float, help: str, **options
) -> Parameter:
    return Parameter(name, "float", default, help, minimum, maximum, **options)


def choice(name: str, default: object, choices: tuple[str, ...], help: str, **options) -> Parameter:
    return Parameter(name, "str", default, help, choices=choices, **options)


def boolean(name: str, default: bool, help: str) -> Parameter:
    return Parameter(name, "bool", default, help)


def check_values(owner: str, parameters: tuple[Parameter, ...], values: object, task: str | None) -> dict:
    """The given values, checked; ParametersRefused names all that are wrong, up to PROBLEMS_MAX, at once."""
    if not isinstance(values, Mapping):
        raise ParametersRefused(f"The parameters of {owner} must be an object of names and values.")
    checked, problems = {}, {}
    for name, value in values.items():
        try:
            checked[name] = find(owner, parameters, name, task).check(value)
        except ParametersRefused as refused:
            problems[field_name(name)] = refused.message
        if len(problems) == PROBLEMS_MAX:
            break
    if problems:
        raise ParametersRefused(" ".join(problems.values()), fields=problems)
    return checked


def find(owner: str, parameters: tuple[Parameter, ...], name: object, task: str | None) -> Parameter:
    """The parameter of this name, refused where the algorithm has none for the task."""
    available = {p.name: p for p in parameters if task is None or not p.tasks or task in p.tasks}
    if name in available:
        return available[name]
    offer = f"Its parameters are: {', '.join(available)}." if available else "It takes no parameters."
    purpose = f" for {task}" if any(p.name == name for p in parameters) else ""
    raise ParametersRefused(
        f"{owner} has no parameter {shorten(name)}{purpose}. {offer}", field=field_name(name)
    )


def field_name(name: object) -> str:
    """The name of a parameter as given, cut to what may be repeated."""
    return str(name)[:NAME_CHARACTERS_SHOWN]


def shorten(value: object) -> str:
    """A value as it may be repeated in a sentence, whatever its size; 0.0 as the 0 that was typed."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a huge number"
    text = repr(value).removesuffix(".0")
    return text if len(text) <= 60 else f"{text[:57]}..."
