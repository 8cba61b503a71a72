"""A model that was trained again against the one before, if possible on rows that neither has learned from.

The training process does it, which has the test rows of the new model at hand with what it predicted for them
before it was fitted again on all rows.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mlmodels.learning import training_table
from mlmodels.learning.earlier_models import EarlierModel
from mlmodels.learning.trainers import Evaluation, FitResult, TrainingPlan
from mlmodels.learning.trainers.evaluation import probability_of
from mlmodels.learning.trainers.figures import percent, written
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.metrics import Predictions, predict
from mlmodels.learning.trainers.model_comparison import PROBABILITY_MIN, ROWS_MIN, interval_of_mean
from mlplatform.core.errors import DomainError
from mlplatform.core.text import plural

COMPARED_ROWS_MAX = 5_000
NEW_ROWS, TEST_ROWS = "new", "test"


def compare(
    earlier: EarlierModel,
    plan: TrainingPlan,
    features: Sequence[dict],
    frame: pd.DataFrame,
    result: FitResult,
) -> dict:
    """`sentence` says which of the two is better, on which rows, and whether that can be chance.

    `rows_used` is "new" for test rows of the new model that are not in the earlier one's table, or "test" for
    all of its test rows, where too few of them are new; `rows` counts them. `figures` are the mean misses of
    the earlier and the new model, or the probabilities that they gave to the actual class. `difference` is
    that of the misses, or of the log losses, with an `interval`: above zero, the new model is better.
    `better` is None where it can be chance. A comparison that cannot be made has only a `sentence`.
    """
    try:
        return _compared(earlier, plan, features, frame, result)
    except (ValueError, DomainError, MemoryError):
        return _impossible(earlier, "the earlier model cannot predict the rows of the new version")


def _compared(earlier, plan, features, frame, result) -> dict:
    if changed := _changed_roles(earlier.features, features):
        return _impossible(earlier, f"{', '.join(changed)[:200]} changed between a number and a category")
    made, index = result.test_predictions, result.test_rows
    seen = _rows_seen(earlier, plan)
    tested = _hashes(frame.loc[index, plan.feature_names], made.actual)
    is_new = np.zeros(len(index), dtype=bool) if seen is None else ~np.isin(tested, seen)
    new_rows = int(is_new.sum())
    rows_used = NEW_ROWS if new_rows >= ROWS_MIN else TEST_ROWS
    chosen = _drawn(np.flatnonzero(is_new) if rows_used == NEW_ROWS else np.arange(len(index)))
    if len(chosen) < ROWS_MIN:
        return _impossible(earlier, f"{plural(len(chosen), 'test row')} cannot show a difference")
    rows = frame.loc[index[chosen], plan.feature_names]
    before = predict(earlier.load(), plan.task, rows, made.actual[chosen])
    losses = [_losses(before, np.arange(len(chosen))), _losses(made, chosen)]
    return {
        "earlier": earlier.name,
        "rows": len(chosen),
        "rows_used": rows_used,
        **_measured(earlier, plan.is_regression, losses, rows_used),
        "note": _note(earlier.name, rows_used, new_rows, is_deleted=seen is None),
    }


def _measured(earlier: EarlierModel, is_regression: bool, losses: list[np.ndarray], rows_used: str) -> dict:
    differences = losses[0] - losses[1]
    low, high = interval_of_mean(differences)
    better = None if low <= 0 <= high else ("new" if low > 0 else "earlier")
    means = [float(loss.mean()) for loss in losses]
    figures = means if is_regression else [math.exp(-mean) for mean in means]
    say = _sentence_on_misses if is_regression else _sentence_on_probabilities
    where = f"On the {len(differences):,} {'new' if rows_used == NEW_ROWS else 'test'} rows"
    chance = "; the difference may be due to chance" if better is None else ""
    return {
        "better": better,
        "figures": figures,
        "difference": float(differences.mean()),
        "interval": [low, high],
        "sentence": f"{where}, {say(earlier.name, figures)}{chance}.",
    }


def _sentence_on_misses(name: str, figures: list[float]) -> str:
    before, now = figures
    told = f"{written(now)} on average instead of {written(before)}"
    share = abs(1 - now / before) if before else 0.0
    if percent(share, math.floor) == "less than 0.1%":
        return f"the new model misses by as much as {name}: {told}"
    more_or_less = "less" if now < before else "more"
    return f"the new model misses by {percent(share, math.floor)} {more_or_less} than {name}: {told}"


def _sentence_on_probabilities(name: str, figures: list[float]) -> str:
    before, now = (percent(figure, round) for figure in figures)
    return f"the new model gives the right class a probability of {now}, {name} {before}"


def _note(name: str, rows_used: str, new_rows: int, *, is_deleted: bool) -> str:
    if rows_used == NEW_ROWS:
        return "Neither model learned from these rows."
    why = (
        f"The version that {name} learned from was deleted"
        if is_deleted
        else f"Only {plural(new_rows, 'row')} of the test rows {'is' if new_rows == 1 else 'are'} new"
    )
    return f"{why}: {name} may have learned from some of these rows, which flatters it."


def _impossible(earlier: EarlierModel, why: str) -> dict:
    return {
        "earlier": earlier.name,
        "rows": 0,
        "better": None,
        "sentence": f"The new model was not compared with {earlier.name}: {why}.",
    }


def _changed_roles(before: Sequence[dict], now: Sequence[dict]) -> list[str]:
    roles = {column["name"]: column["role"] for column in before}
    return [column["name"] for column in now if column["role"] != roles[column["name"]]]


def _rows_seen(earlier: EarlierModel, plan: TrainingPlan) -> np.ndarray | None:
    """The rows of the earlier model's table, features and target, as hashes.

    None where that version was deleted: before the training or, since nothing holds it, in the meantime.
    """
    if earlier.table_path is None:
        return None
    by_name = {column["name"]: column for column in earlier.features}
    columns = [by_name[name] for name in plan.feature_names]
    as_then = replace(plan, evaluation=Evaluation(**earlier.evaluation))
    try:
        frame, labels, _ = training_table.read(
            earlier.table_path, earlier.dialect, columns, earlier.target, as_then, earlier.split_column
        )
    except FileNotFoundError:
        return None
    return _hashes(frame[plan.feature_names], labels)


def _hashes(frame: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    rows = frame.assign(**{"": pd.Series(labels, index=frame.index).astype(str)})
    return pd.util.hash_pandas_object(rows, index=False).to_numpy()


def _drawn(positions: np.ndarray) -> np.ndarray:
    return np.sort(np.random.default_rng(SEED).permutation(positions)[:COMPARED_ROWS_MAX])


def _losses(predictions: Predictions, rows: np.ndarray) -> np.ndarray:
    """The misses of these rows, or the log losses."""
    actual = predictions.actual[rows]
    if predictions.classes is None:
        return np.abs(actual - predictions.predicted[rows])
    chosen = replace(predictions, actual=actual, probabilities=predictions.probabilities[rows])
    return -np.log(np.clip(probability_of(actual, chosen), PROBABILITY_MIN, 1.0))
