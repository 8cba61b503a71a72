"""Joined trees: decision trees, forests and boosting."""

import builtins
import math

import numpy as np
import pytest
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeRegressor

from mlmodels.learning.scoring.boosting import (
    BoostedTrees,
    BoostingClassificationKernel,
    BoostingRegressionKernel,
)
from mlmodels.learning.scoring.scorers import NoExactKernel
from mlmodels.learning.scoring.trees import TreeClassificationKernel, TreeRegressionKernel

DRAW = np.random.default_rng(5)
ROWS = DRAW.normal(size=(500, 4))
ROWS_WITH_BLANKS = np.where(DRAW.random(ROWS.shape) < 0.2, np.nan, ROWS)
TARGET = ROWS @ [3.0, -2.0, 1.0, 0.5] + DRAW.normal(size=500)
CODES = DRAW.integers(0, 40, 500).astype(float)
BLANK_ROW = np.full(4, np.nan)


@pytest.mark.parametrize("trees", [1, 2, 3, 5, 16, 33])
def test_any_number_of_trees_can_be_joined(trees):
    forest = RandomForestRegressor(trees, random_state=0).fit(ROWS, TARGET)

    kernel = TreeRegressionKernel(forest)

    assert [kernel.value(row) for row in ROWS[:50]] == forest.predict(ROWS[:50]).tolist()


def test_the_trees_of_a_forest_are_added_one_after_the_other_on_every_python(monkeypatch):
    """From Python 3.12 on, the builtin sum of floats compensates for rounding; scikit-learn does not."""
    forest = RandomForestRegressor(100, random_state=0).fit(ROWS, TARGET)
    kernel = TreeRegressionKernel(forest)
    by_tree = np.array([tree.predict(ROWS) for tree in forest.estimators_]).T
    compensated = [math.fsum(values) / 100 for values in by_tree.tolist()]

    with monkeypatch.context() as newer_python:
        newer_python.setattr(builtins, "sum", math.fsum)
        predicted = [kernel.value(row) for row in ROWS]

    assert predicted == forest.predict(ROWS).tolist()
    assert predicted != compensated


def test_leaves_that_say_the_same_are_kept_once():
    labels = (TARGET > 0).astype(int)
    forest = RandomForestClassifier(20, random_state=0).fit(ROWS, labels)

    joined = TreeClassificationKernel(forest)._trees._tree

    leaves = sum(tree.tree_.n_leaves for tree in forest.estimators_)
    branches = sum(tree.tree_.node_count for tree in forest.estimators_) - leaves
    assert joined.n_leaves == 2
    assert joined.node_count == branches + 2 + 19  # the selector of 20 trees


def test_leaves_that_only_look_the_same_are_left_to_the_pipeline(monkeypatch):
    monkeypatch.setattr("mlmodels.learning.scoring.trees._factors", lambda count: np.zeros(count, np.uint64))

    with pytest.raises(NoExactKernel):
        TreeRegressionKernel(DecisionTreeRegressor().fit(ROWS, TARGET))


def test_a_tree_of_a_single_leaf_is_enough():
    stump = DecisionTreeRegressor().fit(ROWS, np.full(500, 7.0))

    assert TreeRegressionKernel(stump).value(ROWS[0]) == 7.0


def test_a_number_is_rounded_to_float32_as_scikit_learn_does():
    """Between two seconds of today there are no float32 numbers: both sides of the split look alike."""
    seconds = np.array([[1.7e9], [1.7e9 + 1], [1.7e9 + 300], [1.7e9 + 301]])
    tree = DecisionTreeRegressor().fit(seconds, [0.0, 1.0, 2.0, 3.0])
    between = np.array([[1.7e9 + offset] for offset in np.linspace(-200, 500, 141)])

    kernel = TreeRegressionKernel(tree)

    assert [kernel.value(row) for row in between] == tree.predict(between).tolist()


@pytest.mark.parametrize(
    "rows", [ROWS, ROWS_WITH_BLANKS], ids=["no blanks in training", "blanks in training"]
)
def test_a_blank_goes_the_way_it_went_in_training(rows):
    for model in (DecisionTreeRegressor(), RandomForestRegressor(7, random_state=0)):
        model.fit(rows, TARGET)

        kernel = TreeRegressionKernel(model)

        asked = np.vstack([ROWS_WITH_BLANKS[:200], BLANK_ROW])
        assert [kernel.value(row) for row in asked] == model.predict(asked).tolist()


@pytest.mark.parametrize(
    "rows", [ROWS, ROWS_WITH_BLANKS], ids=["no blanks in training", "blanks in training"]
)
def test_boosting_sends_a_blank_the_way_it_went_in_training(rows):
    model = HistGradientBoostingRegressor(max_iter=20).fit(rows, TARGET)

    kernel = BoostingRegressionKernel(model)

    asked = np.vstack([ROWS_WITH_BLANKS[:200], BLANK_ROW])
    assert [kernel.value(row) for row in asked] == model.predict(asked).tolist()


def test_boosting_keeps_thresholds_apart_that_float32_would_merge():
    seconds = (1.7e9 + np.arange(400.0)).reshape(-1, 1)
    model = HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=1).fit(
        seconds, np.sin(seconds.ravel())
    )

    kernel = BoostingRegressionKernel(model)

    assert [kernel.value(row) for row in seconds] == model.predict(seconds).tolist()


def test_a_number_right_on_a_threshold_goes_left_and_the_next_one_right():
    model = HistGradientBoostingRegressor(max_iter=10).fit(ROWS, TARGET)
    thresholds = np.concatenate([tree.nodes["num_threshold"] for (tree,) in model._predictors])
    asked = np.column_stack([np.append(thresholds, np.nextafter(thresholds, np.inf))] * 4)

    kernel = BoostingRegressionKernel(model)

    assert [kernel.value(row) for row in asked] == model.predict(asked).tolist()


@pytest.mark.parametrize("categories", [2, 3, 40, 255])
def test_boosting_splits_on_sets_of_categories(categories):
    rows = np.column_stack([ROWS[:, 0], np.arange(500) % categories, CODES])
    target = (rows[:, 1] * 7919 % 13) + (CODES * 104729 % 11) + ROWS[:, 0]
    model = HistGradientBoostingRegressor(categorical_features=[1, 2], max_iter=20, min_samples_leaf=2)
    model.fit(rows, target)
    out_of_range = [[0.1, np.nan, np.nan], [0.1, -1.0, 3.0], [0.1, 1.0, 999.0], [np.nan, 0.0, 39.0]]

    kernel = BoostingRegressionKernel(model)

    asked = np.vstack([rows, out_of_range])
    assert [kernel.value(row) for row in asked] == model.predict(asked).tolist()


def test_unknown_categories_go_where_blanks_went_in_training():
    with_blanks = np.where(DRAW.random(500) < 0.3, np.nan, CODES).reshape(-1, 1)
    target = np.nan_to_num(with_blanks.ravel() % 3, nan=20.0)
    model = HistGradientBoostingRegressor(categorical_features=[0], max_iter=10).fit(with_blanks, target)

    kernel = BoostingRegressionKernel(model)

    assert kernel.value(np.array([777.0])) == model.predict([[777.0]]).item()
    assert kernel.value(np.array([777.0])) > 15


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_boosting_gives_the_probabilities_of_any_number_of_classes(classes):
    rows = np.column_stack([CODES, ROWS_WITH_BLANKS])
    labels = np.digitize(TARGET, np.quantile(TARGET, np.linspace(0, 1, classes + 1)[1:-1]))
    model = HistGradientBoostingClassifier(categorical_features=[0], max_iter=8).fit(rows, labels)

    kernel = BoostingClassificationKernel(model)

    answers = [kernel.classify(row) for row in rows[:100]]
    assert [winner for winner, _ in answers] == model.predict(rows[:100]).tolist()
    np.testing.assert_allclose([shares for _, shares in answers], model.predict_proba(rows[:100]), rtol=1e-12)


def test_boosting_without_a_limit_on_leaves_agrees():
    model = HistGradientBoostingRegressor(max_leaf_nodes=None, min_samples_leaf=1, max_iter=15).fit(
        ROWS, TARGET
    )

    kernel = BoostingRegressionKernel(model)

    assert [kernel.value(row) for row in ROWS[:100]] == model.predict(ROWS[:100]).tolist()


def test_boosting_of_counts_goes_through_its_logarithm():
    counts = np.random.default_rng(0).poisson(np.exp(ROWS[:, 0]))
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=10).fit(ROWS, counts)

    kernel = BoostingRegressionKernel(model)

    np.testing.assert_allclose([kernel.value(row) for row in ROWS[:50]], model.predict(ROWS[:50]), rtol=1e-12)


def test_a_link_that_is_not_known_is_refused():
    model = HistGradientBoostingRegressor(max_iter=10).fit(ROWS, TARGET)
    model._loss.link = object()

    with pytest.raises(NoExactKernel):
        BoostingRegressionKernel(model)


def test_the_trees_of_boosting_take_no_more_columns_than_the_model():
    """Sets of categories are searched within the trees, so the row that is repeated per tree stays narrow."""
    rows = np.column_stack([CODES, ROWS])
    model = HistGradientBoostingRegressor(categorical_features=[0], max_iter=10).fit(rows, TARGET)

    trees = BoostedTrees(model)

    assert trees._trees._tree.n_features == rows.shape[1] + 1
