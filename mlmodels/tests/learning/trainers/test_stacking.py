"""Boosting that also gets what a random forest predicts."""

import io
import json

import joblib
import numpy as np
import pandas as pd
import pytest

from mlmodels.learning import scoring, skops_files
from mlmodels.learning.scoring.many import TableScorer
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, auto, comparison
from mlmodels.learning.trainers.candidates import Candidate, row_of
from mlmodels.learning.trainers.fitted_model import FittedModel
from mlmodels.tests.learning.scoring.agreement import assert_agreement
from mlmodels.tests.learning.trainers.examples import TABLES, Table, train

BOOSTING = {"max_iter": 20, "learning_rate": 0.1, "max_leaf_nodes": 8, "min_samples_leaf": 10}
NOISE = 0.3


@pytest.fixture
def forests_and_boosting(monkeypatch):
    monkeypatch.setattr(auto, "ORDER", ("gradient_boosting", "random_forest"))
    monkeypatch.setattr(auto, "draws", lambda comparison: iter(()))
    monkeypatch.setattr(comparison, "REPEATS", ())


def batches(rows: int = 2_000) -> Table:
    """Rows of one batch have the same time and nearly the same truth: more batches than boosting has bins."""
    draw = np.random.default_rng(8)
    batch = draw.integers(0, rows // 4, rows)
    of_batch, time = draw.normal(size=rows), draw.uniform(size=rows)
    frame = pd.DataFrame({"time": time[batch], "n0": draw.normal(size=rows), "n1": draw.normal(size=rows)})
    effects = 2 * frame["n0"].to_numpy() * np.sign(frame["n1"].to_numpy())
    return Table(frame, of_batch[batch] + effects + NOISE * draw.normal(size=rows))


def above_a_forest(table: Table, task: str, transform: str | None = None):
    """The result of a training of this one candidate."""
    candidate = Candidate("gradient_boosting", BOOSTING, transform, is_stacked=True)
    row = row_of(candidate, "any") | {"is_chosen": True, "weight": 1.0, "rows": 100, "folds": 3}
    return train(table, "auto", task, candidates=(row,))


def dumped(pipeline) -> bytes:
    stream = io.BytesIO()
    joblib.dump(pipeline, stream)
    return stream.getvalue()


def test_it_has_a_part_in_the_model_where_only_a_forest_sees_some_of_the_difference(forests_and_boosting):
    result = train(batches(), "auto", REGRESSION)

    assert [row["algorithm"] for row in result.candidates if row["stacked"]] == ["gradient_boosting"]
    assert any(row["stacked"] for row in result.candidates if row["is_chosen"])


def test_it_is_left_out_where_a_forest_takes_too_long(monkeypatch, forests_and_boosting):
    monkeypatch.setattr(auto, "FOREST_SHARE_MAX", 0.0)

    result = train(TABLES["mixed"](), "auto", REGRESSION, budget_seconds=60)

    assert not any(row["stacked"] for row in result.candidates)


def test_rows_learned_from_have_predictions_of_trees_that_have_not_seen_them():
    """Else boosting would trust the forest more than other rows allow."""
    draw = np.random.default_rng(9)
    noise = Table(pd.DataFrame(draw.normal(size=(400, 3)), columns=["a", "b", "c"]), draw.normal(size=400))

    result = above_a_forest(noise, REGRESSION)

    predicted = result.pipeline.predict(noise.frame)
    assert np.std(predicted) < 0.6 * np.std(noise.truth)  # with what its trees have seen: nearly all of it


@pytest.mark.parametrize(
    ("task", "transform"), [(REGRESSION, None), (REGRESSION, "yeo_johnson"), (CLASSIFICATION, None)]
)
def test_the_same_candidate_gives_the_same_model_bit_for_bit(task, transform):
    first = above_a_forest(TABLES["mixed"](), task, transform)
    stored = json.loads(json.dumps(first.candidates))

    again = train(TABLES["mixed"](), "auto", task, candidates=tuple(stored))

    assert dumped(again.pipeline) == dumped(first.pipeline)


@pytest.mark.parametrize(
    ("task", "transform"), [(REGRESSION, None), (REGRESSION, "yeo_johnson"), (CLASSIFICATION, None)]
)
def test_it_is_compiled_and_predicts_as_its_pipeline_does(task, transform):
    table = TABLES["mixed"]()
    pipeline = above_a_forest(table, task, transform).pipeline

    scorer = scoring.compile_pipeline(pipeline, table.features)

    assert_agreement(scorer, pipeline, table.frame)
    columns = {name: table.frame[name].to_numpy() for name in table.frame}
    many = TableScorer(pipeline, table.features)
    expected = pipeline.predict(table.frame) if task == REGRESSION else pipeline.predict_proba(table.frame)
    np.testing.assert_array_equal(many.outputs(columns), expected)
    assert many._model is not many._pipeline


def test_it_comes_back_from_a_skops_file():
    table = TABLES["mixed"]()
    pipeline = above_a_forest(table, CLASSIFICATION).pipeline

    back, _ = skops_files.read(skops_files.write(pipeline, {}))

    np.testing.assert_array_equal(back.predict_proba(table.frame), pipeline.predict_proba(table.frame))


def test_it_costs_the_forest_as_well_to_explain():
    from mlmodels.learning.trainers.prediction_cost import row_microseconds

    pipeline = above_a_forest(TABLES["mixed"](), REGRESSION).pipeline

    assert row_microseconds(FittedModel(pipeline, []).pipeline, 100) > 100 * 0.35
