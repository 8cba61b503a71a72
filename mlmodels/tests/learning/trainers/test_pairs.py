import numpy as np
import pandas as pd
import pytest

from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, auto, comparison
from mlmodels.learning.trainers.fitted_model import FittedModel
from mlmodels.learning.trainers.pairs import find_pairs
from mlmodels.tests.learning.trainers.examples import Table, numbers, train


def amounts(rows: int = 400) -> Table:
    """A margin: what matters is the difference of two large amounts."""
    draw = np.random.default_rng(4)
    income = draw.uniform(1000, 9000, rows)
    frame = pd.DataFrame(
        {"income": income, "spent": income - draw.normal(0, 50, rows), "n": draw.normal(size=rows)}
    )
    return Table(frame, (frame["income"] - frame["spent"]).to_numpy() + draw.normal(size=rows))


def test_the_difference_that_matters_is_found():
    table = amounts()

    found = find_pairs(table.features, table.frame, table.truth, REGRESSION)

    assert (found[0].operation, found[0].sources) == ("difference", ("income", "spent"))


def test_classes_are_told_apart_by_a_ratio():
    draw = np.random.default_rng(5)
    frame = pd.DataFrame({"weight": draw.uniform(40, 120, 600), "size": draw.uniform(1, 9, 600)})
    ratio = frame["weight"] / frame["size"]
    labels = np.where((ratio > 12) & (ratio < 18), "usual", "unusual").astype(object)

    found = find_pairs(Table(frame, labels).features, frame, labels, CLASSIFICATION)

    assert found[0].operation == "ratio"


def test_the_ratio_that_tells_a_rare_class_is_found_among_many_rows():
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"weight": draw.uniform(40, 120, 9_000), "size": draw.uniform(1, 9, 9_000)})
    ratio = frame["weight"] / frame["size"]
    share = np.where((ratio > 12) & (ratio < 15), 0.25, 0.02)
    labels = np.where(draw.random(9_000) < share, "rare", "usual").astype(object)

    found = find_pairs(Table(frame, labels).features, frame, labels, CLASSIFICATION)

    assert found[0].operation == "ratio"


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION])
def test_nothing_is_found_in_noise(task):
    table = numbers(rows=400)

    noise = np.random.default_rng(0).permutation(table.labels(task))
    assert find_pairs(table.features, table.frame, noise, task) == []


def test_a_model_with_pairs_answers_rows_with_the_columns_of_the_file(monkeypatch):
    monkeypatch.setattr(auto, "ORDER", ("ridge", "gradient_boosting"))
    monkeypatch.setattr(auto, "draws", lambda comparison: iter(()))
    monkeypatch.setattr(comparison, "REPEATS", ())
    table = amounts()

    result = train(table, "auto", REGRESSION)

    assert any(row["pairs"] and row["is_chosen"] for row in result.candidates)
    assert result.derived[0]["name"] == "income - spent"
    predicted = FittedModel(result.pipeline, result.derived).predict(table.frame)
    assert np.corrcoef(predicted, table.truth)[0, 1] > 0.95
    assert {column["name"] for column in result.report["importance"]["columns"]} == set(table.frame)


def test_pairs_are_left_out_where_looking_for_them_would_take_too_long(monkeypatch):
    monkeypatch.setattr(auto, "ORDER", ("ridge",))
    monkeypatch.setattr(auto, "draws", lambda comparison: iter(()))
    monkeypatch.setattr(auto, "PAIRS_SHARE_MAX", 0.0)

    result = train(amounts(), "auto", REGRESSION, budget_seconds=60)

    assert not any(row["pairs"] for row in result.candidates)
