"""Why a prediction is what it is. Free: nothing is charged or stored."""

import math
from collections.abc import Mapping

from mlmodels.learning import scoring, tables
from mlmodels.models import TrainedModel
from mlmodels.operations import predictions


def explain(*, model: TrainedModel, inputs: Mapping) -> dict:
    """What each column contributes against a typical row; `inputs` as they are stored with a prediction."""
    row = [
        blank(column["role"]) if inputs[column["name"]] is None else inputs[column["name"]]
        for column in model.features
    ]
    typical = scoring.typical_row(model.report["features"])
    derived = [tables.Derived.from_dict(column) for column in model.derived]
    return scoring.contributions(predictions.load(model).scorer, row, typical, derived)


def blank(role: str):
    return math.nan if role == "number" else ""
