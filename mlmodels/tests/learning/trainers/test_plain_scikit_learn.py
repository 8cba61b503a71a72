"""Our figures against scikit-learn used by hand, the way a notebook does it."""

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets, ensemble, linear_model, metrics, naive_bayes, neighbors, tree
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, TRAINERS, Evaluation, Feature, TrainingPlan
from mlmodels.tests.learning.trainers.examples import PAIRS, TABLES, plan_for, trained

BY_HAND = {
    ("linear", REGRESSION): linear_model.LinearRegression(tol=1e-12),
    ("ridge", REGRESSION): linear_model.Ridge(),
    ("lasso", REGRESSION): linear_model.Lasso(random_state=42, max_iter=2000),
    ("elastic_net", REGRESSION): linear_model.ElasticNet(random_state=42, max_iter=2000),
    ("logistic", CLASSIFICATION): linear_model.LogisticRegression(max_iter=1000),
    ("naive_bayes", CLASSIFICATION): naive_bayes.GaussianNB(),
    ("knn", REGRESSION): neighbors.KNeighborsRegressor(),
    ("knn", CLASSIFICATION): neighbors.KNeighborsClassifier(),
    ("decision_tree", REGRESSION): tree.DecisionTreeRegressor(random_state=42),
    ("decision_tree", CLASSIFICATION): tree.DecisionTreeClassifier(random_state=42),
    ("random_forest", REGRESSION): ensemble.RandomForestRegressor(10, random_state=42),
    ("random_forest", CLASSIFICATION): ensemble.RandomForestClassifier(10, random_state=42),
    ("extra_trees", REGRESSION): ensemble.ExtraTreesRegressor(10, min_samples_leaf=2, random_state=42),
    ("extra_trees", CLASSIFICATION): ensemble.ExtraTreesClassifier(10, min_samples_leaf=2, random_state=42),
    ("gradient_boosting", REGRESSION): ensemble.HistGradientBoostingRegressor(
        max_iter=10, categorical_features=[4], random_state=42
    ),
    ("gradient_boosting", CLASSIFICATION): ensemble.HistGradientBoostingClassifier(
        max_iter=10, categorical_features=[4], random_state=42
    ),
}


def loaded(name: str, target: str | None = None):
    """One of scikit-learn's own regression tables as frame and truth."""
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    return bunch.data, (bunch.target[target] if target else bunch.target).to_numpy(dtype=float)


@pytest.mark.parametrize("train_percentage", [0.8, 0.6, 0.73])
@pytest.mark.parametrize(
    ("name", "target"), [("diabetes", None), ("wine", None), ("breast_cancer", None), ("linnerud", "Weight")]
)
def test_linear_gives_the_figures_of_linear_regression(name, target, train_percentage):
    frame, truth = loaded(name, target)
    features = tuple(Feature(column, "number") for column in frame)

    result = trainers.train(
        frame,
        truth,
        TrainingPlan(
            "linear", REGRESSION, features, "y", evaluation=Evaluation(train_percentage=train_percentage)
        ),
    )

    rows, kept, labels, kept_labels = train_test_split(
        frame, truth, train_size=train_percentage, random_state=42
    )
    by_hand = linear_model.LinearRegression().fit(rows, labels)
    expected = by_hand.predict(kept)
    assert (result.training_rows, result.hold_out_rows) == (len(rows), len(kept))
    np.testing.assert_allclose(result.pipeline.predict(kept), expected, rtol=1e-9)
    assert result.metrics["r2_score"] == pytest.approx(metrics.r2_score(kept_labels, expected), rel=1e-9)
    for name in ("mean_squared_error", "mean_absolute_error", "root_mean_squared_error"):
        assert result.metrics[name] == pytest.approx(getattr(metrics, name)(kept_labels, expected), rel=1e-9)


def test_linear_keeps_small_columns_beside_a_date():
    """Plain LinearRegression drops what is a million times smaller than the rest, here all but the date."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"sold_at": draw.uniform(1.6e9, 1.7e9, 300), "rate": draw.normal(size=300)})
    truth = frame["rate"].to_numpy() + frame["sold_at"].to_numpy() * 1e-9
    features = Feature("sold_at", "number"), Feature("rate", "number")

    result = trainers.train(frame, truth, TrainingPlan("linear", REGRESSION, features, "y"))

    assert result.metrics["r2_score"] == pytest.approx(1)
    assert linear_model.LinearRegression().fit(frame, truth).score(frame, truth) < 0.01


def test_linear_equals_linear_regression_on_hand_made_category_columns():
    table = TABLES["mixed"]()
    frame = table.frame[["n0", "colour"]]
    plan = TrainingPlan("linear", REGRESSION, (Feature("n0", "number"), Feature("colour", "category")), "y")

    result = trainers.train(frame, table.truth, plan)

    columns = pd.get_dummies(frame, columns=["colour"], dtype=float)
    rows, kept, labels, _ = train_test_split(columns, table.truth, train_size=0.8, random_state=42)
    expected = linear_model.LinearRegression().fit(rows, labels).predict(kept)
    np.testing.assert_allclose(result.pipeline.predict(frame.loc[kept.index]), expected, rtol=1e-9)


@pytest.mark.parametrize(("algorithm", "task"), PAIRS)
def test_it_answers_as_the_plain_estimator_on_the_same_preparation(algorithm, task):
    table, result = TABLES["mixed"](), trained(algorithm, task)
    labels = table.labels(task)
    rows, kept, labels, _ = train_test_split(
        table.frame,
        labels,
        train_size=0.8,
        random_state=42,
        stratify=labels if task == CLASSIFICATION else None,
    )
    prepare = clone(result.pipeline["prepare"])

    by_hand = clone(BY_HAND[algorithm, task])
    if penalty := TRAINERS[algorithm].penalty:
        by_hand.set_params(**{penalty: result.parameters[penalty]})
    by_hand.fit(prepare.fit_transform(rows, labels), labels)

    np.testing.assert_array_equal(result.pipeline.predict(kept), by_hand.predict(prepare.transform(kept)))


@pytest.mark.parametrize("table", list(TABLES))
def test_the_split_is_the_stratified_one_of_scikit_learn(table):
    table = TABLES[table]()
    labels = table.labels(CLASSIFICATION)

    result = trainers.train(table.frame, labels, plan_for(table, "decision_tree", CLASSIFICATION))

    positions = np.arange(len(labels))
    _, kept = train_test_split(positions, train_size=0.8, random_state=42, stratify=labels)
    assert result.report["sample"]["rows"] == [position + 2 for position in kept]
