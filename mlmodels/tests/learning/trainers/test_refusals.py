"""Everything that is refused before or during a training, each with what is wrong and what to do."""

import numpy as np
import pandas as pd
import pytest

from mlmodels.learning import trainers
from mlmodels.learning.trainers import (
    CLASSIFICATION,
    REGRESSION,
    TRAINERS,
    DataRefused,
    Evaluation,
    Feature,
    ParametersRefused,
    PlanRefused,
    TrainingPlan,
)
from mlmodels.tests.learning.trainers.examples import ALGORITHMS, Table, numbers, plan_for, train
from mlplatform.core.errors import InvalidInput

N0, N1 = Feature("n0", "number"), Feature("n1", "number")

PLANS = [
    ({"algorithm": "svm"}, "algorithm", "Choose one of: linear, ridge"),
    ({"algorithm": None}, "algorithm", "There is no algorithm None"),
    ({"algorithm": ["knn"]}, "algorithm", "There is no algorithm"),
    (
        {"algorithm": "logistic"},
        "algorithm",
        "logistic does classification, and this target needs regression",
    ),
    ({"algorithm": "linear", "task": CLASSIFICATION}, "algorithm", "Choose another algorithm, or auto"),
    ({"task": "clustering"}, "task", "must be one of: regression, classification"),
    ({"features": ()}, "features", "at least one column"),
    ({"features": (N0, N0)}, "features", "'n0' is chosen twice"),
    ({"features": (N0, N1), "target": "n1"}, "features", "cannot be predicted from itself"),
    ({"evaluation": Evaluation(train_percentage=0)}, "train_percentage", "between 0 and 1"),
    ({"evaluation": Evaluation(train_percentage=1)}, "train_percentage", "such as 0.8"),
    ({"evaluation": Evaluation(train_percentage=80)}, "train_percentage", "it was 80"),
    ({"evaluation": Evaluation(train_percentage="0.8")}, "train_percentage", "it was '0.8'"),
    ({"evaluation": Evaluation(train_percentage=float("nan"))}, "train_percentage", "it was nan"),
    ({"evaluation": Evaluation(train_percentage=True)}, "train_percentage", "it was True"),
    ({"parameters": {"max_depth": 0}}, "max_depth", "a whole number from 1 to 64 or null; it was 0"),
    ({"parameters": {"max_depth": 65}}, "max_depth", "it was 65"),
    ({"parameters": {"max_depth": "3"}}, "max_depth", "it was '3'"),
    ({"parameters": {"n_jobs": 8}}, "n_jobs", "decision_tree has no parameter 'n_jobs'"),
    ({"parameters": {"random_state": 1}}, "random_state", "Its parameters are"),
    ({"algorithm": "random_forest", "parameters": {"n_estimators": 10**6}}, "n_estimators", "from 10 to 500"),
    ({"algorithm": "random_forest", "parameters": {"n_estimators": 9}}, "n_estimators", "from 10 to 500"),
    (
        {"algorithm": "random_forest", "parameters": {"max_features": 0.3}},
        "max_features",
        "one of auto, sqrt",
    ),
    ({"algorithm": "knn", "parameters": {"n_neighbors": 101}}, "n_neighbors", "from 1 to 100"),
    ({"algorithm": "knn", "parameters": {"n_neighbors": 10**9}}, "n_neighbors", "from 1 to 100"),
    ({"algorithm": "knn", "parameters": {"weights": "inverse"}}, "weights", "one of uniform, distance"),
    ({"algorithm": "ridge", "parameters": {"alpha": -1}}, "alpha", "it was -1"),
    ({"algorithm": "ridge", "parameters": {"alpha": float("inf")}}, "alpha", "it was inf"),
    ({"algorithm": "linear", "parameters": {"fit_intercept": 1}}, "fit_intercept", "true or false"),
    ({"algorithm": "auto", "parameters": {"folds": 3}}, "folds", "It takes no parameters"),
    ({"grid": {"depth": [3]}}, "depth", "no parameter 'depth'"),
    ({"grid": {"max_depth": []}}, "max_depth", "is empty"),
    ({"grid": {"max_depth": [3, 65]}}, "max_depth", "it was 65"),
    ({"grid": {"max_depth": [3, 3.0]}}, "max_depth", "same value twice"),
    ({"grid": {"max_depth": [3, True]}}, "max_depth", "it was True"),
    ({"grid": {"max_depth": {"min": 3}}}, "max_depth", "must be a whole number"),
    ({"grid": {"criterion": ["gini"]}}, "criterion", "for regression"),
    ({"grid": [("max_depth", [3])]}, "grid", "must be an object"),
    (
        {"grid": {"max_depth": list(range(1, 42))}},
        "grid",
        "41 combinations, tried on 5 parts of the rows: 205",
    ),
    ({"algorithm": "auto", "grid": {}}, "grid", "Train it without a grid"),
    (
        {"algorithm": "logistic", "task": CLASSIFICATION, "grid": {"max_iter": [100, 200]}},
        "max_iter",
        "cannot be searched",
    ),
]


@pytest.mark.parametrize(("changes", "field", "words"), PLANS)
def test_a_plan_that_cannot_be_trained_is_refused_before_any_row_is_read(changes, field, words):
    plan = TrainingPlan(
        **{"algorithm": "decision_tree", "task": REGRESSION, "features": (N0,), "target": "y"} | changes
    )

    with pytest.raises((PlanRefused, ParametersRefused)) as refused:
        plan.checked()

    assert isinstance(refused.value, InvalidInput)
    assert list(refused.value.fields) == [field]
    assert words in refused.value.message
    assert refused.value.message.endswith(".")


def classes(**rows: int) -> Table:
    labels = np.array([name for name, count in rows.items() for _ in range(count)], dtype=object)
    return Table(pd.DataFrame({"n0": np.arange(float(len(labels)))}), labels)


CLASSES = [
    (classes(yes=30), 0.8, "target", "Every row has the same value in truth"),
    (classes(**{f"c{i}": 3 for i in range(101)}), 0.8, "target", "101 different values"),
    (
        classes(**{f"c{i}": 1 for i in range(20)}),
        0.8,
        "target",
        "Each of the 20 rows has a value of its own",
    ),
    (classes(a=3, b=3), 0.9, "train_percentage", "5 rows to train on and 1 to test"),
    (classes(a=10, b=10, c=10), 0.05, "train_percentage", "1 rows to train on and 29 to test"),
    (classes(a=98, b=2), 0.1, "train_percentage", "All training rows have the same value"),
    (classes(), 0.8, "target", "No row has a value in truth"),
]


@pytest.mark.parametrize(("table", "train_percentage", "field", "words"), CLASSES)
def test_classes_that_cannot_be_learned_are_refused(table, train_percentage, field, words):
    plan = plan_for(table, "auto", CLASSIFICATION, train_percentage=train_percentage)

    with pytest.raises(DataRefused, match=words) as refused:
        trainers.train(table.frame, table.truth, plan)

    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ([5.0] * 30, "Every row has the same value"),
        ([1.0, 2.0], "1 of 2 rows to train on"),
        ([1.0, 1e31] * 10, "a number beyond 1e\\+30"),
        ([1.0, np.inf] * 10, "a number beyond 1e\\+30"),
        ([], "No row has a value"),
    ],
)
def test_numbers_that_cannot_be_learned_are_refused(truth, words):
    table = Table(pd.DataFrame({"n0": np.arange(float(len(truth)))}), np.array(truth))

    with pytest.raises(DataRefused, match=words):
        train(table, "auto", REGRESSION)


@pytest.mark.parametrize("value", [np.inf, -1e31])
def test_a_number_that_would_overflow_is_refused_with_its_row_in_the_file(value):
    table = numbers()
    table.frame.loc[17, "n1"] = value

    with pytest.raises(DataRefused, match="n1 holds a number beyond 1e\\+30 in row 19") as refused:
        train(table, "linear", REGRESSION)

    assert list(refused.value.fields) == ["n1"]


def test_more_neighbors_than_rows_are_refused_with_the_largest_choice():
    table = numbers(rows=20)

    with pytest.raises(DataRefused, match="n_neighbors is 17 and there are only 16 training rows.*Choose 16"):
        train(table, "knn", REGRESSION, parameters={"n_neighbors": 17})

    assert train(table, "knn", REGRESSION, parameters={"n_neighbors": 16}).training_rows == 16


def test_more_neighbors_than_rows_of_a_fold_are_refused_in_a_search():
    with pytest.raises(DataRefused, match="n_neighbors is 13 and there are only 12 training rows"):
        train(numbers(rows=20), "knn", REGRESSION, grid={"n_neighbors": [3, 13]})


def test_naive_bayes_refuses_free_text_and_logistic_takes_it():
    table = Table(
        pd.DataFrame({"review": ["good tea", "bad tea", "good coffee", "bad coffee"] * 10}, dtype=object),
        np.array(["yes", "no"] * 20, dtype=object),
    )
    features = (Feature("review", "text"),)
    plan = TrainingPlan("naive_bayes", CLASSIFICATION, features, "truth")

    with pytest.raises(DataRefused, match="takes no free text"):
        trainers.train(table.frame, table.truth, plan)

    result = trainers.train(table.frame, table.truth, TrainingPlan("logistic", CLASSIFICATION, features, "y"))
    assert result.metrics["accuracy"] == 1


def test_boosting_refuses_columns_that_are_blank_in_nearly_every_row():
    lone = np.full(100, np.nan)
    lone[3] = 1.0
    table = Table(pd.DataFrame({"lone": lone}), np.arange(100.0))

    with pytest.raises(DataRefused, match="blank in nearly every row"):
        train(table, "gradient_boosting", REGRESSION)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if REGRESSION in TRAINERS[name].tasks])
def test_five_rows_are_enough_for_numbers(algorithm):
    table = numbers(rows=5, columns=1)
    parameters = {"n_neighbors": 2} if algorithm == "knn" else {}

    result = train(table, algorithm, REGRESSION, parameters=parameters)

    assert (result.training_rows, result.hold_out_rows) == (4, 1)
    assert result.metrics["r2_score"] is None
    assert result.report["importance"]["columns"] == []


def test_six_rows_are_enough_for_two_classes():
    table = numbers(rows=6)
    labels = np.array(["a", "b"] * 3, dtype=object)

    result = trainers.train(
        table.frame, labels, plan_for(table, "logistic", CLASSIFICATION, train_percentage=0.6)
    )

    assert (result.training_rows, result.hold_out_rows) == (3, 3)
