"""What is drawn of a classifier's probabilities."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mlmodels.learning.trainers.curves import (
    POINTS_MAX,
    calibration,
    precision_recall_curves,
    roc_curves,
    thresholds,
)
from mlmodels.learning.trainers.metrics import Predictions

NAMES = np.array(["no", "yes"], dtype=object)


def two_classes(rows: int = 4000, share: float = 0.5, seed: int = 0) -> Predictions:
    """Probabilities of yes that tell the classes apart, and are too far from a half."""
    draw = np.random.default_rng(seed)
    is_yes = draw.random(rows) < share
    yes = np.clip(draw.normal(0.3 + 0.4 * is_yes, 0.2), 0, 1)
    return Predictions(
        NAMES[is_yes.astype(int)], NAMES[(yes > 0.5).astype(int)], np.column_stack([1 - yes, yes]), NAMES
    )


def honest(rows: int = 20_000) -> Predictions:
    """What has a probability of p happens in p of the cases."""
    draw = np.random.default_rng(0)
    yes = draw.random(rows)
    is_yes = draw.random(rows) < yes
    return Predictions(
        NAMES[is_yes.astype(int)], NAMES[(yes > 0.5).astype(int)], np.column_stack([1 - yes, yes]), NAMES
    )


def several_classes(rows: int = 3000) -> Predictions:
    draw = np.random.default_rng(0)
    actual = draw.choice(3, rows, p=[0.2, 0.5, 0.3])
    shares = draw.dirichlet(np.ones(3), rows) + 0.5 * np.eye(3)[actual]
    shares /= shares.sum(axis=1, keepdims=True)
    return Predictions(actual, shares.argmax(axis=1), shares, np.arange(3))


def test_two_classes_have_one_roc_curve_with_few_points_and_the_full_area():
    rows = two_classes()

    (curve,) = roc_curves(rows)

    assert curve["label"] == "yes"
    assert curve["area"] == pytest.approx(roc_auc_score(rows.actual == "yes", rows.probabilities[:, 1]))
    assert len(curve["points"]) <= POINTS_MAX
    assert (curve["points"][0], curve["points"][-1]) == ([0, 0], [1, 1])


def test_precision_and_recall_go_from_few_found_to_all_found():
    rows = two_classes(share=0.1)

    (curve,) = precision_recall_curves(rows)

    recalls, precisions = zip(*curve["points"], strict=True)
    assert curve["average_precision"] == pytest.approx(
        average_precision_score(rows.actual == "yes", rows.probabilities[:, 1])
    )
    assert list(recalls) == sorted(recalls)
    assert (recalls[0], recalls[-1]) == (0, 1)
    assert precisions[0] > 0.9 and precisions[-1] == pytest.approx(np.mean(rows.actual == "yes"), abs=1e-6)


def test_several_classes_have_a_curve_each_the_most_frequent_first():
    for curves in (roc_curves(several_classes()), precision_recall_curves(several_classes())):
        assert [curve["label"] for curve in curves] == [1, 2, 0]


def test_the_class_that_is_looked_for_is_the_rare_one():
    """Also where it comes first in the alphabet."""
    rows = two_classes(share=0.95)

    assert roc_curves(rows)[0]["label"] == precision_recall_curves(rows)[0]["label"] == "no"
    assert thresholds(rows)["label"] == "no"


def test_a_class_without_a_row_has_no_curve():
    rows = two_classes(50)
    only_no = Predictions(np.full(50, "no", dtype=object), rows.predicted, rows.probabilities, rows.classes)

    assert roc_curves(only_no) == precision_recall_curves(only_no) == []


def test_honest_probabilities_are_hardly_off():
    found = calibration(honest())

    assert found["error"] < 0.01
    assert found["method"] is None
    assert sum(part["rows"] for part in found["bins"]) == 20_000
    assert {part["rows"] for part in found["bins"]} == {2000}
    for part in found["bins"]:
        assert part["low"] < part["observed"] < part["high"]
        assert part["observed"] == pytest.approx(part["predicted"], abs=0.03)


def test_probabilities_that_exaggerate_are_off_by_as_much():
    rows = honest()
    too_sure = np.clip(rows.probabilities * 2 - 0.5, 0, 1)

    found = calibration(Predictions(rows.actual, rows.predicted, too_sure, rows.classes))

    assert found["error"] == pytest.approx(0.125, abs=0.01)


def test_several_classes_are_calibrated_by_their_answers():
    rows = several_classes()

    found = calibration(rows)

    right = np.mean(rows.actual == rows.predicted)
    assert np.average(
        [part["observed"] for part in found["bins"]], weights=[part["rows"] for part in found["bins"]]
    ) == pytest.approx(right)


@pytest.mark.parametrize("rows", [1, 25, 400])
def test_few_rows_have_few_bins(rows):
    assert len(calibration(two_classes(rows))["bins"]) == max(1, min(10, rows // 20))


def test_equal_probabilities_stay_in_one_bin():
    rows = two_classes(400)
    halves = np.full((400, 2), 0.5)

    assert len(calibration(Predictions(rows.actual, rows.predicted, halves, NAMES))["bins"]) == 1


def test_thresholds_count_what_each_would_find_and_warn_of():
    rows = two_classes(500)

    found = thresholds(rows)

    assert [row["threshold"] for row in found["rows"]] == [percent / 100 for percent in range(1, 100)]
    for row in found["rows"]:
        says_yes = rows.probabilities[:, 1] >= row["threshold"]
        is_yes = rows.actual == "yes"
        assert row["true_positives"] == np.sum(says_yes & is_yes)
        assert row["false_positives"] == np.sum(says_yes & ~is_yes)
        assert row["false_negatives"] == np.sum(~says_yes & is_yes)
        assert row["true_negatives"] == np.sum(~says_yes & ~is_yes)


def test_several_classes_have_no_threshold():
    assert thresholds(several_classes()) is None
