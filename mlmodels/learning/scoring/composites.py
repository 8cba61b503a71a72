"""Models made of other models: averages, calibrated classifiers, and targets learned in another scale."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer

from mlmodels.learning.scoring.scorers import ClassificationKernel, NoExactKernel, RegressionKernel


class Member(NamedTuple):
    """A compiled model with its own encoder: each family of algorithms prepares the row in its own way."""

    encoder: object
    kernel: object

    def value(self, row: list) -> float:
        return self.kernel.value(self.encoder.encode(row))

    def classify(self, row: list) -> tuple[int, list[float]]:
        return self.kernel.classify(self.encoder.encode(row))

    def outputs(self, row: list) -> list[float]:
        """The predicted number alone, or the probability of each class."""
        is_classifier = isinstance(self.kernel, ClassificationKernel)
        return self.classify(row)[1] if is_classifier else [self.value(row)]

    def values(self, rows: list) -> np.ndarray:
        return self.kernel.values([self.encoder.encode(row) for row in rows])

    def probabilities(self, rows: list) -> np.ndarray:
        return self.kernel.probabilities([self.encoder.encode(row) for row in rows])


class PlainRow:
    """The encoder of an average, whose members encode the row themselves."""

    def encode(self, row: list) -> list:
        return row


class StackedRowEncoder:
    """The encoder of a stacked model: what its base models predict for the row is a part of it."""

    def __init__(self, encoder, base_models: list[tuple[slice, list[Member]]]):
        self._encoder = encoder
        self._base_models = base_models

    def encode(self, row: list) -> np.ndarray:
        encoded = self._encoder.encode(row)
        for place, members in self._base_models:
            encoded[place] = np.concatenate([member.outputs(row) for member in members])
        return encoded


class AverageRegressionKernel(RegressionKernel):
    def __init__(self, members: list[Member], weights: list[float]):
        self._parts = members, weights
        self._total = float(np.sum(weights))

    def value(self, row: list) -> float:
        weighed = [member.value(row) * weight for member, weight in zip(*self._parts, strict=True)]
        return float(np.sum(weighed)) / self._total

    def values(self, rows: list) -> np.ndarray:
        weighed = [member.values(rows) * weight for member, weight in zip(*self._parts, strict=True)]
        return np.sum(weighed, axis=0) / self._total


class AverageClassificationKernel(ClassificationKernel):
    """The mean of the members' probabilities."""

    def __init__(self, members: list[Member], weights: list[float]):
        self._members = members
        self._weights = weights

    def classify(self, row: list) -> tuple[int, list[float]]:
        shares = np.array([member.classify(row)[1] for member in self._members])
        mean = np.average(shares, axis=0, weights=self._weights)
        return int(mean.argmax()), mean.tolist()

    def probabilities(self, rows: list) -> np.ndarray:
        shares = np.array([member.probabilities(rows) for member in self._members])
        return np.average(shares, axis=0, weights=self._weights)


class TransformedTargetKernel(RegressionKernel):
    """Predicts in the scale that was learned, and turns that back."""

    def __init__(self, kernel, transformer):
        self._kernel = kernel
        self._inverse = inverse_of(transformer)

    def value(self, encoded: np.ndarray) -> float:
        return self._inverse(self._kernel.value(encoded))

    def values(self, rows: list) -> np.ndarray:
        return np.array([self._inverse(value) for value in self._kernel.values(rows).tolist()])


def inverse_of(transformer):
    """A function from float to float."""
    if isinstance(transformer, Pipeline):
        return ChainInverse([inverse_of(step) for _, step in transformer.steps])
    if isinstance(transformer, FunctionTransformer):
        return FunctionInverse(transformer)
    if isinstance(transformer, PowerTransformer) and transformer.method == "yeo-johnson":
        return YeoJohnsonInverse(transformer)
    raise NoExactKernel(f"a target through {transformer}")


class ChainInverse:
    def __init__(self, inverses: list):
        self._inverses = inverses[::-1]

    def __call__(self, value: float) -> float:
        for inverse in self._inverses:
            value = inverse(value)
        return value


class FunctionInverse:
    def __init__(self, transformer: FunctionTransformer):
        self._function = transformer.inverse_func
        self._arguments = transformer.inv_kw_args or {}

    def __call__(self, value: float) -> float:
        if self._function is None:
            return value
        return float(self._function(np.float64(value), **self._arguments))


class YeoJohnsonInverse:
    """Beyond the end of the transformation there is nothing to turn back to: NaN, as in scikit-learn."""

    def __init__(self, transformer):
        self._power = float(transformer.lambdas_[0])
        scaler = transformer._scaler if transformer.standardize else None
        self._mean, self._scale = (scaler.mean_[0], scaler.scale_[0]) if scaler else (0.0, 1.0)

    def __call__(self, value: float) -> float:
        moved = np.float64(value) * self._scale + self._mean
        sign, power = (1.0, self._power) if moved >= 0 else (-1.0, 2.0 - self._power)
        with np.errstate(invalid="ignore", over="ignore"):
            if abs(power) < np.spacing(1.0):
                return float(sign * (np.exp(sign * moved) - 1))
            return float(sign * (np.power(sign * moved * power + 1, 1 / power) - 1))


class CalibratedKernel(ClassificationKernel):
    """A classifier whose scores, or probabilities where it has no scores, go through a calibrator."""

    def __init__(self, kernel, uses_scores: bool, calibrated, class_count: int):
        self._kernel = kernel
        self._uses_scores = uses_scores
        self._class_count = class_count
        self._is_temperature = calibrated.method == "temperature"
        if self._is_temperature:
            self._power = float(calibrated.calibrators[0].beta_)
        else:
            self._curves = [curve_of(calibrator, calibrated.method) for calibrator in calibrated.calibrators]

    def classify(self, encoded) -> tuple[int, list[float]]:
        answers = self._kernel.scores(encoded) if self._uses_scores else self._kernel.classify(encoded)[1]
        shares = self._calibrated(np.asarray(answers))
        return int(shares.argmax()), shares.tolist()

    def probabilities(self, rows: list) -> np.ndarray:
        answer = self._kernel.scores_of_many if self._uses_scores else self._kernel.probabilities
        return np.array([self._calibrated(answers) for answers in answer(rows)])

    def _calibrated(self, answers: np.ndarray) -> np.ndarray:
        return self._softened(answers) if self._is_temperature else self._one_by_one(answers)

    def _one_by_one(self, answers: np.ndarray) -> np.ndarray:
        if self._class_count == 2:
            share = self._curves[0](answers[-1])
            return np.array([1.0 - share, share])
        shares = np.array([curve(answer) for curve, answer in zip(self._curves, answers, strict=True)])
        total = shares.sum()
        return shares / total if total else np.full(self._class_count, 1 / self._class_count)

    def _softened(self, answers: np.ndarray) -> np.ndarray:
        if not self._uses_scores:
            if self._class_count == 2:
                answers = np.array([1 - answers[1], answers[1]])
            logits = np.log(answers + 1e-12)  # as scikit-learn keeps away from zero
        else:
            logits = answers if len(answers) > 1 else np.array([-answers[0], answers[0]])
        powers = np.exp(self._power * logits - np.max(self._power * logits))
        return powers / powers.sum()


def curve_of(calibrator, method: str):
    return Sigmoid(calibrator.a_, calibrator.b_) if method == "sigmoid" else Steps(calibrator)


class Sigmoid(NamedTuple):
    slope: float
    intercept: float

    def __call__(self, score: float) -> float:
        return float(expit(-(self.slope * score + self.intercept)))


class Steps:
    """An isotonic regression: straight lines between its thresholds, constant beyond them."""

    def __init__(self, calibrator):
        self._places, self._values = calibrator.X_thresholds_, calibrator.y_thresholds_

    def __call__(self, score: float) -> float:
        return float(np.interp(score, self._places, self._values))
