"""How a model has performed since it was trained: drift of the rows it predicts, and actual values.

Only predictions of its owner count: those that others make with a shared model are private.
"""

from mlmodels.learning.drift import LARGE, NONE, ROWS_MIN, drift_of
from mlmodels.learning.live_quality import live_quality
from mlmodels.limits import MONITORED_PREDICTIONS_MAX
from mlmodels.models import TrainedModel
from mlplatform.core.text import plural

NAMED_MAX = 5


def drift(*, model: TrainedModel) -> dict:
    """Of the latest predictions that are not erased, `rows` of them, against the table of training."""
    latest = model.predictions.owned_by(model.owner_id).stored().order_by("-pk")[:MONITORED_PREDICTIONS_MAX]
    rows = list(latest.values_list("inputs", flat=True))
    columns = drift_of(model.features, rows)
    return {
        "rows": len(rows),
        "rows_max": MONITORED_PREDICTIONS_MAX,
        "trained_on": model.features[0]["profile"]["rows"],
        "sentence": drift_in_words(columns, len(rows)),
        "columns": [column.to_dict() for column in columns],
    }


def drift_in_words(columns: list, rows: int) -> str:
    if rows < ROWS_MIN:
        so_far = f"{plural(rows, 'prediction')} so far" if rows else "No predictions yet"
        return f"{so_far}. Drift is measured from {ROWS_MIN} on."
    drifted = [column for column in columns if column.level != NONE]
    of = f"the latest {plural(rows, 'prediction')}"
    if not drifted:
        return f"In {of}, no column has drifted from the training data."
    named = ", ".join(column.column for column in drifted[:NAMED_MAX])
    more = f" and {len(drifted) - NAMED_MAX} more" if len(drifted) > NAMED_MAX else ""
    advice = " Train again on newer data." if any(column.level == LARGE for column in drifted) else ""
    verb = "has" if len(drifted) == 1 else "have"
    return (
        f"In {of}, {len(drifted)} of {plural(len(columns), 'column')} {verb} drifted: {named}{more}.{advice}"
    )


def live(*, model: TrainedModel) -> dict:
    """Of the latest predictions with an actual value."""
    latest = (
        model.predictions.owned_by(model.owner_id)
        .stored()
        .with_actual()
        .order_by("-created_at")[:MONITORED_PREDICTIONS_MAX]
    )
    intervals = model.report.get("metric_intervals") or {}
    return live_quality(model.task, list(latest.values_list("output", "actual")), model.metrics, intervals)


def monitoring(*, model: TrainedModel) -> dict:
    return {
        "drift": drift(model=model),
        "actuals": live(model=model),
        "comparison": model.report.get("comparison"),
    }
