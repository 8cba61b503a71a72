"""Weights of classes shift all probabilities; a model's own out-of-fold predictions put them right again."""

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION
from mlmodels.tests.learning.trainers.examples import Table, plan_for

ALGORITHMS = {"logistic": {}, "random_forest": {"n_estimators": 30, "min_samples_leaf": 10}}


@functools.cache
def one_in_ten() -> Table:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{number}": draw.normal(size=5_000) for number in range(4)})
    odds = np.exp(1.2 * frame["n0"] + 0.8 * frame["n1"] - 2.8)
    answers = np.where(draw.random(5_000) < odds / (1 + odds), "yes", "no")
    return Table(frame, answers.astype(object))


@functools.cache
def trained_with_weights(algorithm: str, is_classic: bool = False) -> trainers.FitResult:
    parameters = {**ALGORITHMS[algorithm], "class_weight": "balanced"}
    plan = plan_for(one_in_ten(), algorithm, CLASSIFICATION, parameters=parameters, is_classic=is_classic)
    return trainers.train(one_in_ten().frame, one_in_ten().truth, plan)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_probabilities_mean_what_they_say_after_weights(algorithm):
    result = trained_with_weights(algorithm)

    share = np.mean(one_in_ten().truth == "yes")
    probabilities = result.pipeline.predict_proba(one_in_ten().frame)[:, 1]
    assert result.report["calibration"]["error"] < 0.05
    assert result.report["calibration"]["method"] in ("sigmoid", "isotonic")
    assert isinstance(result.pipeline["model"], CalibratedClassifierCV)
    assert probabilities.mean() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_classic_endpoint_keeps_the_probabilities_of_the_weights_and_says_how_far_off_they_are(algorithm):
    result = trained_with_weights(algorithm, is_classic=True)

    assert result.report["calibration"]["method"] is None
    assert result.report["calibration"]["error"] > 0.1


def test_calibration_keeps_the_order_of_the_rows():
    plain, calibrated = (trained_with_weights("logistic", is_classic=is_it) for is_it in (True, False))

    assert calibrated.metrics["roc_auc"] == pytest.approx(plain.metrics["roc_auc"], abs=0.01)
    assert calibrated.metrics["log_loss"] < plain.metrics["log_loss"] - 0.1
