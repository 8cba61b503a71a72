"""A scorer that differs from its pipeline must not serve."""

import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVR

from mlmodels.learning import scoring
from mlmodels.learning.scoring.compiler import _trial_rows
from mlmodels.tests.learning.scoring.examples import (
    CASES,
    REGRESSION,
    TWO_CLASSES,
    features_of,
    fitted,
    fitted_to_mixed_table,
    mixed_table,
    rows_of,
)


class Altered:
    """A scorer whose answers are changed on the rows that `when` picks."""

    def __init__(self, scorer, when, change):
        self.classes, self.features = scorer.classes, scorer.features
        self._scorer, self._when, self._change = scorer, when, change

    def predict(self, row):
        answer = self._scorer.predict(row)
        return self._change(answer) if self._when(row) else answer

    def classify(self, row):
        label, shares = self._scorer.classify(row)
        return self._change((label, shares)) if self._when(row) else (label, shares)


@pytest.fixture(scope="module")
def table():
    return mixed_table()


@pytest.fixture(scope="module")
def linear():
    return compiled("linear", REGRESSION)


@pytest.fixture(scope="module")
def logistic():
    return compiled("logistic", TWO_CLASSES)


def compiled(algorithm, target):
    pipeline = fitted_to_mixed_table(algorithm, target)
    return scoring.compile_pipeline(pipeline, features_of(mixed_table())), pipeline


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_a_right_scorer_is_accepted(algorithm, target, table):
    assert scoring.verify(*compiled(algorithm, target), table)


@pytest.mark.parametrize("number", [0, 20])
def test_a_wrong_weight_is_noticed(table, number):
    scorer, pipeline = compiled("linear", REGRESSION)
    scorer._kernel._weights[number] *= 1 + 1e-6

    assert not scoring.verify(scorer, pipeline, table)


def test_a_difference_within_rounding_is_accepted(linear, table):
    scorer, pipeline = linear

    assert scoring.verify(Altered(scorer, lambda row: True, lambda y: y * (1 + 1e-12)), pipeline, table)


def test_a_difference_beyond_rounding_is_noticed(linear, table):
    scorer, pipeline = linear

    assert not scoring.verify(Altered(scorer, lambda row: True, lambda y: y * (1 + 1e-8)), pipeline, table)


def test_one_wrong_row_is_enough(linear, table):
    scorer, pipeline = linear
    only = rows_of(table.sample(250, random_state=42))[99]

    assert not scoring.verify(
        Altered(scorer, lambda row: row[2] == only[2], lambda y: y + 1), pipeline, table
    )


@pytest.mark.parametrize(
    "is_unusual",
    [
        pytest.param(lambda row: row[0] != row[0] and row[1] == row[1], id="a blank number"),
        pytest.param(lambda row: row[5] == "never seen before", id="an unseen category"),
        pytest.param(lambda row: all(cell != cell or cell == "" for cell in row), id="nothing but blanks"),
        pytest.param(lambda row: row[2] > 2e9, id="a number past all others"),
    ],
)
def test_answers_that_are_wrong_on_unusual_rows_alone_are_noticed(linear, table, is_unusual):
    scorer, pipeline = linear

    assert not scoring.verify(Altered(scorer, is_unusual, lambda y: y + 1), pipeline, table)


def test_a_wrong_label_is_noticed(logistic, table):
    scorer, pipeline = logistic
    other = {"high": "low", "low": "high"}
    altered = Altered(scorer, lambda row: row[1] == 3.0, lambda answer: (other[answer[0]], answer[1]))

    assert not scoring.verify(altered, pipeline, table)


def test_wrong_probabilities_are_noticed(logistic, table):
    scorer, pipeline = logistic
    altered = Altered(scorer, lambda row: row[1] == 3.0, lambda answer: (answer[0], answer[1][::-1]))

    assert not scoring.verify(altered, pipeline, table)


def test_at_least_two_hundred_real_rows_are_asked_and_worse_ones(table):
    rows = _trial_rows(table, features_of(table))

    real = rows.head(200)
    assert len(rows) == 200 + 50 + 50 + 1
    assert pd.merge(real, table).drop_duplicates().shape[0] == 200
    assert (rows["city"] == "never seen before").sum() == 50 // 8
    assert (rows.iloc[-1].isna() | (rows.iloc[-1] == "")).all()


def test_a_table_of_few_rows_can_be_verified(table):
    few = table.head(12)
    pipeline = fitted("ridge", REGRESSION, few)

    assert scoring.verify(scoring.compile_pipeline(pipeline, features_of(few)), pipeline, few)


def test_a_model_or_a_preparation_without_a_kernel_is_not_compiled(table):
    table = table[["floor", "sold_on"]]
    prepare = ColumnTransformer([("numbers", MinMaxScaler(), ["floor", "sold_on"])])
    for known, unknown in (
        (fitted("ridge", REGRESSION, table)["prepare"], SVR()),
        (prepare, LinearRegression()),
    ):
        pipeline = Pipeline([("prepare", known), ("model", unknown)]).fit(table, table["sold_on"])

        assert scoring.compile_pipeline(pipeline, features_of(table)) is None


@pytest.mark.parametrize("target", [REGRESSION, TWO_CLASSES])
def test_the_pipeline_answers_through_the_same_interface(table, target):
    pipeline = fitted_to_mixed_table("decision_tree", target)
    slow = scoring.pipeline_scorer(pipeline, features_of(table))
    fast = scoring.compile_pipeline(pipeline, features_of(table))

    for row in rows_of(table)[:5]:
        assert slow.predict_as_dict(row) == fast.predict_as_dict(row)
    assert slow.classes == fast.classes
    assert slow.nbytes > 1000
