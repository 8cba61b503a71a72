"""Contributions of columns: they add up for every model, and are right where they are known."""

import math
import time
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from mlmodels.learning import scoring
from mlmodels.learning.scoring.contributions import ORDERS_MAX, STEPS_MAX, orders_of
from mlmodels.learning.tables.derived import Derived, derive
from mlmodels.learning.trainers import NUMBER, Feature
from mlmodels.learning.trainers.feature_summary import describe_features
from mlmodels.tests.learning.scoring.examples import (
    CASES,
    REGRESSION,
    TWO_CLASSES,
    features_of,
    fitted_to_mixed_table,
    mixed_table,
    rows_of,
)

TABLE = mixed_table()
FEATURES = features_of(TABLE)
TYPICAL = scoring.typical_row(describe_features(TABLE, FEATURES))


class Formula:
    """A scorer that is a formula of its numbers."""

    classes = None

    def __init__(self, formula, columns: str):
        self.features = [Feature(name, NUMBER) for name in columns]
        self._formula = formula
        self.rows_asked = 0

    def responses(self, rows, label=None):
        self.rows_asked += len(rows)
        return [self._formula(*row) for row in rows]


def total(found: dict) -> float:
    return found["base"] + sum(found["contributions"].values())


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_contributions_add_up_to_the_prediction_of_every_algorithm(algorithm, target):
    scorer = scoring.compile_pipeline(fitted_to_mixed_table(algorithm, target), FEATURES)

    for row in rows_of(TABLE)[:4]:
        found = scoring.contributions(scorer, row, TYPICAL)

        assert total(found) == pytest.approx(found["prediction"], rel=1e-9, abs=1e-9)
        assert list(found["contributions"]) == list(TABLE)
        if scorer.classes is None:
            assert found["prediction"] == scorer.predict(row)
            assert found["base"] == scorer.predict(TYPICAL)
        else:
            assert found["label"] == scorer.predict(row)
            assert found["prediction"] == max(scorer.predict_proba(row))


def test_a_class_can_be_named():
    scorer = scoring.compile_pipeline(fitted_to_mixed_table("random_forest", TWO_CLASSES), FEATURES)
    row = rows_of(TABLE)[0]

    high, low = (scoring.contributions(scorer, row, TYPICAL, label=label) for label in ("high", "low"))

    assert high["prediction"] == scorer.predict_proba(row)[0]
    for name in TABLE:
        assert high["contributions"][name] == pytest.approx(-low["contributions"][name], abs=1e-12)


def test_in_a_sum_each_column_gets_its_own_term():
    scorer = Formula(lambda a, b, c: 10 + 2 * a - 3 * b + c, "abc")

    found = scoring.contributions(scorer, [5.0, 2.0, 1.0], [1.0, 1.0, 1.0])

    assert found == {"base": 10.0, "prediction": 15.0, "contributions": {"a": 8.0, "b": -3.0, "c": 0.0}}


def test_a_product_is_shared_equally():
    found = scoring.contributions(Formula(lambda a, b: a * b, "ab"), [3.0, 3.0], [1.0, 1.0])

    assert found["contributions"] == {"a": 4.0, "b": 4.0}


def test_many_columns_are_estimated_near_the_truth():
    """Of a product of pairs: each half of its pair's product, which 40,320 orders would give exactly."""
    scorer = Formula(lambda *v: sum(v[at] * v[at + 1] for at in range(0, 8, 2)), "abcdefgh")

    found = scoring.contributions(scorer, [2.0] * 8, [0.0] * 8)

    assert total(found) == found["prediction"] == 16.0
    assert list(found["contributions"].values()) == pytest.approx([2.0] * 8, abs=1e-9)


CELLS = st.floats(allow_nan=False, min_value=-1e6, max_value=1e6)
ROWS = st.integers(1, 9).flatmap(lambda size: st.tuples(*[st.lists(CELLS, min_size=size, max_size=size)] * 3))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS)
def test_contributions_add_up_for_any_function_and_any_rows(rows):
    row, typical, weights = rows
    jumps = Formula(
        lambda *v: sum(w * math.floor(x / 7) for w, x in zip(weights, v, strict=True)) + max(v) * min(v),
        "abcdefghi"[: len(row)],
    )

    found = scoring.contributions(jumps, row, typical)

    scale = 1 + abs(found["base"]) + sum(map(abs, found["contributions"].values()))
    assert abs(total(found) - found["prediction"]) <= 1e-9 * scale


def test_columns_as_in_the_typical_row_contribute_nothing_and_are_not_asked_about():
    scorer = Formula(lambda a, b, c: a + b + c, "abc")

    found = scoring.contributions(scorer, [math.nan, 5.0, 1.0], [math.nan, 0.0, 1.0])

    assert found["contributions"]["a"] == found["contributions"]["c"] == 0.0
    assert scorer.rows_asked == 2


def test_the_typical_row_itself_needs_no_reasons():
    found = scoring.contributions(Formula(lambda a: a, "a"), [4.0], [4.0])

    assert found == {"base": 4.0, "prediction": 4.0, "contributions": {"a": 0.0}}


def test_derived_columns_follow_the_ones_they_are_made_of():
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {"sold": draw.integers(1_600_000_000, 1_700_000_000, 300) * 1.0, "area": draw.normal(size=300)}
    )
    derived = [
        Derived("sold: weekday", "weekday", ("sold",)),
        Derived("area * area", "product", ("area", "area")),
    ]
    whole = derive(table, derived)
    target = (whole["sold: weekday"] == 6) * 50.0 + whole["area * area"]
    features = [Feature(name, NUMBER) for name in whole]
    seasons = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepare = ColumnTransformer(
        [("numbers", "passthrough", ["area * area"]), ("seasons", seasons, ["sold: weekday"])]
    )
    pipeline = Pipeline([("prepare", prepare), ("model", LinearRegression())]).fit(whole, target)
    scorer = scoring.compile_pipeline(pipeline, features)
    saturday, monday = 1_700_300_000.0, 1_700_300_000.0 + 2 * 86_400

    found = scoring.contributions(scorer, [saturday, 3.0], [monday, 1.0], derived)

    assert found["contributions"].keys() == {"sold", "area"}
    assert found["contributions"]["sold"] == pytest.approx(50, abs=0.1)
    assert found["contributions"]["area"] == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize("target", [REGRESSION, TWO_CLASSES])
def test_a_pipeline_without_a_kernel_has_the_same_contributions(target):
    pipeline = fitted_to_mixed_table("gradient_boosting", target)
    row = rows_of(TABLE)[3]

    fast, slow = (
        scoring.contributions(made(pipeline, FEATURES), row, TYPICAL)
        for made in (scoring.compile_pipeline, scoring.pipeline_scorer)
    )

    assert slow["contributions"] == pytest.approx(fast["contributions"], rel=1e-9, abs=1e-9)
    assert slow["prediction"] == pytest.approx(fast["prediction"], rel=1e-12)


@pytest.mark.parametrize("columns", [1, 4, 5, 12, 40, 300])
def test_orders_come_in_pairs_and_are_bounded(columns):
    orders = orders_of(list(range(columns)))

    assert len(orders) <= ORDERS_MAX
    assert len(orders) * columns <= max(STEPS_MAX, 4 * columns)
    assert all(sorted(order) == list(range(columns)) for order in orders)
    assert {order[::-1] for order in orders} == set(orders)
    assert orders == orders_of(list(range(columns)))


def test_reasons_for_a_forest_take_tens_of_milliseconds():
    scorer = scoring.compile_pipeline(fitted_to_mixed_table("random_forest", REGRESSION), FEATURES)
    taken = []

    for row in rows_of(TABLE)[:5]:
        started = time.process_time()
        scoring.contributions(scorer, row, TYPICAL)
        taken.append(time.process_time() - started)

    assert median(taken) < 0.2
