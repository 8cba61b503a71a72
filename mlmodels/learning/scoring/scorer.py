"""The two compiled scorers: an encoder in front of a kernel.

A kernel gets the encoded row as a fresh float64 array. For regression it has `value(encoded) -> float`, for
classification `classify(encoded) -> (index of the winner, probabilities)`. Scorers hold no state between
calls, so any number of threads may share one.
"""

from mlmodels.learning.scoring.memory import memory_bytes


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
