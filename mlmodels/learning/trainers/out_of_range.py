"""Values of a row outside the training data: the model still predicts, and the user is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlmodels.learning.trainers.plan import NUMBER


@dataclass(frozen=True)
class OutOfRangeValue:
    """`minimum` and `maximum` are the range of a number in training; both are None for an unseen category."""

    column: str
    value: float | str
    minimum: float | None = None
    maximum: float | None = None


def out_of_range_values(features: Sequence[dict], row: Mapping) -> list[OutOfRangeValue]:
    """Numbers outside the range of training, and categories it did not have.

    `features` come from `describe_features` on the training rows. Blanks are never out of range. Columns with
    more categories than are listed are not checked.
    """
    found = []
    for feature in features:
        value = row.get(feature["name"])
        if value is None or value == "":
            continue
        check = out_of_range_number if feature["role"] == NUMBER else unseen_category
        if out_of_range := check(feature, value):
            found.append(out_of_range)
    return found


def out_of_range_number(feature: dict, value: float) -> OutOfRangeValue | None:
    low, high = feature["minimum"], feature["maximum"]
    if low is None or low <= value <= high:
        return None
    return OutOfRangeValue(feature["name"], value, low, high)


def unseen_category(feature: dict, value: str) -> OutOfRangeValue | None:
    is_complete = len(feature["categories"]) == feature["distinct"]
    if not is_complete or value in {category for category, _ in feature["categories"]}:
        return None
    return OutOfRangeValue(feature["name"], value)
