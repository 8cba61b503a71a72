"""A scorer is an encoder in front of a kernel, compiled or the pipeline itself.

An encoder turns a row into what its kernel takes. Kernels answer for one row, and for the few hundred that an
explanation asks for. Scorers hold no state between calls, so any number of threads may share one.
"""

import pickle
from abc import ABC, abstractmethod

import numpy as np
import pandas as pd


class RegressionKernel(ABC):
    @abstractmethod
    def value(self, encoded) -> float: ...

    def values(self, rows: list) -> np.ndarray:
        """Of many encoded rows; overridden where that can be quicker than one after the other."""
        return np.array([self.value(encoded) for encoded in rows])


class ClassificationKernel(ABC):
    @abstractmethod
    def classify(self, encoded) -> tuple[int, list[float]]:
        """The index of the class, and the probabilities of all."""

    def probabilities(self, rows: list) -> np.ndarray:
        """Of many encoded rows, shape (rows, classes)."""
        return np.array([self.classify(encoded)[1] for encoded in rows])


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

    def responses(self, rows: list[list], label=None) -> list[float]:
        """Of each row the prediction, or the probability of the class `label`."""
        encoded = [self._encoder.encode(row) for row in rows]
        if self.classes is None:
            return self._kernel.values(encoded).tolist()
        return self._kernel.probabilities(encoded)[:, self.classes.index(label)].tolist()


class PipelineScorer(Scorer):
    """A pipeline behind the interface of a scorer."""

    def __init__(self, pipeline, features):
        classes = pipeline.classes_.tolist() if hasattr(pipeline, "classes_") else None
        super().__init__(features, FrameEncoder(features), PipelineKernel(pipeline), classes)
        self._pipeline = pipeline

    def responses(self, rows: list[list], label=None) -> list[float]:
        """All rows in one call, as each call of a pipeline costs milliseconds."""
        frame = pd.DataFrame(rows, columns=[feature.name for feature in self.features])
        if self.classes is None:
            return self._pipeline.predict(frame).tolist()
        return self._pipeline.predict_proba(frame)[:, self.classes.index(label)].tolist()


class FrameEncoder:
    def __init__(self, features):
        self._names = [feature.name for feature in features]

    def encode(self, row: list) -> pd.DataFrame:
        return pd.DataFrame([row], columns=self._names)


class PipelineKernel(RegressionKernel, ClassificationKernel):
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


class NoExactKernel(Exception):
    """No kernel reproduces a part of the pipeline exactly, so the pipeline itself has to predict."""
