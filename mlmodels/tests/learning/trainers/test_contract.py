"""What holds for every algorithm, on every task it does, on every kind of table."""

import io
import json
import pickle
import pickletools
import re

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.utils.validation import check_is_fitted

from mlmodels.learning.trainers import CATEGORY, REGRESSION
from mlmodels.tests.learning.trainers.examples import PAIRS, TABLES, train, trained

pytestmark = pytest.mark.filterwarnings("error")
every_training = pytest.mark.parametrize(
    ("algorithm", "task", "table"), [(*pair, table) for pair in PAIRS for table in TABLES]
)
every_algorithm = pytest.mark.parametrize(("algorithm", "task"), PAIRS)

REGRESSION_METRICS = {"r2_score", "mean_squared_error", "mean_absolute_error", "root_mean_squared_error"}
CLASSIFICATION_METRICS = {"accuracy", "balanced_accuracy", "f1_score", "f1_macro", "roc_auc", "log_loss"}


@every_training
def test_it_answers_every_row_with_a_usable_value(algorithm, task, table):
    result, rows = trained(algorithm, task, table), TABLES[table]().frame

    answers = result.pipeline.predict(rows)

    assert len(answers) == len(rows)
    assert_usable(answers, task)


@every_training
def test_it_answers_blank_rows_and_unseen_categories(algorithm, task, table):
    result, features = trained(algorithm, task, table), TABLES[table]().features
    blank = {feature.name: "" if feature.role == CATEGORY else np.nan for feature in features}
    unseen = {feature.name: "never seen" if feature.role == CATEGORY else 1e9 for feature in features}

    answers = result.pipeline.predict(pd.DataFrame([blank, unseen]))

    assert_usable(answers, task)


@every_training
def test_metrics_stand_next_to_the_same_metrics_of_the_baseline(algorithm, task, table):
    result = trained(algorithm, task, table)

    expected = REGRESSION_METRICS if task == REGRESSION else CLASSIFICATION_METRICS
    assert set(result.metrics) == set(result.baseline) == expected
    assert all(np.isfinite(value) for value in [*result.metrics.values(), *result.baseline.values()])


@every_training
def test_everything_but_the_pipeline_is_plain_data(algorithm, task, table):
    facts = trained(algorithm, task, table).facts()

    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


@every_training
def test_a_saved_and_loaded_model_answers_the_same(algorithm, task, table):
    pipeline, rows = trained(algorithm, task, table).pipeline, TABLES[table]().frame

    loaded = joblib.load(io.BytesIO(dumped(pipeline)))

    np.testing.assert_array_equal(loaded.predict(rows), pipeline.predict(rows))


@every_algorithm
def test_a_model_is_made_of_scikit_learn_alone(algorithm, task):
    modules = modules_named_in(trained(algorithm, task).pipeline)

    assert "sklearn" in modules
    assert modules <= {"sklearn", "numpy", "scipy", "builtins", "copyreg", "_codecs", "functools"}


@every_algorithm
def test_the_pipeline_is_a_preparation_and_a_fitted_model(algorithm, task):
    pipeline = trained(algorithm, task).pipeline

    assert list(pipeline.named_steps) == ["prepare", "model"]
    assert [name for name, _, _ in pipeline["prepare"].transformers] == ["numbers", "categories"]
    check_is_fitted(pipeline)


@every_algorithm
def test_the_same_rows_give_the_same_model_and_report(algorithm, task):
    first, rows = trained(algorithm, task), TABLES["mixed"]().frame

    second = train(TABLES["mixed"](), algorithm, task)

    np.testing.assert_array_equal(first.pipeline.predict(rows), second.pipeline.predict(rows))
    assert first.report == second.report


@every_algorithm
def test_it_beats_the_baseline_where_there_is_something_to_learn(algorithm, task):
    result = trained(algorithm, task, "numbers")

    score = "r2_score" if task == REGRESSION else "accuracy"
    assert result.metrics[score] > result.baseline[score] + 0.2


def assert_usable(answers, task):
    if task == REGRESSION:
        assert np.all(np.isfinite(answers))
    else:
        assert set(answers) <= {"high", "low", "middle"}


def dumped(pipeline) -> bytes:
    stream = io.BytesIO()
    joblib.dump(pipeline, stream)
    return stream.getvalue()


def modules_named_in(pipeline) -> set[str]:
    """The top package of every class and function that unpickling would ask for.

    Protocol 3 names each in one GLOBAL opcode, so that they can be read without loading anything.
    """
    opcodes = pickletools.genops(pickle.dumps(pipeline, protocol=3))
    return {re.split("[. ]", argument)[0] for opcode, argument, _ in opcodes if opcode.name == "GLOBAL"}
