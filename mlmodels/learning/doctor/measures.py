"""How much one column tells about another, on held-out rows."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

FOLDS = 5
SEED = 42
ROWS_PER_BIN = 10
BINS_MAX = 100
CLASSES_LOOKED_AT = 20  # the most frequent ones
WORTH_A_LOOK = 0.5  # explained of the very rows that were learned from
TIME_BINS = 20
DRIFT_MIN = 0.02  # of the target's variance, beyond chance
DRIFT_DEVIATIONS_MIN = 5


class Share(NamedTuple):
    """A share of the target's variance, and what it is at least, less one standard error."""

    value: float = 0.0
    at_least: float = 0.0


def target_matrix(values: np.ndarray, task: str) -> np.ndarray:
    """Regression: the values and their ranks, so that outliers do not hide what a column tells.

    Classification: 0 and 1 for each class; what is explained of their variance is what is explained of the
    Gini impurity.
    """
    if task == "regression":
        return np.column_stack([values, ranks(values)])
    classes, rows = np.unique(values, return_counts=True)
    frequent = classes[np.argsort(-rows, kind="stable")][:CLASSES_LOOKED_AT]
    return (values[:, None] == frequent).astype(float)


def ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)


def explained(values: np.ndarray, target: np.ndarray, task: str) -> Share:
    """How much of the target one column explains in rows that were held out, by the best of simple models.

    These are the mean of each value or range of values, the nearest values, and a straight line. `values` are
    numbers with NaN for blanks, or codes of categories. `target` comes from `target_matrix`.
    """
    is_category = values.dtype.kind == "i"
    codes = values if is_category else bins_of(values, BINS_MAX)
    if _share(target, _means(codes, target, codes), task).value < WORTH_A_LOOK:
        return Share()
    fold = np.random.default_rng(SEED).permutation(len(values)) % FOLDS
    models = [_means_of_fold] if is_category else [_means_of_fold, _neighbors_of_fold, _line_of_fold]
    inputs = codes if is_category else np.column_stack([codes, values])
    best = Share()
    for model in models:
        predicted = np.empty_like(target)
        for number in range(FOLDS):
            held_out = fold == number
            predicted[held_out] = model(inputs[~held_out], target[~held_out], inputs[held_out])
        best = max(best, _share(target, predicted, task), key=lambda share: share.at_least)
    return best


def bins_of(values: np.ndarray, bins_max: int) -> np.ndarray:
    """Few different numbers: one code each. Many: bins of about as many rows. Blanks are the last code."""
    is_blank = np.isnan(values)
    present = values[~is_blank]
    bins = int(np.clip(len(present) // ROWS_PER_BIN, 2, bins_max))
    edges = np.unique(present)
    if len(edges) > bins:
        edges = np.unique(np.quantile(present, np.arange(1, bins) / bins))
    codes = np.searchsorted(edges, values, side="right")
    codes[is_blank] = len(edges) + 1
    return codes


def _share(target: np.ndarray, predicted: np.ndarray, task: str) -> Share:
    errors = (target - predicted) ** 2
    spread = ((target - target.mean(axis=0)) ** 2).mean(axis=0)
    if task != "regression":
        errors, spread = errors.sum(axis=1, keepdims=True), spread.sum(keepdims=True)
    shares = [
        Share(float(1 - mean / all_), float(1 - (mean + deviation / np.sqrt(len(errors))) / all_))
        for mean, deviation, all_ in zip(errors.mean(axis=0), errors.std(axis=0), spread, strict=True)
        if all_ > 0
    ]
    return max(shares, key=lambda share: share.at_least, default=Share())


def _means(codes: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The mean target of each code asked for, drawn a little to that of all rows."""
    size = max(codes.max(), asked.max()) + 1
    rows = np.bincount(codes, minlength=size)
    sums = np.stack([np.bincount(codes, weights=each, minlength=size) for each in target.T], axis=1)
    return ((sums + target.mean(axis=0)) / (rows + 1)[:, None])[asked]


def _means_of_fold(inputs: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    if inputs.ndim == 2:
        inputs, asked = inputs[:, 0].astype(np.intp), asked[:, 0].astype(np.intp)
    return _means(inputs, target, asked)


def _beside_blanks(model: Callable) -> Callable:
    """A model of numbers; rows in which the number is blank get their mean."""

    def predict(inputs: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
        found = _means_of_fold(inputs, target, asked)
        known, wanted = ~np.isnan(inputs[:, 1]), ~np.isnan(asked[:, 1])
        if known.any():
            found[wanted] = model(inputs[known, 1], target[known], asked[wanted, 1])
        return found

    return predict


@_beside_blanks
def _neighbors_of_fold(values: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Between the two nearest values."""
    order = np.argsort(values, kind="stable")
    return np.stack([np.interp(asked, values[order], each[order]) for each in target.T], axis=1)


@_beside_blanks
def _line_of_fold(values: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    center, spread, means = values.mean(), values.std() or 1.0, target.mean(axis=0)
    slopes = ((values - center) / spread) @ (target - means) / len(values)
    return means + ((asked - center) / spread)[:, None] * slopes


def drift(seconds: np.ndarray, target: np.ndarray, task: str) -> float:
    """The share of the target explained by when a row was, beyond chance; 0 where chance may explain it."""
    present = ~np.isnan(seconds)
    codes, target = bins_of(seconds[present], TIME_BINS), target[present]
    groups, codes = np.unique(codes, return_inverse=True)
    freedom, rows = len(groups) - 1, len(codes)
    if not freedom or rows < ROWS_PER_BIN * len(groups):
        return 0.0
    means = np.stack([np.bincount(codes, weights=each) / np.bincount(codes) for each in target.T], axis=1)
    share = _share(target, means[codes], task).value
    by_chance, deviation = freedom / (rows - 1), np.sqrt(2 * freedom) / (rows - 1)
    beyond = share - by_chance
    return beyond if beyond >= max(DRIFT_MIN, DRIFT_DEVIATIONS_MIN * deviation) else 0.0
