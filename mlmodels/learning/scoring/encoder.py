"""The `ColumnTransformer` of a pipeline for a single row: its fill values, scales and codes looked up."""

import math
from bisect import bisect_right
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from mlmodels.learning.scoring.scorers import NoExactKernel

CATEGORY_ENCODERS = (OneHotEncoder, OrdinalEncoder, TargetEncoder)


class NumberCode(NamedTuple):
    """`(value - mean) / scale` goes to `position`; a missing value counts as `fill`."""

    index: int
    position: int
    fill: float
    mean: float
    scale: float


class ClippedCode(NamedTuple):
    """A number as `NumberCode` has it, clipped to `low` and `high`."""

    index: int
    position: int
    fill: float
    low: float
    high: float
    mean: float
    scale: float


class SplineCode(NamedTuple):
    """A number between two neighboring `knots` writes its nearness to each, 1 at the knot itself; scaled.

    Those of all knots but the last go to the positions from `first` on.
    """

    index: int
    first: int
    fill: float
    knots: list[float]
    means: list[float]
    scales: list[float]

    def write(self, number: float, encoded: np.ndarray) -> None:
        knots, last = self.knots, len(self.knots) - 1
        number = min(max(self.fill if number != number else number, knots[0]), knots[-1])
        at = min(bisect_right(knots, number), last) - 1
        per_unit = 1.0 / (knots[at + 1] - knots[at])  # and then multiplied, as scikit-learn rounds
        near = per_unit * (knots[at + 1] - number)
        encoded[self.first + at] = (near - self.means[at]) / self.scales[at]
        if at + 1 < last:
            near = per_unit * (number - knots[at])
            encoded[self.first + at + 1] = (near - self.means[at + 1]) / self.scales[at + 1]


class MissingCode(NamedTuple):
    """The values of the column that flags missing values."""

    index: int
    position: int
    present: float
    missing: float


class CategoryCode(NamedTuple):
    """The (position, value) pairs that a known category writes, None being a missing number.

    Anything else writes nothing.
    """

    index: int
    writes: dict[str | float | None, tuple[tuple[int, float], ...]]


class TextCode(NamedTuple):
    """What the transformer makes of a text goes to `place`."""

    index: int
    place: slice
    transformer: object


class RowEncoder:
    """Turns a typed row (floats with NaN, text with "" for blank) into the float64 row of the model.

    The predictions of `base_models` belong in the row as well; their places are left at zero.
    """

    def __init__(self, prepare, features):
        self.numbers: list[NumberCode] = []
        self.clipped: list[ClippedCode] = []
        self.splines: list[SplineCode] = []
        self.missing: list[MissingCode] = []
        self.categories: list[CategoryCode] = []
        self.texts: list[TextCode] = []
        self.base_models: list[tuple[slice, object]] = []
        self.unknown = np.zeros(max(place.stop for place in prepare.output_indices_.values()))
        index_of = {feature.name: index for index, feature in enumerate(features)}
        for name, transformer, columns in prepare.transformers_:
            if isinstance(transformer, str) or not len(columns):
                continue  # dropped columns
            place = prepare.output_indices_[name]
            if isinstance(transformer, FrozenEstimator):
                self.base_models.append((place, transformer.estimator))
                continue
            if isinstance(columns, str):
                self._add_text(transformer, index_of[columns], place)
                continue
            indexes = [index_of[column] for column in columns]
            if isinstance(_first_step(transformer), CATEGORY_ENCODERS):
                self._add_categories(transformer, indexes, place, columns)
            elif isinstance(transformer, MissingIndicator):
                self._add_flags(transformer, indexes, place)
            elif "spline" in getattr(transformer, "named_steps", ()):
                self._add_splines(transformer, indexes, place)
            elif "clip" in getattr(transformer, "named_steps", ()):
                self._add_clipped(transformer, indexes, place)
            else:
                self._add_numbers(transformer, indexes, place)

    def encode(self, row: list) -> np.ndarray:
        encoded = self.unknown.copy()
        for index, position, fill, mean, scale in self.numbers:
            value = row[index]
            encoded[position] = ((fill if value != value else value) - mean) / scale
        for index, position, fill, low, high, mean, scale in self.clipped:
            value = row[index]
            encoded[position] = (min(max(fill if value != value else value, low), high) - mean) / scale
        for spline in self.splines:
            spline.write(row[spline.index], encoded)
        for index, position, present, missing in self.missing:
            encoded[position] = missing if row[index] != row[index] else present
        for index, writes in self.categories:
            category = row[index]
            for position, value in writes.get(category if category == category else None, ()):
                encoded[position] = value
        for index, place, transformer in self.texts:
            encoded[place] = dense(transformer.transform([row[index]]))[0]
        return encoded

    def _add_numbers(self, transformer, indexes: list[int], place: slice) -> None:
        imputer, scaler = _imputer_and_scaler(transformer)
        fills = imputer.statistics_.tolist() if imputer else [math.nan] * len(indexes)
        kept = [n for n, fill in enumerate(fills) if not imputer or not math.isnan(fill)]
        flagged = imputer.indicator_.features_.tolist() if imputer and imputer.add_indicator else []
        outputs = len(kept) + len(flagged)
        means = scaler.mean_.tolist() if scaler else [0.0] * outputs
        scales = scaler.scale_.tolist() if scaler else [1.0] * outputs
        targets = zip(range(place.start, place.stop), means, scales, strict=True)
        for n in kept:
            position, mean, scale = next(targets)
            self.numbers.append(NumberCode(indexes[n], position, fills[n], mean, scale))
        for n in flagged:
            position, mean, scale = next(targets)
            self.missing.append(MissingCode(indexes[n], position, (0.0 - mean) / scale, (1.0 - mean) / scale))

    def _add_flags(self, indicator: MissingIndicator, indexes: list[int], place: slice) -> None:
        if len(indicator.features_) != len(indexes):
            raise NoExactKernel(f"blanks through {indicator}")
        for index, position in zip(indexes, range(place.start, place.stop), strict=True):
            self.missing.append(MissingCode(index, position, 0.0, 1.0))

    def _add_clipped(self, transformer, indexes: list[int], place: slice) -> None:
        imputer, clip, scaler = _steps(transformer, SimpleImputer, FunctionTransformer, StandardScaler)
        if clip.func is not np.clip or imputer.add_indicator:
            raise NoExactKernel(f"numbers through {transformer}")
        ends = clip.kw_args["a_min"], clip.kw_args["a_max"]
        positions = range(place.start, place.stop)
        columns = zip(
            indexes, positions, imputer.statistics_, *ends, scaler.mean_, scaler.scale_, strict=True
        )
        for index, position, *numbers in columns:
            self.clipped.append(ClippedCode(index, position, *map(float, numbers)))

    def _add_splines(self, transformer, indexes: list[int], place: slice) -> None:
        imputer, spline, scaler = _steps(transformer, SimpleImputer, SplineTransformer, StandardScaler)
        knots = np.asarray(spline.knots).T
        is_known = spline.degree == 1 and spline.extrapolation == "constant" and not spline.include_bias
        if not is_known or len(knots) != len(indexes) or imputer.add_indicator:
            raise NoExactKernel(f"numbers through {transformer}")
        means, scales = (
            np.reshape(values, (len(knots), -1)).tolist() for values in (scaler.mean_, scaler.scale_)
        )
        self.unknown[place] = -scaler.mean_ / scaler.scale_
        for n, index in enumerate(indexes):
            first = place.start + n * len(means[n])
            fill = float(imputer.statistics_[n])
            self.splines.append(SplineCode(index, first, fill, knots[n].tolist(), means[n], scales[n]))

    def _add_categories(self, transformer, indexes: list[int], place: slice, columns: list[str]) -> None:
        """Encodes each category with the transformer itself, one column at a time, the others unknown."""
        known = [categories.tolist() for categories in _first_step(transformer).categories_]
        unknowns = [_unknown_to(categories) for categories in known]
        self.unknown[place] = unknown = _transform(transformer, columns, [unknowns])[0]
        for n, categories in enumerate(known):
            rows = [[*unknowns[:n], category, *unknowns[n + 1 :]] for category in categories]
            encoded = _transform(transformer, columns, rows)
            writes = {
                category if category == category else None: tuple(
                    (place.start + at, float(values[at])) for at in _differing(values, unknown)
                )
                for category, values in zip(categories, encoded, strict=True)
            }
            self.categories.append(CategoryCode(indexes[n], writes))

    def _add_text(self, transformer, index: int, place: slice) -> None:
        if not isinstance(_first_step(transformer), TfidfVectorizer):
            raise NoExactKernel(f"a text through {transformer}")
        self.texts.append(TextCode(index, place, transformer))


def _first_step(transformer):
    return transformer[0] if isinstance(transformer, Pipeline) else transformer


def _imputer_and_scaler(transformer):
    """The two steps that a block of numbers may have, None for one that is absent."""
    steps = [step for _, step in transformer.steps] if isinstance(transformer, Pipeline) else [transformer]
    parts = {type(step): step for step in steps if not _passes_through(step)}
    imputer, scaler = parts.pop(SimpleImputer, None), parts.pop(StandardScaler, None)
    if parts or (scaler and not (scaler.with_mean and scaler.with_std)):
        raise NoExactKernel(f"numbers through {transformer}")
    return imputer, scaler


def _steps(transformer, *kinds) -> list:
    """The steps of a pipeline of exactly these kinds."""
    steps = [step for _, step in transformer.steps]
    if [type(step) for step in steps] != list(kinds):
        raise NoExactKernel(f"numbers through {transformer}")
    return steps


def _passes_through(step) -> bool:
    return step == "passthrough" or (isinstance(step, FunctionTransformer) and step.func is None)


def _unknown_to(categories: list) -> str | float:
    """A text longer than every known category is none of them, and neither is a number beyond all of them."""
    if categories and not isinstance(categories[0], str):
        return max((number for number in categories if number == number), default=0.0) + 1.0
    return "?" * (max(map(len, categories), default=0) + 1)


def _transform(transformer, columns: list[str], rows: list[list]) -> np.ndarray:
    table = {name: _as_column(values) for name, *values in zip(columns, *rows, strict=True)}
    return dense(transformer.transform(pd.DataFrame(table)))


def _as_column(values: list) -> np.ndarray:
    return np.array(values, dtype=object if isinstance(values[0], str) else np.float64)


def dense(encoded) -> np.ndarray:
    return np.asarray(encoded.toarray() if issparse(encoded) else encoded, dtype=np.float64)


def _differing(values: np.ndarray, unknown: np.ndarray) -> list[int]:
    same = (values == unknown) | (np.isnan(values) & np.isnan(unknown))
    return np.flatnonzero(~same).tolist()
