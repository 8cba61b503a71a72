import time

import numpy as np
import pytest

from mlmodels.learning.trainers.figures import mean_interval, proportion_interval
from mlmodels.learning.trainers.metric_intervals import metric_intervals
from mlmodels.learning.trainers.metrics import Predictions, measure


def numbers(rows: int, seed: int = 0) -> Predictions:
    draw = np.random.default_rng(seed)
    actual = draw.normal(size=rows)
    return Predictions(actual, actual + 0.5 * draw.normal(size=rows))


def classes(rows: int, count: int, seed: int = 0) -> Predictions:
    draw = np.random.default_rng(seed)
    actual = draw.integers(0, count, rows)
    shares = draw.dirichlet(np.ones(count), rows)
    shares[np.arange(rows), actual] += 0.5
    shares /= shares.sum(axis=1, keepdims=True)
    return Predictions(actual, shares.argmax(axis=1), shares, np.arange(count))


def intervals(predictions: Predictions) -> dict:
    return metric_intervals(predictions, measure(predictions))


@pytest.mark.parametrize("predictions", [numbers(60), classes(60, 2), classes(3000, 5), numbers(20_000)])
def test_every_metric_has_an_interval_around_it(predictions):
    found = intervals(predictions)

    metrics = measure(predictions)
    assert found.keys() == metrics.keys()
    for name, (low, high) in found.items():
        assert low < metrics[name] < high


@pytest.mark.parametrize("make", [lambda seed: numbers(200, seed), lambda seed: classes(200, 3, seed)])
def test_intervals_hold_what_many_rows_show(make):
    """In 95 of 100 samples, says the name; few rows and skewed figures make it a little less."""
    truth = measure(numbers(200_000) if make(0).classes is None else classes(100_000, 3))
    samples = [intervals(make(seed)) for seed in range(60)]

    for name in truth:
        held = np.mean([low <= truth[name] <= high for low, high in (sample[name] for sample in samples)])
        assert held >= 0.86, name


def test_ten_times_the_rows_make_it_three_times_as_narrow_also_where_a_part_is_resampled():
    small, large = intervals(classes(2000, 2)), intervals(classes(20_000, 2))

    for name in ("roc_auc", "log_loss", "f1_macro", "balanced_accuracy"):
        ratio = (small[name][1] - small[name][0]) / (large[name][1] - large[name][0])
        assert ratio == pytest.approx(10**0.5, rel=0.35), name


def test_no_interval_goes_beyond_what_a_metric_can_be():
    perfect = classes(40, 2)
    perfect = Predictions(perfect.actual, perfect.actual, np.eye(2)[perfect.actual], perfect.classes)

    found = intervals(perfect)

    assert found["accuracy"][1] == found["roc_auc"][1] == 1.0
    assert found["accuracy"][0] == pytest.approx(0.912, abs=0.001)
    assert found["log_loss"][0] >= 0


def test_an_interval_of_few_counts_is_that_of_wilson():
    assert proportion_interval(14, 19) == pytest.approx([0.512, 0.882], abs=0.001)
    assert proportion_interval(0, 10) == pytest.approx([0, 0.278], abs=0.001)
    assert proportion_interval(10, 10) == pytest.approx([0.722, 1], abs=0.001)


def test_a_class_that_a_resample_lacks_leaves_the_figures_finite():
    actual = np.array([0] * 50 + [1])
    shares = np.column_stack([np.linspace(1, 0, 51), np.linspace(0, 1, 51)])

    found = intervals(Predictions(actual, shares.argmax(axis=1), shares, np.arange(2)))

    assert np.all(np.isfinite(list(found.values())))


@pytest.mark.parametrize("rows", [1, 9])
def test_so_few_rows_have_no_interval(rows):
    assert intervals(numbers(rows)) == {}


def test_the_same_rows_have_the_same_intervals():
    assert intervals(classes(500, 3)) == intervals(classes(500, 3))


@pytest.mark.parametrize("predictions", [numbers(200_000), classes(50_000, 2), classes(3000, 100)])
def test_large_test_sets_take_a_fraction_of_a_second(predictions):
    metrics = measure(predictions)

    started = time.process_time()
    metric_intervals(predictions, metrics)

    assert time.process_time() - started < 1.0


def test_the_interval_of_a_mean_holds_as_often_as_it_says():
    draw = np.random.default_rng(1)
    intervals = [mean_interval(np.abs(draw.normal(0, 1, 60)).tolist()) for _ in range(400)]

    held = sum(low <= np.sqrt(2 / np.pi) <= high for low, high in intervals)

    assert 0.92 <= held / 400 <= 0.98
    assert min(low for low, _ in intervals) >= 0
