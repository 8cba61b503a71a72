"""How much each column of a row moves its prediction away from that of a typical row (Shapley values).

Starting at the typical row, columns take the row's own values one after the other, and each gets what the
prediction changes at its step. That depends on the order, so it is averaged over several orders, each of them
there and back. In every order the steps add up to the whole difference, and so does their mean, in any model.
"""

import math
import random
from collections.abc import Sequence
from itertools import permutations

from mlmodels.learning.tables.derived import Derived, reader_of
from mlmodels.learning.trainers.limits import SEED

ORDERS_MAX = 32
ORDERS_MIN = 4
STEPS_MAX = 640


def contributions(
    scorer, row: Sequence, typical: Sequence, derived: Sequence[Derived] = (), label: object = None
) -> dict:
    """`base` (of the typical row), `prediction`, and `contributions` by column, which add up to the gap.

    `row` and `typical` hold typed values of the columns of the file, which come first among the scorer's
    features; `derived` makes the others. For a classifier it is the probability of `label`, or else of the
    class that is predicted, and `label` says which.
    """
    names = [feature.name for feature in scorer.features[: len(scorer.features) - len(derived)]]
    makers = [reader_of(made, names) for made in derived]
    row, typical = list(row[: len(names)]), list(typical[: len(names)])
    if scorer.classes is not None and label is None:
        label = scorer.predict(complete(row, makers))
    differing = [at for at in range(len(names)) if not is_same(row[at], typical[at])]
    orders = orders_of(differing)
    asked = sorted({taken for order in orders for taken in taken_along(order)})
    rows = [complete(mixed(row, typical, taken), makers) for taken in asked]
    responses = dict(zip(asked, scorer.responses(rows, label), strict=True))
    parts = dict.fromkeys(names, 0.0)
    for at, mean in mean_steps(orders, responses).items():
        parts[names[at]] = mean
    found = {"base": responses[0], "prediction": responses[asked[-1]], "contributions": parts}
    return found if scorer.classes is None else {**found, "label": label}


def is_same(value, other) -> bool:
    return value == other or (value != value and other != other)


def orders_of(places: list[int]) -> list[tuple[int, ...]]:
    """All orders of a few places, else some drawn with a fixed seed, and each of them backwards as well."""
    if math.factorial(len(places)) <= ORDERS_MAX:
        return list(permutations(places))
    count = max(ORDERS_MIN, min(ORDERS_MAX, STEPS_MAX // len(places)))
    draw = random.Random(SEED)  # noqa: S311 - no secret
    forwards = [tuple(draw.sample(places, len(places))) for _ in range(count // 2)]
    return [order for forward in forwards for order in (forward, forward[::-1])]


def taken_along(order: Sequence[int]) -> list[int]:
    """For each step the places taken so far, as the bits of a number: from none to all."""
    taken = [0]
    for place in order:
        taken.append(taken[-1] | 1 << place)
    return taken


def mixed(row: list, typical: list, taken: int) -> list:
    return [row[at] if taken >> at & 1 else typical[at] for at in range(len(row))]


def complete(row: list, makers: list) -> list:
    return row + [make(row) for make in makers]


def mean_steps(orders: list[tuple[int, ...]], responses: dict[int, float]) -> dict[int, float]:
    steps: dict[int, list[float]] = {}
    for order in orders:
        taken = taken_along(order)
        for place, before, after in zip(order, taken, taken[1:], strict=False):
            steps.setdefault(place, []).append(responses[after] - responses[before])
    return {place: math.fsum(of_place) / len(orders) for place, of_place in steps.items()}


def typical_row(features: Sequence[dict]) -> list:
    """The typed values of a row as `describe_features` describes it; a blank where nothing is typical."""
    blanks = {"number": math.nan}
    return [
        blanks.get(feature["role"], "") if feature["typical"] is None else feature["typical"]
        for feature in features
    ]
