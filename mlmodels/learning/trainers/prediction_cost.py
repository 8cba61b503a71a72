"""About how long a model takes to predict a row, by its parts: how much explaining it may ask of it.

Estimated and not measured, so that the same model is always asked the same and gives the same figures.
"""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

# Microseconds of one core for a row among many, on the machines of docs/decisions/0011
COLUMN = 0.5
TEXT = 50.0
TREE = 0.35
BOOSTING_TREE = 0.1
STORED_ROW = 0.003  # compared with all others, and so much more for each of its prepared columns
STORED_CELL = 0.000055
STORED_ROW_IN_TREE = 0.015
STORED_ROWS_AT_LEAST = 1_500  # choosing among few neighbors has a price of its own
FIT_SHARE = 0.05  # of the time to fit trees, in which a row takes three times as long or longer
ROWS_FITTED_PER_PREDICTED = 3


def row_microseconds(model, stored_rows: int) -> float:
    """For a row of a fitted pipeline or estimator; `stored_rows` is how many it was trained on."""
    match model:
        case Pipeline() if "prepare" in model.named_steps:
            blocks = [block for _, block, _ in model["prepare"].transformers_]
            base_models = [block for block in blocks if isinstance(block, FrozenEstimator)]
            rows = sum(row_microseconds(part, stored_rows) for part in [model["model"], *base_models])
            return prepare_microseconds(model["prepare"]) + rows
        case Pipeline():
            return row_microseconds(model["model"], stored_rows)
        case FrozenEstimator():
            return row_microseconds(model.estimator, stored_rows)
        case CalibratedClassifierCV():
            parts = [part.estimator for part in model.calibrated_classifiers_]
            return sum(row_microseconds(part, stored_rows) for part in parts)
        case TransformedTargetRegressor():
            return row_microseconds(model.regressor_, stored_rows)
        case VotingRegressor() | VotingClassifier():
            return sum(row_microseconds(member, stored_rows) for member in model.estimators_)
    return estimator_microseconds(model, stored_rows)


def prepare_microseconds(prepare) -> float:
    texts = sum(isinstance(columns, str) for _, _, columns in prepare.transformers_)
    return COLUMN * prepare.n_features_in_ + TEXT * texts


def estimator_microseconds(model, stored_rows: int) -> float:
    if hasattr(model, "kneighbors"):
        comparison = STORED_ROW + STORED_CELL * model.n_features_in_
        row = comparison if model._fit_method == "brute" else STORED_ROW_IN_TREE
        return row * max(stored_rows, STORED_ROWS_AT_LEAST)
    if hasattr(model, "_predictors"):
        return BOOSTING_TREE * sum(map(len, model._predictors))
    if hasattr(model, "estimators_"):
        return TREE * len(model.estimators_)
    return 1.0


def rows_within(model, stored_rows: int, seconds: float) -> int:
    """How many rows a fitted model may predict in so many seconds, and a small share of its fit's."""
    model = getattr(model, "pipeline", model)
    row = row_microseconds(model, stored_rows)
    fit = 0.0 if is_lazy(model) else row * stored_rows * ROWS_FITTED_PER_PREDICTED
    return int((seconds * 1e6 + fit * FIT_SHARE) / row)


def is_lazy(model) -> bool:
    """Whether fitting only stores the rows."""
    return isinstance(model, Pipeline) and hasattr(model[-1], "kneighbors")
