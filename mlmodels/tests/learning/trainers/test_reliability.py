"""Intervals and sets: that they keep their level, are as narrow as the rows allow, and are light to use."""

import functools
import json

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_classification, make_friedman1
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict, train_test_split
from sklearn.tree import DecisionTreeRegressor

from mlmodels.learning.trainers.conformal import SCORES_KEPT, reliability_of
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.reliability import Reliability
from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by

SEEDS = range(20)


def even(draw):
    return make_friedman1(400, noise=1.0, random_state=int(draw.integers(1000)))


def few(draw):
    columns = draw.normal(size=(120, 3))
    return columns, columns @ [1.0, 2.0, 0.0] + draw.normal(size=120)


def harder_above(draw):
    columns = draw.uniform(0, 10, (1000, 3))
    return columns, 5 * columns[:, 0] + draw.normal(size=1000) * (0.2 + 0.5 * columns[:, 0])


def skewed(draw):
    columns = draw.normal(size=(1000, 3))
    return columns, 2 * columns[:, 0] + draw.exponential(2.0, 1000)


def prices(draw):
    columns = draw.normal(size=(1000, 3))
    return columns, np.exp(0.8 * columns[:, 0] + 0.4 * draw.normal(size=1000))


def tree():
    return DecisionTreeRegressor(min_samples_leaf=5, random_state=0)


def diabetes(draw):
    return load_diabetes(return_X_y=True)


@functools.cache
def made_and_checked(table, seed: int, model=RidgeCV) -> tuple[Reliability, Predictions]:
    """Out of folds of three fifths of the rows, and predictions for the others by a model of all of these."""
    columns, target = table(np.random.default_rng(seed))
    near, far, near_target, far_target = train_test_split(columns, target, test_size=0.4, random_state=seed)
    folds = KFold(5, shuffle=True, random_state=seed)
    apart = Predictions(near_target, cross_val_predict(model(), near, near_target, cv=folds))
    served = model().fit(near, near_target)
    return Reliability.from_dict(reliability_of(apart)), Predictions(far_target, served.predict(far))


def ends_of(reliability: Reliability, rows: Predictions, level=None) -> np.ndarray:
    return np.array([reliability.interval(prediction, level) for prediction in rows.predicted.tolist()])


def coverage_and_width(reliability, rows, level=None) -> tuple[float, float]:
    low, high = ends_of(reliability, rows, level).T
    return np.mean((low <= rows.actual) & (rows.actual <= high)), np.mean(high - low)


@pytest.mark.parametrize("table", [even, few, harder_above, skewed, prices, diabetes])
def test_nine_in_ten_truths_lie_in_the_interval(table):
    covered = [coverage_and_width(*made_and_checked(table, seed))[0] for seed in SEEDS]

    assert 0.88 <= np.mean(covered) <= 0.92


def test_intervals_of_a_model_that_changes_with_its_rows_keep_their_level_too():
    covered = [coverage_and_width(*made_and_checked(even, seed, tree))[0] for seed in SEEDS]

    assert 0.88 <= np.mean(covered) <= 0.92


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_another_level_is_kept_as_well(level):
    covered = [coverage_and_width(*made_and_checked(harder_above, seed), level)[0] for seed in SEEDS]

    assert np.mean(covered) == pytest.approx(level, abs=0.025)


def test_what_the_report_says_of_coverage_and_width_is_what_other_rows_show():
    said, shown = [], []
    for seed in SEEDS:
        reliability, rows = made_and_checked(prices, seed)
        said.append((reliability.coverage, reliability.mean_width))
        shown.append(coverage_and_width(reliability, rows))

    assert np.mean(said, axis=0) == pytest.approx(np.mean(shown, axis=0), rel=0.05)


def test_intervals_widen_where_predictions_are_harder():
    reliability, rows = made_and_checked(harder_above, seed=1)

    (low, high), (other_low, other_high) = reliability.interval(2.0), reliability.interval(48.0)

    assert other_high - other_low > 4 * (high - low)
    misses = np.abs(rows.actual - rows.predicted)
    assert coverage_and_width(reliability, rows)[1] < 0.95 * 2 * np.quantile(misses, 0.9)


def test_intervals_are_equally_wide_where_difficulty_is_the_same_everywhere():
    scales = [made_and_checked(even, seed)[0].scale for seed in range(10)]

    assert scales.count(None) >= 8


def test_skewed_misses_get_a_longer_end():
    draw = np.random.default_rng(0)
    apart = Predictions(draw.exponential(2.0, 3000), np.full(3000, 2.0))

    reliability = Reliability.from_dict(reliability_of(apart))

    low, high = reliability.interval(2.0)
    assert high - 2.0 > 1.3 * (2.0 - low)
    assert coverage_and_width(reliability, apart)[0] == pytest.approx(0.9, abs=0.01)


def test_the_interval_of_something_that_is_never_negative_ends_at_zero():
    apart = Predictions(np.random.default_rng(0).uniform(0, 10, 200), np.full(200, 5.0))

    reliability = Reliability.from_dict(reliability_of(apart))

    assert reliability.interval(1.0)[0] == 0.0
    assert reliability.interval(-50.0)[0] <= reliability.interval(-50.0)[1]


def test_a_prediction_is_never_outside_its_own_interval():
    """Also where every truth was above its prediction."""
    apart = Predictions(np.random.default_rng(0).uniform(1, 2, 200), np.zeros(200))

    low, high = Reliability.from_dict(reliability_of(apart)).interval(0.1)

    assert low <= 0.1 < high


@pytest.mark.parametrize(("rows", "is_enough"), [(8, False), (9, True)])
def test_too_few_rows_promise_nothing(rows, is_enough):
    made = reliability_of(
        Predictions(np.arange(float(rows)), np.zeros(rows)), Predictions(np.ones(5), np.ones(5))
    )

    assert (made is not None) == is_enough


def test_nine_rows_give_their_largest_miss_to_either_side():
    """(n + 1) times the level: with nine rows the ninth of the ascending misses."""
    apart = Predictions(np.arange(-9.0, 0.0), np.zeros(9))

    reliability = Reliability.from_dict(reliability_of(apart, checked=apart))

    assert reliability.interval(100.0) == (91.0, 109.0)
    assert reliability.highest_level == pytest.approx(0.9)
    assert reliability.interval(100.0, level=0.999) == (91.0, 109.0)
    assert reliability.interval(100.0, level=0.5) == (95.0, 105.0)


def test_where_later_rows_break_the_promise_they_make_it_themselves():
    draw = np.random.default_rng(0)
    apart = Predictions(draw.normal(size=500), np.zeros(500))
    later = Predictions(3 * draw.normal(size=200), np.zeros(200))
    usual = Predictions(draw.normal(size=200), np.zeros(200))

    broken, kept = (Reliability.from_dict(reliability_of(apart, checked)) for checked in (later, usual))

    assert kept.rows == 500
    assert broken.rows == 200
    assert broken.coverage == pytest.approx(0.9, abs=0.03)
    assert broken.mean_width > 2.5 * kept.mean_width


def test_many_rows_are_kept_as_few_scores():
    draw = np.random.default_rng(0)
    apart = Predictions(draw.normal(size=20_000), np.zeros(20_000))

    made = reliability_of(apart, checked=apart)

    assert len(made["scores"]) == SCORES_KEPT
    assert made["coverage"] == pytest.approx(0.9, abs=0.003)
    assert len(json.dumps(made)) < 12_000


def test_a_model_without_a_miss_promises_exactness():
    exact = Predictions(np.arange(300.0) - 100, np.arange(300.0) - 100)

    reliability = Reliability.from_dict(reliability_of(exact))

    assert reliability.interval(7.0) == (7.0, 7.0)


def test_what_was_stored_as_json_answers_the_same():
    made, rows = made_and_checked(prices, seed=3)

    read = Reliability.from_dict(json.loads(json.dumps(made.to_dict())))

    assert ends_of(read, rows).tolist() == ends_of(made, rows).tolist()


def sets_on(seed: int, classes: int = 4, level=None):
    columns, labels = make_classification(
        1500, 8, n_informative=5, n_classes=classes, class_sep=0.7, flip_y=0.1, random_state=seed
    )
    names = np.array(["ash", "birch", "cedar", "daphne"], dtype=object)
    near, far, near_labels, far_labels = train_test_split(columns, names[labels], random_state=seed)
    model = LogisticRegression()
    shares = cross_val_predict(model, near, near_labels, method="predict_proba")
    model.fit(near, near_labels)
    apart = Predictions(near_labels, model.classes_[shares.argmax(axis=1)], shares, model.classes_)
    reliability = Reliability.from_dict(reliability_of(apart))
    asked = [dict(zip(model.classes_, row, strict=True)) for row in model.predict_proba(far).tolist()]
    return reliability, [reliability.prediction_set(row, level) for row in asked], asked, far_labels


def test_nine_in_ten_actual_classes_are_in_the_set():
    covered = []
    for seed in SEEDS:
        _, sets, _, actual = sets_on(seed)
        covered.append(np.mean([label in found for label, found in zip(actual, sets, strict=True)]))

    assert 0.88 <= np.mean(covered) <= 0.92


def test_a_set_begins_with_the_most_probable_class_and_is_never_empty():
    reliability, sets, asked, _ = sets_on(0)

    for found, probabilities in zip(sets, asked, strict=True):
        assert found[0] == max(probabilities, key=probabilities.get)
        assert [probabilities[label] for label in found] == sorted(
            (probabilities[label] for label in found), reverse=True
        )
    assert 1 < reliability.mean_size < 4
    assert reliability.mean_size == pytest.approx(np.mean([len(found) for found in sets]), rel=0.1)


def test_a_higher_level_makes_larger_sets():
    _, usual, _, _ = sets_on(0)
    _, sure, _, _ = sets_on(0, level=0.98)

    assert all(set(small) <= set(large) for small, large in zip(usual, sure, strict=True))
    assert sum(map(len, sure)) > sum(map(len, usual))


def test_using_it_loads_no_numpy():
    code = (
        "from mlmodels.learning.trainers.reliability import Reliability;"
        "r = Reliability.from_dict({'kind': 'interval', 'level': 0.9, 'scores': [1.0] * 9, 'rows': 9});"
        "assert r.interval(5.0) == (4.0, 6.0)"
    )

    assert imported_by(code, LEARNING_LIBRARIES) == set()
