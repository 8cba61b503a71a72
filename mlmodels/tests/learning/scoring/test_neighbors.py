"""Nearest neighbors, above all where rounding decides who is near."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from mlmodels.learning.scoring.neighbors import (
    MatrixSearch,
    NeighborsClassificationKernel,
    NeighborsRegressionKernel,
    Tie,
    TreeSearch,
)
from mlmodels.learning.scoring.scorers import NoExactKernel

DRAW = np.random.default_rng(11)
NARROW, WIDE = DRAW.normal(size=(600, 5)), DRAW.normal(size=(600, 24))
TIED = DRAW.integers(0, 2, (600, 24)).astype(float)  # rows of yes and no: many are equally far
TABLES = {"narrow": NARROW, "wide": WIDE, "tied": TIED, "sparse": csr_matrix(WIDE * (np.abs(WIDE) > 1.2))}
TARGET = DRAW.normal(size=600)
LABELS = DRAW.integers(0, 4, 600)


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("count", [1, 2, 5, 37])
def test_regression_agrees_on_new_rows_and_on_rows_of_the_table(table, weights, count):
    model = KNeighborsRegressor(count, weights=weights).fit(table, TARGET)

    kernel = NeighborsRegressionKernel(model)

    for row in asked_of(table):
        np.testing.assert_allclose(kernel.value(row), model.predict(matrix_like(table, row)), rtol=1e-9)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("count", [1, 2, 5, 37])
def test_classification_agrees_on_new_rows_and_on_rows_of_the_table(table, weights, count):
    model = KNeighborsClassifier(count, weights=weights).fit(table, LABELS)

    kernel = NeighborsClassificationKernel(model)

    for row in asked_of(table):
        winner, shares = kernel.classify(row)
        assert winner == model.predict(matrix_like(table, row))
        np.testing.assert_allclose(
            shares, model.predict_proba(matrix_like(table, row))[0], rtol=1e-9, atol=1e-12
        )


def test_a_narrow_table_is_searched_by_the_models_own_tree():
    kernel = NeighborsRegressionKernel(KNeighborsRegressor().fit(NARROW, TARGET))

    assert isinstance(kernel._search, TreeSearch)


def test_equal_distances_are_left_to_scikit_learn():
    search = MatrixSearch(KNeighborsRegressor(3).fit(np.repeat(WIDE[:100], 6, axis=0), TARGET))

    with pytest.raises(Tie):
        search.find(WIDE[200])


def test_clear_distances_are_not_left_to_scikit_learn():
    search = MatrixSearch(KNeighborsRegressor(3).fit(WIDE, TARGET))

    weights, rows = search.find(WIDE[5] + 0.01)

    assert weights is None
    assert 5 in rows


def test_a_row_met_exactly_is_left_to_scikit_learn_where_distance_counts():
    """scikit-learn's own distance to it is a rounding error, and one over that is anything."""
    search = MatrixSearch(KNeighborsRegressor(3, weights="distance").fit(WIDE, TARGET))

    with pytest.raises(Tie):
        search.find(WIDE[5])


def test_a_vote_that_is_equal_but_for_rounding_is_left_to_scikit_learn():
    rows = np.zeros((40, 20))
    rows[:, 0] = np.arange(40)
    model = KNeighborsClassifier(2, weights="distance").fit(rows, np.arange(40) % 2)
    middle = np.zeros(20)
    middle[0] = 10.5

    winner, shares = NeighborsClassificationKernel(model).classify(middle)

    assert winner == model.predict([middle])
    np.testing.assert_allclose(shares, [0.5, 0.5])


@pytest.mark.parametrize("far", [1e6, 1e14, 1e18, 1e40])
@pytest.mark.parametrize("name", ["narrow", "wide"])
def test_rows_from_far_outside_agree(name, far):
    model = KNeighborsRegressor(5).fit(TABLES[name], TARGET)

    kernel = NeighborsRegressionKernel(model)

    row = np.full(TABLES[name].shape[1], far)
    assert kernel.value(row) == pytest.approx(model.predict([row]).item(), rel=1e-9)


@pytest.mark.parametrize("name", ["narrow", "wide"])
def test_as_many_neighbors_as_rows_are_all_of_them(name):
    model = KNeighborsRegressor(600).fit(TABLES[name], TARGET)

    kernel = NeighborsRegressionKernel(model)

    assert kernel.value(TABLES[name][0]) == pytest.approx(TARGET.mean(), rel=1e-9)


def test_another_kind_of_distance_is_refused_where_there_is_no_tree():
    model = KNeighborsRegressor(metric="cosine").fit(WIDE, TARGET)

    with pytest.raises(NoExactKernel):
        NeighborsRegressionKernel(model)


def asked_of(table) -> np.ndarray:
    dense = np.asarray(table.todense()) if table is TABLES["sparse"] else table
    return np.vstack([dense[:12], dense[12:24] + DRAW.normal(size=(12, dense.shape[1])) * 0.1])


def matrix_like(table, row: np.ndarray):
    return csr_matrix(row) if table is TABLES["sparse"] else row[np.newaxis]
