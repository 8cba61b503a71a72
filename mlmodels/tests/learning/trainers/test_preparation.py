"""What columns look like once prepared, per family: single-row scoring relies on it."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, Feature, preparation
from mlmodels.learning.trainers.preparation import build_preparation
from mlmodels.learning.trainers.trainer import BOOSTING, CLIPPED, SCALED, SPLINE, TREES
from mlmodels.tests.learning.trainers.examples import TABLES, Table, plan_for, texts

CODES = 300


def prepare(family: str, table: Table, task: str = REGRESSION):
    labels = table.labels(task)
    unfitted = build_preparation(family, task, table.features, table.frame, labels)
    return unfitted.fit(table.frame, labels)


def coded(rows: int, codes: int) -> Table:
    frame = pd.DataFrame({"n": np.arange(float(rows)), "code": texts([f"c{i % codes}" for i in range(rows)])})
    return Table(frame, np.arange(rows) % 5.0)


def blocks(prepared) -> dict[str, list[str]]:
    return {name: list(columns) for name, _, columns in prepared.transformers}


@pytest.mark.parametrize("family", [SCALED, TREES, BOOSTING])
def test_columns_come_in_named_blocks_in_a_fixed_order(family):
    table = coded(rows=3 * CODES, codes=CODES)
    table.frame["colour"] = texts(["red", "blue", ""] * CODES)

    assert list(blocks(prepare(family, table)).items()) == [
        ("numbers", ["n"]),
        ("categories", ["colour"]),
        ("many_categories", ["code"]),
    ]


@pytest.mark.parametrize(("family", "few"), [(SCALED, 255), (TREES, 50), (BOOSTING, 255)])
def test_how_many_categories_are_many_depends_on_the_family(family, few):
    assert "many_categories" not in blocks(prepare(family, coded(rows=600, codes=few)))
    assert "categories" not in blocks(prepare(family, coded(rows=600, codes=few + 1)))


def test_scaled_numbers_have_no_spread_but_one_and_a_flag_for_blanks():
    table = TABLES["mixed"]()
    numbers = table.frame[["n0", "n1"]]

    prepared = prepare(SCALED, Table(numbers, table.truth)).transform(numbers)

    assert prepared.shape[1] == 3  # n1 has blanks: its flag comes last
    np.testing.assert_allclose(prepared.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(prepared.std(axis=0), 1)
    assert len(np.unique(prepared[numbers["n1"].isna(), 1])) == 1
    assert set(np.unique(prepared[:, 2] > 0)) == {True, False}


def far_out() -> Table:
    """A number with a blank and one value far out, one that is mostly zero, and one of two values."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"n": draw.normal(size=400), "mostly": np.where(np.arange(400) % 10, 0.0, 1.0)})
    frame["mostly"] *= draw.uniform(1, 5, 400)
    frame.loc[3, "n"], frame.loc[7, "n"] = np.nan, 1e6
    frame["pair"] = np.arange(400) % 2.0
    return Table(frame, np.abs(frame["n"].fillna(0).to_numpy()).clip(max=3))


@pytest.mark.parametrize("family", [CLIPPED, SPLINE])
def test_clipped_numbers_stay_where_nearly_all_of_them_are(family):
    table = far_out()
    fitted = prepare(family, table)
    ends = table.frame.head(4).assign(n=[1e6, np.nanquantile(table.frame["n"], 0.99), -1e6, -1e9])

    prepared = fitted.transform(ends)

    assert list(blocks(fitted))[:2] == ["numbers", "blanks"]
    np.testing.assert_allclose(prepared[0, 0], prepared[1, 0])
    assert prepared[2, 0] == prepared[3, 0] > -5
    np.testing.assert_array_equal(fitted.transform(table.frame)[:, 3], table.frame["n"].isna())


def test_splines_follow_straight_lines_between_their_quarters():
    table = far_out()
    prepared = prepare(SPLINE, table)
    knots = np.nanquantile(table.frame["n"], [0.01, 0.25, 0.5, 0.75, 0.99])
    asked = pd.DataFrame({"n": knots, "mostly": 0.0, "pair": 0.0})
    halves = asked.head(4).assign(n=(knots[:-1] + knots[1:]) / 2)

    splines, between = prepared.transform(asked)[:, 4:8], prepared.transform(halves)[:, 4:8]

    assert blocks(prepared)["splines"] == ["n", "mostly"]  # not the one of two values
    assert np.linalg.matrix_rank(splines[:-1] - splines[-1]) == 4
    np.testing.assert_allclose(between, (splines[:-1] + splines[1:]) / 2)


@pytest.mark.parametrize("family", [TREES, BOOSTING])
def test_trees_get_numbers_and_blanks_as_they_are(family):
    table = TABLES["mixed"]()

    prepared = prepare(family, table).transform(table.frame)

    np.testing.assert_array_equal(prepared[:, :4], table.frame.iloc[:, :4].to_numpy())


@pytest.mark.parametrize(("family", "expected"), [(TREES, [0, 1, 2, -1]), (BOOSTING, [0, 1, 2, np.nan])])
def test_trees_get_a_number_per_category_and_blank_text_is_one(family, expected):
    seen = pd.DataFrame({"colour": texts(["", "blue", "red"])})
    asked = pd.DataFrame({"colour": texts(["", "blue", "red", "never seen"])})

    prepared = prepare(family, Table(seen, np.arange(3.0))).transform(asked)

    np.testing.assert_array_equal(prepared[:, 0], expected)


def test_an_unseen_category_is_none_of_the_known_ones():
    seen = pd.DataFrame({"colour": texts(["", "blue", "red"])})
    asked = pd.DataFrame({"colour": texts(["red", "never seen"])})

    prepared = prepare(SCALED, Table(seen, np.arange(3.0))).transform(asked)

    np.testing.assert_array_equal(prepared, [[0, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize(("task", "columns"), [(REGRESSION, 1), (CLASSIFICATION, 3)])
def test_many_categories_become_the_mean_target_of_each(task, columns):
    table = coded(rows=5 * CODES, codes=CODES)  # the truth is i % 5 and the code i % 300: one truth per code
    codes = table.frame[["code"]]

    encoded = prepare(TREES, Table(codes, table.truth), task).transform(codes)

    assert encoded.shape[1] == columns
    if task == REGRESSION:
        np.testing.assert_allclose(encoded[:, 0], table.truth, atol=0.5)


def test_an_unseen_code_gets_the_mean_of_all_rows():
    table = coded(rows=5 * CODES, codes=CODES)
    codes = table.frame[["code"]]

    encoded = prepare(TREES, Table(codes, table.truth)).transform(
        pd.DataFrame({"code": texts(["never seen"])})
    )

    np.testing.assert_allclose(encoded, [[table.truth.mean()]])


def test_a_code_per_row_gives_the_answers_away_to_nobody():
    """Each row's own target is left out of its own encoding, else a model would learn to repeat it."""
    codes = pd.DataFrame({"code": texts([f"c{i}" for i in range(CODES)])})
    truth = np.random.default_rng(0).normal(size=CODES)
    unfitted = build_preparation(TREES, REGRESSION, (Feature("code", "category"),), codes, truth)

    encoded = unfitted.fit_transform(codes, truth)

    assert abs(np.corrcoef(encoded[:, 0], truth)[0, 1]) < 0.5


def test_a_wide_table_of_categories_stays_sparse(monkeypatch):
    table = coded(rows=400, codes=100)
    dense = prepare(SCALED, table).transform(table.frame)
    monkeypatch.setattr(preparation, "DENSE_CELLS_MAX", 1000)

    thin = prepare(SCALED, table).transform(table.frame)

    assert isinstance(dense, np.ndarray)
    assert sparse.issparse(thin)
    np.testing.assert_allclose(thin.toarray(), dense)


@pytest.mark.parametrize("algorithm", ["linear", "ridge"])
def test_sparse_and_dense_columns_give_the_same_model(algorithm, monkeypatch):
    table = coded(rows=400, codes=100)
    parameters = {"alpha": 1.0} if algorithm == "ridge" else {}
    plan = plan_for(table, algorithm, REGRESSION, parameters=parameters).checked()
    dense = preparation.build_pipeline(plan, table.frame, table.truth).fit(table.frame, table.truth)
    monkeypatch.setattr(preparation, "DENSE_CELLS_MAX", 1000)

    thin = preparation.build_pipeline(plan, table.frame, table.truth).fit(table.frame, table.truth)

    tolerance = 1e-2 if algorithm == "ridge" else 1e-8  # its sparse solver iterates to a tolerance of its own
    np.testing.assert_allclose(thin.predict(table.frame), dense.predict(table.frame), atol=tolerance)


def test_boosting_is_told_which_columns_are_categories():
    plan = plan_for(TABLES["mixed"](), "gradient_boosting", REGRESSION).checked()

    model = preparation.build_pipeline(plan, TABLES["mixed"]().frame, np.arange(160.0))["model"]

    assert model.categorical_features == [4]


def test_a_rare_class_does_not_stop_boosting_on_a_large_table():
    """Above 10,000 rows it keeps rows aside itself, some of each class: a class of one row would fail."""
    labels = np.array(["a", "b"] * 5500 + ["lone"], dtype=object)
    table = Table(pd.DataFrame({"n": np.arange(float(len(labels)))}), labels)
    plan = plan_for(table, "gradient_boosting", CLASSIFICATION).checked()

    pipeline = preparation.build_pipeline(plan, table.frame, labels).fit(table.frame, labels)

    assert pipeline["model"].early_stopping is False
    assert list(pipeline.classes_) == ["a", "b", "lone"]
