"""A fitted pipeline behind the columns of the file: derived columns are made on the way in. Never pickled."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from mlmodels.learning.tables.derived import Derived, derive


class FittedModel:
    """Predicts from a frame with the columns of the file. `derived` are `tables.Derived` dictionaries."""

    def __init__(self, pipeline: Pipeline, derived: Sequence[dict] = ()):
        self.pipeline = pipeline
        self.derived = [Derived.from_dict(column) for column in derived]

    @property
    def classes_(self) -> np.ndarray:
        return self.pipeline.classes_

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.pipeline.predict(derive(frame, self.derived))

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        return self.pipeline.predict_proba(derive(frame, self.derived))
