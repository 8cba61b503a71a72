"""The estimate of what a prediction costs, by which explanations are bounded."""

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline

from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION
from mlmodels.learning.trainers.importance import column_importance
from mlmodels.learning.trainers.partial_dependence import partial_dependence
from mlmodels.learning.trainers.prediction_cost import row_microseconds, rows_within
from mlmodels.learning.trainers.preparation import build_pipeline
from mlmodels.tests.learning.trainers.examples import Table, plan_for, texts, thirds, trained


def large_table(rows: int = 10_000) -> Table:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{number}": draw.normal(size=rows) for number in range(10)})
    for name in ("city", "kind"):
        frame[name] = texts(draw.choice(list("abcdefgh"), rows))
    return Table(frame, 2 * frame["n0"].to_numpy() + draw.normal(size=rows))


@pytest.mark.parametrize("algorithm", ["linear", "knn", "decision_tree"])
def test_explaining_a_large_table_takes_less_than_a_second(algorithm):
    table = large_table()
    pipeline = build_pipeline(plan_for(table, algorithm, REGRESSION).checked(), table.frame, table.truth)
    pipeline.fit(table.frame, table.truth)

    started = time.process_time()
    importance = column_importance(pipeline, REGRESSION, table.frame, table.truth, 10_000)
    partial_dependence(pipeline, table.frame, table.features, importance, 10_000)

    assert time.process_time() - started < 1.0
    assert importance["columns"][0]["name"] == "n0"
    assert importance["rows"] >= 200


def test_nearest_neighbors_cost_more_the_more_columns_are_prepared():
    few, many = (KNeighborsRegressor().fit(np.eye(columns), np.arange(columns)) for columns in (50, 250))

    assert 2 < row_microseconds(many, 8_000) / row_microseconds(few, 8_000) < 4


def test_nearest_neighbors_cost_more_the_more_rows_they_keep():
    pipeline = trained("knn", REGRESSION).pipeline

    few, many = row_microseconds(pipeline, 10_000), row_microseconds(pipeline, 100_000)

    assert 8 < many / few < 10
    assert rows_within(pipeline, 100_000, seconds=1.0) < rows_within(pipeline, 10_000, seconds=1.0) / 8


def test_boosting_costs_by_its_trees_one_for_each_class_and_round():
    numbers, classes = (trained("gradient_boosting", task).pipeline for task in (REGRESSION, CLASSIFICATION))

    costs = [row_microseconds(pipeline["model"], 100) for pipeline in (numbers, classes)]

    assert costs[1] == pytest.approx(3 * costs[0])


def test_a_model_made_of_others_costs_as_much_as_they_do():
    forest, ridge = (trained(name, REGRESSION).pipeline for name in ("random_forest", "ridge"))
    average = VotingRegressor([("forest", forest), ("ridge", ridge)])
    average.estimators_ = [forest, ridge]
    scaled = TransformedTargetRegressor(ridge["model"])
    scaled.regressor_ = ridge["model"]

    cost = row_microseconds(Pipeline([("model", average)]), 100)

    assert cost == pytest.approx(row_microseconds(forest, 100) + row_microseconds(ridge, 100))
    assert row_microseconds(scaled, 100) == row_microseconds(ridge["model"], 100)


def test_a_calibrated_classifier_costs_as_much_as_its_own():
    table = large_table(200)
    labels = thirds(table.truth)
    pipeline = build_pipeline(plan_for(table, "logistic", CLASSIFICATION).checked(), table.frame, labels)
    pipeline.fit(table.frame, labels)
    calibrated = CalibratedClassifierCV(FrozenEstimator(pipeline), ensemble=False, method="temperature")

    model = Pipeline([("model", calibrated.fit(table.frame, labels))])

    assert row_microseconds(model, 200) == row_microseconds(pipeline, 200)
