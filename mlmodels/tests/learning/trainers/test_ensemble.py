import numpy as np
import pandas as pd
import pytest

from mlmodels.learning.trainers import REGRESSION, auto, comparison
from mlmodels.tests.learning.trainers.examples import Table, train


@pytest.fixture(autouse=True)
def a_line_and_a_forest(monkeypatch):
    monkeypatch.setattr(auto, "ORDER", ("ridge", "extra_trees"))
    monkeypatch.setattr(auto, "draws", lambda comparison: iter(()))
    monkeypatch.setattr(comparison, "REPEATS", ())


def line_with_step(rows: int, step: float) -> Table:
    """A line, and what a forest adds to it."""
    draw = np.random.default_rng(6)
    frame = pd.DataFrame({f"n{i}": draw.normal(size=rows) for i in range(3)})
    noise = draw.normal(size=rows)
    differ = (frame["n1"] > 0.5) != (frame["n2"] > -0.5)  # which no sum of splines says
    return Table(frame, 3 * frame["n0"].to_numpy() + step * differ.to_numpy() + noise)


def test_on_many_rows_a_line_has_no_more_than_half_of_the_say():
    result = train(line_with_step(rows=1_400, step=5.0), "auto", REGRESSION)

    chosen = {row["algorithm"]: row["weight"] for row in result.candidates if row["is_chosen"]}
    assert set(chosen) == {"ridge", "extra_trees"}
    assert chosen["ridge"] <= 0.5


def test_a_line_that_is_clearly_better_stays_alone():
    result = train(line_with_step(rows=1_400, step=0.0), "auto", REGRESSION)

    assert result.algorithm == "ridge"


def test_on_few_rows_an_ensemble_must_not_be_clearly_worse(monkeypatch):
    monkeypatch.setattr(comparison.ensemble, "is_better", lambda scores, others: True)

    result = train(line_with_step(rows=300, step=2.0), "auto", REGRESSION)

    assert result.algorithm != "ensemble"


def test_on_few_rows_an_ensemble_of_lines_is_made_where_it_is_as_good():
    result = train(line_with_step(rows=300, step=2.0), "auto", REGRESSION)

    chosen = [row for row in result.candidates if row["is_chosen"]]
    assert {row["parameters"]["numbers"] for row in chosen} == {"clipped", "spline"}
