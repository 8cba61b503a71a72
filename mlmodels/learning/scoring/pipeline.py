"""The pipeline itself behind the interface of a scorer, for models without an exact kernel."""

import pandas as pd

from mlmodels.learning.scoring.memory import memory_bytes


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
