"""The report as a whole: what it holds for each task, and that it is plain JSON."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION
from mlmodels.learning.trainers.metrics import Predictions, predict
from mlmodels.learning.trainers.report import describe_drivers, describe_quality
from mlmodels.tests.learning.trainers.examples import TABLES, texts, thirds, trained

ALWAYS = {
    "metrics",
    "baseline",
    "metric_intervals",
    "verdict",
    "reliability",
    "sample",
    "largest_misses",
    "weak_groups",
}
OF_NUMBERS = {"residuals"}
OF_CLASSES = {"confusion_matrix", "classes", "roc", "precision_recall", "calibration", "thresholds"}


@pytest.mark.parametrize(
    ("algorithm", "task", "own"),
    [("ridge", REGRESSION, OF_NUMBERS), ("logistic", CLASSIFICATION, OF_CLASSES)],
)
def test_a_report_has_the_parts_of_its_task_and_is_plain_json(algorithm, task, own):
    table, pipeline = TABLES["mixed"](), trained(algorithm, task).pipeline
    labels = table.labels(task)

    quality = describe_quality(predict(pipeline, task, table.frame, labels), table.frame, labels)
    drivers = describe_drivers(pipeline, task, table.features, table.frame, labels, len(labels))

    assert quality.keys() == ALWAYS | own
    assert drivers.keys() == {"importance", "partial_dependence"}
    assert json.loads(json.dumps({**quality, **drivers}, allow_nan=False)) == {**quality, **drivers}


def test_labels_that_are_whole_numbers_stay_so_in_json():
    draw = np.random.default_rng(0)
    actual = draw.integers(0, 2, 300)
    yes = np.clip(0.2 + 0.6 * actual + draw.normal(0, 0.2, 300), 0, 1)
    predictions = Predictions(
        actual, (yes > 0.5).astype(int), np.column_stack([1 - yes, yes]), np.array([0, 1])
    )
    rows = pd.DataFrame({"word": texts(["a", "b", "c"] * 100), "n": np.arange(300.0)})

    quality = json.loads(json.dumps(describe_quality(predictions, rows, actual), allow_nan=False))

    assert quality["thresholds"]["label"] == 1
    assert [entry["label"] for entry in quality["classes"]] == [0, 1]


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION])
def test_a_test_set_of_very_few_rows_is_described_as_far_as_it_goes(task, rows):
    draw = np.random.default_rng(0)
    truth = draw.normal(size=rows)
    frame = pd.DataFrame({"n": truth})
    predictions = Predictions(truth, truth + 0.1)
    if task == CLASSIFICATION:
        classes = np.array(["high", "low", "middle"], dtype=object)
        shares = draw.dirichlet(np.ones(3), rows)
        predictions = Predictions(
            classes[draw.integers(0, 3, rows)], classes[shares.argmax(axis=1)], shares, classes
        )
    training = draw.normal(size=30) if task == REGRESSION else thirds(draw.normal(size=30))

    quality = describe_quality(predictions, frame, training)

    assert quality["reliability"] is None
    assert quality["metric_intervals"] == {}
    assert quality["verdict"]["grade"] in ("none", "weak", "fair", "good", "excellent")
    json.dumps(quality, allow_nan=False)


def test_intervals_come_from_predictions_out_of_fold_where_there_are_some():
    draw = np.random.default_rng(0)
    apart, held_out = (
        Predictions(truth, truth + draw.normal(size=len(truth)))
        for truth in (draw.normal(size=400), draw.normal(size=100))
    )

    quality = describe_quality(held_out, pd.DataFrame({"n": held_out.actual}), apart.actual, apart)

    assert quality["reliability"]["rows"] == 400


def test_a_hundred_thousand_test_rows_are_described_within_seconds():
    draw = np.random.default_rng(0)
    truth = draw.lognormal(size=100_000)
    numbers = Predictions(truth, truth * draw.lognormal(0, 0.2, 100_000))
    classes = np.arange(10)
    actual = draw.integers(0, 10, 100_000)
    shares = draw.dirichlet(np.ones(10), 100_000)
    rows = pd.DataFrame({f"n{number}": draw.normal(size=100_000) for number in range(10)})

    started = time.process_time()
    describe_quality(numbers, rows, truth, apart=numbers)
    describe_quality(Predictions(actual, shares.argmax(axis=1), shares, classes), rows, actual)

    assert time.process_time() - started < 4
