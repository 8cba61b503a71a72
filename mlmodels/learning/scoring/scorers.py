"""The two compiled scorers: an encoder in front of a kernel.

A kernel gets the encoded row as a fresh float64 array. For regression it has `value(encoded) -> float`, for
classification `classify(encoded) -> (index of the winner, probabilities)`. Scorers hold no state between
calls, so any number of threads may share one.
"""

import pickle

import pandas as pd


class RegressionScorer:
    classes = None

    def __init__(self, features, encoder, kernel):
        self.features = tuple(features)
        self._encoder = encoder
        self._kernel = kernel
        self.nbytes = memory_bytes((encoder, kernel))

    def predict(self, row: list) -> float:
        return self._kernel.value(self._encoder.encode(row))


class ClassificationScorer:
    def __init__(self, features, encoder, kernel, classes: list):
        self.features = tuple(features)
        self.classes = classes
        self._encoder = encoder
        self._kernel = kernel
        self.nbytes = memory_bytes((encoder, kernel))

    def predict(self, row: list):
        return self.classify(row)[0]

    def predict_proba(self, row: list) -> list[float]:
        return self.classify(row)[1]

    def classify(self, row: list):
        """Label and probabilities in one go."""
        winner, probabilities = self._kernel.classify(self._encoder.encode(row))
        return self.classes[winner], probabilities


def scorer_of_pipeline(pipeline, features):
    kind = PipelineClassificationScorer if hasattr(pipeline, "classes_") else PipelineScorer
    return kind(pipeline, features)


class PipelineScorer:
    classes = None

    def __init__(self, pipeline, features):
        self.features = tuple(features)
        self._pipeline = pipeline
        self.nbytes = memory_bytes(pipeline)

    def predict(self, row: list) -> float:
        return self._pipeline.predict(self._frame(row)).item()

    def _frame(self, row: list) -> pd.DataFrame:
        return pd.DataFrame([row], columns=[feature.name for feature in self.features])


class PipelineClassificationScorer(PipelineScorer):
    def __init__(self, pipeline, features):
        super().__init__(pipeline, features)
        self.classes = pipeline.classes_.tolist()

    def predict(self, row: list):
        return self._pipeline.predict(self._frame(row)).tolist()[0]

    def predict_proba(self, row: list) -> list[float]:
        return self._pipeline.predict_proba(self._frame(row))[0].tolist()

    def classify(self, row: list):
        """Label and probabilities."""
        return self.predict(row), self.predict_proba(row)


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
