"""Many rows at once, as the pipeline predicts them: encoded by column, then the quickest exact way.

Single rows have kernels of their own, see `compiler`. Where there is no way for a model here, the pipeline
itself predicts a DataFrame.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline

from mlmodels.learning.scoring.compiler import KERNELS
from mlmodels.learning.scoring.encoder import RowEncoder
from mlmodels.learning.scoring.leaf_masks import LeafMasks
from mlmodels.learning.scoring.linear import LinearKernel, LogisticKernel
from mlmodels.learning.scoring.nearest_rows import NearestRows
from mlmodels.learning.scoring.scorers import NoExactKernel
from mlmodels.learning.scoring.table_encoder import (
    Column,
    StackedTableEncoder,
    TableEncoder,
    as_array,
    part,
    row_count,
)

COMPARED_ROWS = 100
RELATIVE_TOLERANCE = 1e-9
TOLERANCE_OF_LARGEST = 1e-12
PREPARED_CELLS_MAX = 4_000_000  # of the rows that are encoded at once
ROWS_AT_ONCE_MIN = 1_000
COLUMNS_ASSUMED = 100  # that a pipeline prepares


class TableScorer:
    """Predicts typed columns, by name: numbers, or for a classifier probabilities, shape (rows, classes).

    The first rows that it is asked for are compared with the pipeline; where they differ by more than 1e-9,
    or nothing quicker is known, the pipeline predicts.
    """

    def __init__(self, pipeline, features):
        self._names = [feature.name for feature in features]
        self._pipeline = PipelineOfFrame(pipeline, self._names)
        self._is_compared = False
        try:
            self._model = model_of_columns(pipeline, features)
        except NoExactKernel:
            self._model = self._pipeline

    def outputs(self, columns: Mapping[str, Column]) -> np.ndarray:
        ordered = [columns[name] for name in self._names]
        if not self._is_compared:
            self._compare([part(column, slice(COMPARED_ROWS)) for column in ordered])
        rows, step = row_count(ordered), self._model.rows_at_once
        parts = [
            self._model.outputs([part(column, slice(at, at + step)) for column in ordered])
            for at in range(0, rows, step)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _compare(self, columns: Sequence[Column]) -> None:
        self._is_compared = True
        if self._model is self._pipeline:
            return
        given, expected = self._model.outputs(columns), self._pipeline.outputs(columns)
        scale = float(np.nanmax(np.abs(expected), initial=0.0))
        if not np.allclose(
            given, expected, rtol=RELATIVE_TOLERANCE, atol=TOLERANCE_OF_LARGEST * scale, equal_nan=True
        ):
            self._model = self._pipeline


class PipelineOfFrame:
    def __init__(self, pipeline, names: Sequence[str]):
        self._predict = output_of(pipeline)
        self._names = names
        self.rows_at_once = rows_at_once(COLUMNS_ASSUMED)

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        frame = {name: as_array(column) for name, column in zip(self._names, columns, strict=True)}
        return self._predict(pd.DataFrame(frame, copy=False))


class EncodedModel:
    """An estimator that takes the matrix."""

    def __init__(self, encoder: TableEncoder, estimator):
        self._encoder = encoder
        self._predict = output_of(estimator)
        self.rows_at_once = rows_at_once(encoder.width)

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        matrix = np.ascontiguousarray(self._encoder.matrix(columns))  # sums are rounded as in the pipeline
        return self._predict(matrix)


class LinearModel:
    """A weighted sum, or one for each class, whose matrix is never made."""

    def __init__(self, encoder: TableEncoder, estimator):
        self._encoder = encoder
        self._weights = np.atleast_2d(estimator.coef_).T
        self._intercepts = np.ravel(estimator.intercept_)
        self._is_classifier = hasattr(estimator, "classes_")
        self.rows_at_once = rows_at_once(self._weights.shape[1])

    def scores(self, columns: Sequence[Column]) -> np.ndarray:
        return self._encoder.sums(columns, self._weights) + self._intercepts

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        scores = self.scores(columns)
        if not self._is_classifier:
            return scores[:, 0]
        if scores.shape[1] > 1:
            return softmax(scores, axis=1)
        shares = expit(scores[:, 0])
        return np.column_stack([1 - shares, shares])


class BoostedModel:
    def __init__(self, encoder: TableEncoder, estimator):
        self._encoder = encoder
        self._masks = LeafMasks(estimator)
        self._loss = estimator._loss
        self._is_classifier = hasattr(estimator, "classes_")
        self.rows_at_once = rows_at_once(encoder.width)

    def scores(self, columns: Sequence[Column]) -> np.ndarray:
        return self._masks.scores(self._encoder.matrix(columns))

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        scores = self.scores(columns)
        if not self._is_classifier:
            return self._loss.link.inverse(scores[:, 0])
        return self._loss.predict_proba(scores if scores.shape[1] > 1 else scores[:, 0])


class Forest:
    """Rows in the order of the leaves of one tree: those next to each other take similar ways through the
    other trees, which halves the time."""

    def __init__(self, encoder: TableEncoder, estimator):
        self._encoder = encoder
        self._trees = [tree.tree_ for tree in estimator.estimators_]
        self._is_classifier = hasattr(estimator, "classes_")
        self.rows_at_once = rows_at_once(encoder.width)

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        matrix = np.ascontiguousarray(self._encoder.matrix(columns), dtype=np.float32)
        order = np.argsort(self._trees[0].apply(matrix))
        matrix = matrix[order]
        total = sum(tree.predict(matrix) for tree in self._trees)  # in scikit-learn's order
        outputs = np.empty_like(total)
        outputs[order] = total / len(self._trees)
        return outputs if self._is_classifier else outputs[:, 0]


class NeighborsModel:
    def __init__(self, encoder: TableEncoder, estimator):
        self._encoder = encoder
        self._nearest = NearestRows(estimator)
        self.rows_at_once = rows_at_once(encoder.width)

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        return self._nearest.outputs(np.ascontiguousarray(self._encoder.matrix(columns)))


class WeightedMean:
    """Of models that encode the columns each in its own way."""

    def __init__(self, models: list, weights: Sequence[float] | None):
        self._models = models
        self._weights = weights
        self.rows_at_once = min(model.rows_at_once for model in models)

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        return np.average([model.outputs(columns) for model in self._models], axis=0, weights=self._weights)


class TransformedTarget:
    """Predicts in the scale that was learned, and turns that back."""

    def __init__(self, model, transformer):
        self._model = model
        self._transformer = transformer
        self.rows_at_once = model.rows_at_once

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        return self._transformer.inverse_transform(self._model.outputs(columns)[:, np.newaxis])[:, 0]


class CalibratedModel:
    """A classifier whose scores, or probabilities where it has no scores, go through calibrators."""

    def __init__(self, model, calibrated):
        self._answers = model.outputs
        if hasattr(calibrated.estimator, "decision_function"):
            if not hasattr(model, "scores"):
                raise NoExactKernel(f"scores of {calibrated.estimator}")
            self._answers = model.scores
        self._calibrators = calibrated.calibrators
        self._is_temperature = calibrated.method == "temperature"
        self._class_count = len(calibrated.classes)
        self.rows_at_once = model.rows_at_once

    def outputs(self, columns: Sequence[Column]) -> np.ndarray:
        answers = self._answers(columns)
        if self._is_temperature:
            return self._calibrators[0].predict(answers)
        if self._class_count == 2:
            share = self._calibrators[0].predict(answers[:, -1])
            return np.column_stack([1 - share, share])
        pairs = zip(self._calibrators, answers.T, strict=True)
        shares = np.column_stack([calibrator.predict(answer) for calibrator, answer in pairs])
        total = shares.sum(axis=1, keepdims=True)
        equal = np.full_like(shares, 1 / self._class_count)
        return np.divide(shares, total, out=equal, where=total != 0)


LINEAR = tuple(kind for kind, kernel in KERNELS.items() if kernel in (LinearKernel, LogisticKernel))
FORESTS = (RandomForestRegressor, RandomForestClassifier, ExtraTreesRegressor, ExtraTreesClassifier)
BOOSTING = (HistGradientBoostingRegressor, HistGradientBoostingClassifier)


def model_of_columns(model, features):
    """Of a model that takes the columns as they are."""
    match model:
        case FrozenEstimator():
            return model_of_columns(model.estimator, features)
        case Pipeline() if "prepare" in model.named_steps:
            encoder = table_encoder_of(RowEncoder(model["prepare"], features), features)
            return model_of_matrix(encoder, model["model"], is_sparse=model["prepare"].sparse_output_)
        case Pipeline():
            return model_of_columns(model["model"], features)
        case VotingRegressor() | VotingClassifier(voting="soft"):
            members = [model_of_columns(member, features) for member in model.estimators_]
            return WeightedMean(members, model._weights_not_none)
        case CalibratedClassifierCV() if len(model.calibrated_classifiers_) == 1:
            calibrated = model.calibrated_classifiers_[0]
            return CalibratedModel(model_of_columns(calibrated.estimator, features), calibrated)
    raise NoExactKernel(f"model {model}")


def table_encoder_of(row_encoder: RowEncoder, features) -> TableEncoder:
    if not row_encoder.base_models:
        return TableEncoder(row_encoder)
    base_models = [
        (place, [model_of_columns(member, features) for member in model.estimators_])
        for place, model in row_encoder.base_models
    ]
    return StackedTableEncoder(row_encoder, base_models)


def model_of_matrix(encoder: TableEncoder, estimator, *, is_sparse: bool):
    match estimator:
        case TransformedTargetRegressor():
            inner = model_of_matrix(encoder, estimator.regressor_, is_sparse=is_sparse)
            return TransformedTarget(inner, estimator.transformer_)
        case _ if isinstance(estimator, LINEAR):
            return LinearModel(encoder, estimator)
        case _ if is_sparse:
            raise NoExactKernel("a matrix too wide to be made dense")
        case _ if isinstance(estimator, FORESTS):
            return Forest(encoder, estimator)
        case _ if isinstance(estimator, BOOSTING):
            with suppress(NoExactKernel):
                return BoostedModel(encoder, estimator)
        case KNeighborsRegressor() | KNeighborsClassifier():
            with suppress(NoExactKernel):
                return NeighborsModel(encoder, estimator)
    return EncodedModel(encoder, estimator)


def output_of(model) -> Callable:
    return model.predict_proba if hasattr(model, "classes_") else model.predict


def rows_at_once(columns: int) -> int:
    return max(ROWS_AT_ONCE_MIN, PREPARED_CELLS_MAX // max(columns, 1))
