"""Values of a row that training never saw: an algorithm answers all the same, and a person should know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlmodels.trainers.plan import NUMBER


@dataclass(frozen=True)
class UnusualValue:
    """`minimum` and `maximum` are what training saw of a number; both are None for an unseen category."""

    column: str
    value: float | str
    minimum: float | None = None
    maximum: float | None = None


def unusual_values(features: Sequence[dict], row: Mapping) -> list[UnusualValue]:
    """Numbers outside the range of training, and categories it did not have.

    `features` are what `describe_features` said of the training rows. Blanks are never unusual, and of a column
    with more categories than are listed nothing is said.
    """
    found = []
    for feature in features:
        value = row.get(feature["name"])
        if value is None or value == "":
            continue
        if feature["role"] == NUMBER:
            low, high = feature["minimum"], feature["maximum"]
            if low is not None and not low <= value <= high:
                found.append(UnusualValue(feature["name"], value, low, high))
        elif len(feature["categories"]) == feature["distinct"]:
            if value not in {category for category, _ in feature["categories"]}:
                found.append(UnusualValue(feature["name"], value))
    return found
