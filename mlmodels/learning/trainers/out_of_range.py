"""Values of a row that training never saw: an algorithm answers all the same, and a person should know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlmodels.learning.trainers.plan import NUMBER


@dataclass(frozen=True)
class UnusualValue:
    """`minimum` and `maximum` are what training saw of a number; both are None for an unseen category."""

    column: str
    value: float | str
    minimum: float | None = None
    maximum: float | None = None


def unusual_values(features: Sequence[dict], row: Mapping) -> list[UnusualValue]:
    """Numbers outside the range of training, and categories it did not have.

    `features` are what `describe_features` said of the training rows. Blanks are never unusual, and of a
    column with more categories than are listed nothing is said.
    """
    found = []
    for feature in features:
        value = row.get(feature["name"])
        if value is None or value == "":
            continue
        unusual = unusual_number(feature, value) if feature["role"] == NUMBER else unseen(feature, value)
        if unusual:
            found.append(unusual)
    return found


def unusual_number(feature: dict, value: float) -> UnusualValue | None:
    low, high = feature["minimum"], feature["maximum"]
    if low is None or low <= value <= high:
        return None
    return UnusualValue(feature["name"], value, low, high)


def unseen(feature: dict, value: str) -> UnusualValue | None:
    is_complete = len(feature["categories"]) == feature["distinct"]
    if not is_complete or value in {category for category, _ in feature["categories"]}:
        return None
    return UnusualValue(feature["name"], value)
