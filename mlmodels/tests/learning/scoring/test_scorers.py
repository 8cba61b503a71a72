"""What every scorer promises: light, threadsafe, to be pickled, plain answers, honest about its memory."""

import gc
import json
import pickle
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmodels.learning import scoring
from mlmodels.learning.scoring.scorers import memory_bytes
from mlmodels.tests.learning.scoring.agreement import assert_row_agrees
from mlmodels.tests.learning.scoring.audit import listening_to_opened_files
from mlmodels.tests.learning.scoring.examples import (
    CASES,
    REGRESSION,
    THREE_CLASSES,
    TWO_CLASSES,
    features_of,
    fitted,
    fitted_to_mixed_table,
    made_worse,
    mixed_table,
    rows_of,
)
from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by

TABLE = mixed_table()
FEATURES = features_of(TABLE)


@pytest.fixture(scope="module", params=CASES, ids=[" ".join(case) for case in CASES])
def pair(request):
    pipeline = fitted_to_mixed_table(*request.param)
    return scoring.compile_pipeline(pipeline, FEATURES), pipeline


def any_cell(name: str):
    """A cell as it may come: from the table, blank, never seen, or at the edge of what floats can say."""
    seen = st.sampled_from(TABLE[name].drop_duplicates().head(40).tolist())
    if TABLE[name].dtype == float:
        return seen | st.floats(-1e30, 1e30) | st.sampled_from([np.nan, 0.0, -0.0, 5e-324, 1.7e9])
    return seen | st.just("") | st.text(max_size=12)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(row=st.tuples(*(any_cell(name) for name in TABLE)))
def test_any_row_gets_the_answer_of_the_pipeline(pair, row):
    one_row = pd.DataFrame(
        {name: pd.Series([cell], dtype=TABLE[name].dtype) for name, cell in zip(TABLE, row, strict=True)}
    )

    assert_row_agrees(*pair, one_row)


def test_a_warm_scorer_makes_no_data_frame_and_opens_no_file(pair, monkeypatch):
    scorer, _ = pair
    rows = rows_of(made_worse(TABLE))[:40]
    expected = [scorer.predict_as_dict(row) for row in rows]

    def refuse(*arguments, **options):
        raise AssertionError("A warm scorer has no business here.")

    monkeypatch.setattr(pd.DataFrame, "__init__", refuse)
    monkeypatch.setattr(pd.Series, "__init__", refuse)
    with listening_to_opened_files() as opened:
        answers = [scorer.predict_as_dict(row) for row in rows]

    assert answers == expected
    assert opened == []


def test_threads_that_share_a_scorer_get_the_answers_of_one_thread(pair):
    scorer, _ = pair
    rows = rows_of(made_worse(TABLE))[:60]
    expected = [scorer.predict_as_dict(row) for row in rows]

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda row: scorer.predict_as_dict(row), rows * 4))

    assert answers == expected * 4


def test_a_scorer_can_be_pickled(pair):
    scorer, _ = pair
    rows = rows_of(made_worse(TABLE))[:20]

    loaded = pickle.loads(pickle.dumps(scorer, protocol=5))

    assert [loaded.predict_as_dict(row) for row in rows] == [scorer.predict_as_dict(row) for row in rows]
    assert loaded.nbytes == scorer.nbytes


def test_a_scorer_leaves_the_row_as_it_was(pair):
    scorer, _ = pair
    row = rows_of(made_worse(TABLE))[3]
    before = repr(row)

    scorer.predict_as_dict(row)

    assert repr(row) == before


def test_an_answer_is_made_of_plain_values(pair):
    scorer, _ = pair

    answer = scorer.predict_as_dict(rows_of(TABLE)[0])

    assert type(answer["prediction"]) in (float, int, str)
    assert json.loads(json.dumps(answer)) == answer
    if scorer.classes is None:
        assert list(answer) == ["prediction"]
    else:
        assert list(answer["probabilities"]) == [str(label) for label in scorer.classes]
        assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_a_compiled_scorer_does_not_keep_the_pipeline_alive(algorithm, target):
    pipeline = deepcopy(fitted_to_mixed_table(algorithm, target))
    scorer = scoring.compile_pipeline(pipeline, FEATURES)
    pipeline_is_there, preparation_is_there = weakref.ref(pipeline), weakref.ref(pipeline["prepare"])

    del pipeline
    gc.collect()

    assert scorer is not None
    assert pipeline_is_there() is None
    assert preparation_is_there() is None


@pytest.mark.parametrize("algorithm", ["decision_tree", "random_forest", "gradient_boosting", "ridge"])
def test_trees_and_weights_do_not_keep_the_model_alive(algorithm):
    pipeline = deepcopy(fitted_to_mixed_table(algorithm, REGRESSION))
    scorer = scoring.compile_pipeline(pipeline, FEATURES)
    model_is_there = weakref.ref(pipeline["model"])

    del pipeline
    gc.collect()

    assert scorer is not None
    assert model_is_there() is None


def test_whole_number_labels_stay_whole_numbers_and_texts_stay_texts():
    row = rows_of(TABLE)[0]
    numbers = scoring.compile_pipeline(fitted_to_mixed_table("decision_tree", THREE_CLASSES), FEATURES)
    texts = scoring.compile_pipeline(fitted_to_mixed_table("decision_tree", TWO_CLASSES), FEATURES)

    assert numbers.classes == [0, 10, 20]
    assert type(numbers.predict(row)) is int
    assert texts.classes == ["high", "low"]
    assert type(texts.predict(row)) is str


@pytest.mark.parametrize(
    ("algorithm", "target"), [("knn", TWO_CLASSES), ("logistic", THREE_CLASSES), ("linear", REGRESSION)]
)
def test_a_scorer_reports_about_the_memory_that_it_takes(algorithm, target):
    """Kinds whose memory Python sees; that of trees is told by their arrays, below."""
    scorer = scoring.compile_pipeline(fitted(algorithm, target, mixed_table(3000)), FEATURES)
    pickled = pickle.dumps(scorer, protocol=5)
    pickle.loads(pickled)  # imports out of the way

    tracemalloc.start()
    loaded = pickle.loads(pickled)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert taken / 2 < loaded.nbytes < taken * 2


def test_a_forest_reports_the_bytes_of_its_nodes():
    pipeline = fitted_to_mixed_table("random_forest", REGRESSION)
    scorer = scoring.compile_pipeline(pipeline, FEATURES)

    nodes = scorer._kernel._trees._tree.node_count
    assert nodes > 1000
    assert nodes * 72 < scorer.nbytes < nodes * 72 * 1.5


def test_measuring_memory_does_not_copy_arrays():
    array = np.ones(5_000_000)

    tracemalloc.start()
    measured = memory_bytes({"array": array})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert measured >= array.nbytes
    assert peak < array.nbytes / 10


def test_importing_the_package_loads_no_learning_library():
    assert imported_by("import mlmodels.learning.scoring", LEARNING_LIBRARIES) == set()
