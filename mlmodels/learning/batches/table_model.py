"""A model that is asked for many rows at once. Each gets what `ServedModel.answer` says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlmodels.learning import scoring, tables
from mlmodels.learning.serving import ModelFacts, features_of
from mlmodels.learning.trainers.out_of_range import OutOfRangeValue
from mlmodels.learning.trainers.plan import CATEGORY, NUMBER
from mlmodels.learning.trainers.reliability import Reliability

if TYPE_CHECKING:
    import numpy

    from mlmodels.learning.scoring.table_encoder import Column


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
    """The pipeline behind `scoring.table_scorer`, which is made for many rows."""

    def __init__(self, pipeline, facts: ModelFacts):
        columns = [tables.Column.from_dict(column) for column in facts.columns]
        self._derived = [tables.Derived.from_dict(column) for column in facts.derived]
        self._scorer = scoring.table_scorer(pipeline, features_of(columns, self._derived))
        self._kinds = {column.name: column.kind for column in columns}
        self._seen = facts.seen
        self._threshold_label = facts.threshold_label
        self.classes = pipeline.classes_.tolist() if hasattr(pipeline, "classes_") else None
        self.reliability = Reliability.from_dict(facts.reliability) if facts.reliability else None

    def answers(
        self,
        parts: "Sequence[Mapping[str, Column]]",
        *,
        level: float | None = None,
        threshold: float | None = None,
    ) -> list[Answers]:
        """Of parts of a table that are predicted together, which can be quicker than one by one.

        Each has typed columns by name: floats with NaN for a blank, or texts with "" for a blank.
        """
        found = []
        for values, outputs in zip(parts, self._outputs(parts), strict=True):
            is_number = self.classes is None
            answers = self._numbers(outputs, level) if is_number else self._labels(outputs, level, threshold)
            answers.warnings = self._warnings(values)
            found.append(answers)
        return found

    def _numbers(self, outputs: "numpy.ndarray", level: float | None) -> Answers:
        import numpy

        predictions = numpy.asarray(outputs, dtype="float64")
        answers = Answers(predictions)
        answers.unusable = set(numpy.flatnonzero(~numpy.isfinite(predictions)).tolist())
        if self.reliability:
            with numpy.errstate(invalid="ignore"):
                answers.low, answers.high = self.reliability.intervals(predictions, level)
        return answers

    def _labels(
        self, probabilities: "numpy.ndarray", level: float | None, threshold: float | None
    ) -> Answers:
        import numpy

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

    def _outputs(self, parts: "Sequence[Mapping[str, Column]]") -> "list[numpy.ndarray]":
        import numpy

        from mlmodels.learning.scoring.table_encoder import joined, row_count

        values = {name: joined([part[name] for part in parts]) for name in parts[0]}
        outputs = self._scorer.outputs({**values, **tables.derived_values(values, self._derived)})
        ends = numpy.cumsum([row_count(list(part.values())) for part in parts])
        return numpy.split(outputs, ends[:-1])

    def _warnings(self, values) -> dict[int, list[dict]]:
        found: dict[int, list[dict]] = {}
        for feature in self._seen:
            name = feature["name"]
            if name in values:
                for at, odd in out_of_range(feature, values[name]):
                    warning = {"column": name, "message": odd.message(self._kinds[name])}
                    found.setdefault(at, []).append(warning)
        return found


def out_of_range(feature: dict, values: "Column") -> list[tuple[int, OutOfRangeValue]]:
    """Positions and values, as `out_of_range_values` finds them in single rows."""
    import numpy

    name = feature["name"]
    if feature["role"] == NUMBER and feature["minimum"] is not None:
        low, high = feature["minimum"], feature["maximum"]
        odd = numpy.flatnonzero((values < low) | (values > high)).tolist()
        return [(at, OutOfRangeValue(name, float(values[at]), low, high)) for at in odd]
    if feature["role"] == CATEGORY and len(feature["categories"]) == feature["distinct"]:
        known = {"", *(category for category, _ in feature["categories"])}
        is_odd = numpy.array([text not in known for text in values.texts])
        odd = numpy.flatnonzero(is_odd[values.codes]).tolist()
        return [(at, OutOfRangeValue(name, values.texts[values.codes[at]])) for at in odd]
    return []
