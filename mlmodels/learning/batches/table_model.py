"""A model that is asked for many rows at once. Each gets what `ServedModel.answer` says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlmodels.learning import tables
from mlmodels.learning.serving import ModelFacts
from mlmodels.learning.trainers.out_of_range import OutOfRangeValue
from mlmodels.learning.trainers.plan import CATEGORY, NUMBER
from mlmodels.learning.trainers.reliability import Reliability

if TYPE_CHECKING:
    import numpy
    import pandas

PREPARED_CELLS_MAX = 4_000_000  # of the rows that go through the pipeline at once
ROWS_AT_ONCE_MIN = 1_000
COLUMNS_ASSUMED = 100  # where the model does not say how many prepared columns it takes


@dataclass
class Answers:
    """Of each row: the prediction, and either the ends of its interval, or for each of `classes` the
    probability and the classes that cannot be ruled out, as text.

    `warnings` and `unusable` are by position; a row is unusable if its prediction is no finite number.
    """

    predictions: "numpy.ndarray"
    low: "numpy.ndarray | None" = None
    high: "numpy.ndarray | None" = None
    classes: list | None = None
    probabilities: "numpy.ndarray | None" = None
    sets: list[tuple[str, ...]] | None = None
    warnings: dict[int, list[dict]] = field(default_factory=dict)
    unusable: set[int] = field(default_factory=set)


class TableModel:
    """The pipeline as it was fitted: for many rows it is several times as quick as the compiled kernels."""

    def __init__(self, pipeline, facts: ModelFacts):
        columns = [tables.Column.from_dict(column) for column in facts.columns]
        self._pipeline = pipeline
        self._derived = [tables.Derived.from_dict(column) for column in facts.derived]
        self._names = [column.name for column in columns]
        self._kinds = {column.name: column.kind for column in columns}
        self._seen = facts.seen
        self._threshold_label = facts.threshold_label
        self.classes = pipeline.classes_.tolist() if hasattr(pipeline, "classes_") else None
        self.reliability = Reliability.from_dict(facts.reliability) if facts.reliability else None

    def answers(
        self,
        values: "Mapping[str, numpy.ndarray]",
        *,
        level: float | None = None,
        threshold: float | None = None,
    ) -> Answers:
        """`values` are typed columns by name: floats with NaN for blank, or texts with "" for blank."""
        answers = (
            self._numbers(values, level) if self.classes is None else self._labels(values, level, threshold)
        )
        answers.warnings = self._warnings(values)
        return answers

    def _numbers(self, values, level: float | None) -> Answers:
        import numpy

        predictions = numpy.asarray(self._through_pipeline("predict", values), dtype="float64")
        answers = Answers(predictions)
        answers.unusable = set(numpy.flatnonzero(~numpy.isfinite(predictions)).tolist())
        if self.reliability:
            with numpy.errstate(invalid="ignore"):
                answers.low, answers.high = self.reliability.intervals(predictions, level)
        return answers

    def _labels(self, values, level: float | None, threshold: float | None) -> Answers:
        import numpy

        probabilities = self._through_pipeline("predict_proba", values)
        labels = numpy.array(self.classes, dtype=object)
        if threshold is None:
            predictions = labels[probabilities.argmax(axis=1)]
        else:
            chosen = self.classes.index(self._threshold_label)
            is_chosen = probabilities[:, chosen] >= threshold
            predictions = labels[numpy.where(is_chosen, chosen, 1 - chosen)]
        answers = Answers(predictions, classes=self.classes, probabilities=probabilities)
        if self.reliability:
            names = [str(label) for label in self.classes]
            answers.sets = self.reliability.prediction_sets(names, probabilities, level)
        return answers

    def _through_pipeline(self, method: str, values) -> "numpy.ndarray":
        import numpy

        call, frame = getattr(self._pipeline, method), self._frame(values)
        step = self._rows_at_once()
        if len(frame) <= step:
            return call(frame)
        return numpy.concatenate([call(frame.iloc[at : at + step]) for at in range(0, len(frame), step)])

    def _frame(self, values) -> "pandas.DataFrame":
        import pandas

        frame = pandas.DataFrame({name: values[name] for name in self._names}, copy=False)
        return tables.derive(frame, self._derived)

    def _rows_at_once(self) -> int:
        try:
            prepared = self._pipeline[-1].n_features_in_
        except (TypeError, AttributeError):  # no chain of steps, such as an average of several models
            prepared = COLUMNS_ASSUMED
        return max(ROWS_AT_ONCE_MIN, PREPARED_CELLS_MAX // max(prepared, 1))

    def _warnings(self, values) -> dict[int, list[dict]]:
        found: dict[int, list[dict]] = {}
        for feature in self._seen:
            name = feature["name"]
            if name in values:
                for at, odd in out_of_range(feature, values[name]):
                    warning = {"column": name, "message": odd.message(self._kinds[name])}
                    found.setdefault(at, []).append(warning)
        return found


def out_of_range(feature: dict, values: "numpy.ndarray") -> list[tuple[int, OutOfRangeValue]]:
    """Positions and values, as `out_of_range_values` finds them in single rows."""
    import numpy

    name = feature["name"]
    if feature["role"] == NUMBER and feature["minimum"] is not None:
        low, high = feature["minimum"], feature["maximum"]
        odd = numpy.flatnonzero((values < low) | (values > high)).tolist()
        return [(at, OutOfRangeValue(name, float(values[at]), low, high)) for at in odd]
    if feature["role"] == CATEGORY and len(feature["categories"]) == feature["distinct"]:
        known = {"", *(category for category, _ in feature["categories"])}
        if set(values) <= known:
            return []
        return [(at, OutOfRangeValue(name, value)) for at, value in enumerate(values) if value not in known]
    return []
