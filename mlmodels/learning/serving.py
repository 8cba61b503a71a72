"""A model as it is asked for predictions: a row in; the prediction, its reliability and its warnings out.

The web server asks it for every paid prediction, and so does the script in a model's bundle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mlmodels.learning import scoring, tables
from mlmodels.learning.trainers import NUMBER, Feature
from mlmodels.learning.trainers.out_of_range import out_of_range_warnings
from mlmodels.learning.trainers.reliability import Reliability
from mlplatform.core.errors import InvalidInput


class NoFinitePrediction(InvalidInput):
    """The values are of the right kinds and the model makes nothing usable of them."""

    code = "no_usable_prediction"
    message = "The prediction for these values is not a finite number. Some may be far too large."


@dataclass(frozen=True)
class ModelFacts:
    """What has to be known beside the fitted pipeline; plain JSON data.

    `columns` are tables.Column dictionaries in the order of the pipeline, `derived` what is computed from
    them, `seen` what training saw of each column, and `threshold_label` the class of two that a threshold is
    about.
    """

    columns: list[dict]
    seen: list[dict]
    derived: list[dict] = field(default_factory=list)
    is_compiled: bool = False
    reliability: dict | None = None
    threshold_label: object = None

    def to_dict(self) -> dict:
        return asdict(self)


class ServedModel:
    """Safe to share between threads. `nbytes` is about how much memory it takes.

    Unless it `is_compiled`, it asks scikit-learn's pipeline, which takes milliseconds for a row.
    """

    def __init__(self, pipeline, facts: ModelFacts):
        columns = [tables.Column.from_dict(column) for column in facts.columns]
        derived = [tables.Derived.from_dict(column) for column in facts.derived]
        features = features_of(columns, derived)
        self.names = [column.name for column in columns]
        self._kinds = {column.name: column.kind for column in columns}
        self._derived = derived
        self._reader = tables.RowReader(columns, derived)
        self._seen = facts.seen
        self._threshold_label = facts.threshold_label
        self._reliability = Reliability.from_dict(facts.reliability) if facts.reliability else None
        scorer = scoring.compile_pipeline(pipeline, features) if facts.is_compiled else None
        self.is_compiled = scorer is not None
        self.scorer = scorer or scoring.pipeline_scorer(pipeline, features)
        self.nbytes = self.scorer.nbytes

    def read(self, values: Mapping[str, Any]) -> list:
        """The typed row; TableRefused names every missing or unusable column."""
        return self._reader.read(values)

    def given(self, row: list) -> dict:
        """The columns of a typed row without what is derived from them."""
        return dict(zip(self.names, row, strict=False))

    def answer(self, row: list, *, level: float | None = None, threshold: float | None = None) -> dict:
        """The prediction; its probabilities and likely classes, or its interval; and warnings.

        `level` is the share of such cases in which interval or classes hold the truth. `threshold` is the
        probability from which `threshold_label` is predicted.
        """
        output = self.scorer.predict_as_dict(row)
        if isinstance(output["prediction"], float) and not math.isfinite(output["prediction"]):
            raise NoFinitePrediction
        if threshold is not None:
            output["prediction"] = self._label_by(threshold, output["probabilities"])
        return {**output, **self._reliability_of(output, level), "warnings": self._warnings(row)}

    def explain(self, row: list, label=None) -> dict:
        """See `scoring.contributions`: what each column adds to the prediction of a typical row."""
        typical = scoring.typical_row(self._seen)
        return scoring.contributions(self.scorer, row, typical, self._derived, label)

    def _reliability_of(self, output: dict, level: float | None) -> dict:
        if self._reliability is None:
            return {}
        level = level or self._reliability.level
        if "probabilities" in output:
            return {"prediction_set": self._reliability.prediction_set(output["probabilities"], level)}
        low, high = self._reliability.interval(output["prediction"], level)
        return {"interval": {"level": level, "low": low, "high": high}}

    def _label_by(self, threshold: float, probabilities: dict):
        other, label = sorted(self.scorer.classes, key=lambda label: label == self._threshold_label)
        return label if probabilities[str(label)] >= threshold else other

    def _warnings(self, row: list) -> list[dict]:
        return out_of_range_warnings(self._seen, self.given(row), self._kinds)


def features_of(columns: Sequence[tables.Column], derived: Sequence[tables.Derived]) -> list[Feature]:
    """What the pipeline takes: the columns, then what is derived from them."""
    return [
        *(Feature(column.name, column.role) for column in columns),
        *(Feature(column.name, NUMBER) for column in derived),
    ]
