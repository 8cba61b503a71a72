"""A scorer is an encoder in front of a kernel, compiled or the pipeline itself.

An encoder turns a row into what its kernel takes. A kernel has `value(encoded) -> float` for regression and
`classify(encoded) -> (index of the class, probabilities)` for classification. Scorers hold no state between
calls, so any number of threads may share one.
"""

import math
import pickle
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)


class Scorer:
    """`classes` are the labels of a classifier in the order of the probabilities, None for regression."""

    def __init__(self, features, encoder, kernel, classes: list | None):
        self.features = tuple(features)
        self.classes = classes
        self._encoder = encoder
        self._kernel = kernel
        self.nbytes = memory_bytes((encoder, kernel))

    def predict(self, row: list):
        if self.classes is None:
            return self._kernel.value(self._encoder.encode(row))
        return self.classify(row)[0]

    def predict_as_dict(self, row: list) -> dict:
        """`{"prediction": …}`, and for a classifier `{"probabilities": {label as text: …}}` as well."""
        if self.classes is None:
            return {"prediction": self._kernel.value(self._encoder.encode(row))}
        label, probabilities = self.classify(row)
        names = map(str, self.classes)
        return {"prediction": label, "probabilities": dict(zip(names, probabilities, strict=True))}

    def predict_proba(self, row: list) -> list[float]:
        return self.classify(row)[1]

    def classify(self, row: list):
        """Label and probabilities in one call."""
        winner, probabilities = self._kernel.classify(self._encoder.encode(row))
        return self.classes[winner], probabilities


def scorer_of_pipeline(pipeline, features) -> Scorer:
    classes = pipeline.classes_.tolist() if hasattr(pipeline, "classes_") else None
    return Scorer(features, FrameEncoder(features), PipelineKernel(pipeline), classes)


class FrameEncoder:
    def __init__(self, features):
        self._names = [feature.name for feature in features]

    def encode(self, row: list) -> pd.DataFrame:
        return pd.DataFrame([row], columns=self._names)


class PipelineKernel:
    def __init__(self, pipeline):
        self._pipeline = pipeline

    def value(self, frame: pd.DataFrame) -> float:
        return self._pipeline.predict(frame).item()

    def classify(self, frame: pd.DataFrame) -> tuple[int, list[float]]:
        label = self._pipeline.predict(frame).tolist()[0]
        return self._pipeline.classes_.tolist().index(label), self._pipeline.predict_proba(frame)[0].tolist()


# A dictionary of tuples takes about this much more in memory than in its pickled form.
PYTHON_BYTES_PER_PICKLED_BYTE = 4


def memory_bytes(thing) -> int:
    """About how many bytes `thing` keeps: its arrays exactly, and its other objects by their pickled size."""
    sink = _CountingSink()
    pickle.Pickler(sink, protocol=5, buffer_callback=sink.count_array).dump(thing)
    return sink.array_bytes + sink.other_bytes * PYTHON_BYTES_PER_PICKLED_BYTE


class _CountingSink:
    """A file that only counts, so that measuring a large forest does not copy it."""

    def __init__(self):
        self.array_bytes = 0
        self.other_bytes = 0

    def write(self, data) -> int:
        self.other_bytes += memoryview(data).nbytes
        return memoryview(data).nbytes

    def count_array(self, buffer: pickle.PickleBuffer) -> bool:
        self.array_bytes += buffer.raw().nbytes
        return False


CATEGORY_ENCODERS = (OneHotEncoder, OrdinalEncoder, TargetEncoder)


class NumberCode(NamedTuple):
    """`(value - mean) / scale` goes to `position`; a missing value counts as `fill`."""

    index: int
    position: int
    fill: float
    mean: float
    scale: float


class MissingCode(NamedTuple):
    """The values of the column that flags missing values."""

    index: int
    position: int
    present: float
    missing: float


class CategoryCode(NamedTuple):
    """The (position, value) pairs that a known category writes. Anything else writes nothing."""

    index: int
    writes: dict[str, tuple[tuple[int, float], ...]]


class RowEncoder:
    """Turns a typed row (floats with NaN, text with "" for blank) into the float64 row of the model."""

    def __init__(self, prepare, features):
        self._numbers: list[NumberCode] = []
        self._missing: list[MissingCode] = []
        self._categories: list[CategoryCode] = []
        self._unknown = np.zeros(max(place.stop for place in prepare.output_indices_.values()))
        index_of = {feature.name: index for index, feature in enumerate(features)}
        role_of = {feature.name: feature.role for feature in features}
        for name, transformer, columns in prepare.transformers_:
            if isinstance(transformer, str) or not len(columns):
                continue  # dropped columns
            block = (transformer, [index_of[column] for column in columns], prepare.output_indices_[name])
            if all(role_of[column] == "number" for column in columns):
                self._add_numbers(*block)
            else:
                self._add_categories(*block, columns)

    def encode(self, row: list) -> np.ndarray:
        encoded = self._unknown.copy()
        for index, position, fill, mean, scale in self._numbers:
            value = row[index]
            encoded[position] = ((fill if value != value else value) - mean) / scale
        for index, position, present, missing in self._missing:
            encoded[position] = missing if row[index] != row[index] else present
        for index, writes in self._categories:
            for position, value in writes.get(row[index], ()):
                encoded[position] = value
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
            self._numbers.append(NumberCode(indexes[n], position, fills[n], mean, scale))
        for n in flagged:
            position, mean, scale = next(targets)
            self._missing.append(
                MissingCode(indexes[n], position, (0.0 - mean) / scale, (1.0 - mean) / scale)
            )

    def _add_categories(self, transformer, indexes: list[int], place: slice, columns: list[str]) -> None:
        """Encodes each category with the transformer itself, one column at a time, the others unknown."""
        known = _known_categories(transformer)
        unknowns = [_unknown_to(categories) for categories in known]
        self._unknown[place] = unknown = _transform(transformer, columns, [unknowns])[0]
        for n, categories in enumerate(known):
            rows = [[*unknowns[:n], category, *unknowns[n + 1 :]] for category in categories]
            encoded = _transform(transformer, columns, rows)
            writes = {
                category: tuple((place.start + at, float(values[at])) for at in _differing(values, unknown))
                for category, values in zip(categories, encoded, strict=True)
            }
            self._categories.append(CategoryCode(indexes[n], writes))


def _imputer_and_scaler(transformer):
    """The two steps that a block of numbers may have, None for one that is absent."""
    steps = [step for _, step in transformer.steps] if isinstance(transformer, Pipeline) else [transformer]
    parts = {type(step): step for step in steps if not _passes_through(step)}
    imputer, scaler = parts.pop(SimpleImputer, None), parts.pop(StandardScaler, None)
    if parts or (scaler and not (scaler.with_mean and scaler.with_std)):
        raise NoExactKernel(f"numbers through {transformer}")
    return imputer, scaler


def _passes_through(step) -> bool:
    return step == "passthrough" or (isinstance(step, FunctionTransformer) and step.func is None)


def _known_categories(transformer) -> list[list[str]]:
    encoder = transformer[0] if isinstance(transformer, Pipeline) else transformer
    if not isinstance(encoder, CATEGORY_ENCODERS):
        raise NoExactKernel(f"categories through {transformer}")
    return [categories.tolist() for categories in encoder.categories_]


def _unknown_to(categories: list[str]) -> str:
    """A text longer than every known category is none of them."""
    return "?" * (max(map(len, categories), default=0) + 1)


def _transform(transformer, columns: list[str], rows: list[list[str]]) -> np.ndarray:
    encoded = transformer.transform(pd.DataFrame(rows, columns=columns, dtype=object))
    return np.asarray(encoded.toarray() if issparse(encoded) else encoded, dtype=np.float64)


def _differing(values: np.ndarray, unknown: np.ndarray) -> list[int]:
    same = (values == unknown) | (np.isnan(values) & np.isnan(unknown))
    return np.flatnonzero(~same).tolist()


class NoExactKernel(Exception):
    """No kernel reproduces a part of the pipeline exactly, so the pipeline itself has to predict."""
