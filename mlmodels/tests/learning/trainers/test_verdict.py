import math

import numpy as np
import pytest

from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.verdict import verdict

DRAW = np.random.default_rng(0)
PRICES = np.exp(DRAW.normal(12, 0.5, 800))
TEMPERATURES = DRAW.normal(15, 3, 800)


def classes_of(actual, predicted, probabilities=None) -> Predictions:
    classes = np.unique(np.concatenate([actual, predicted]))
    if probabilities is None:
        probabilities = np.where(predicted[:, None] == classes, 0.9, 0.1)
    return Predictions(actual, predicted, probabilities, classes)


def yes_and_no(yes: int, no: int, found: int, in_vain: int) -> Predictions:
    """`found` of the yes rows and `in_vain` of the no rows are answered with yes, and ranked highest."""
    actual = np.array(["yes"] * yes + ["no"] * no, dtype=object)
    says_yes = np.r_[np.arange(yes) < found, np.arange(no) < in_vain]
    share = np.where(says_yes, 0.8, 0.1)
    return Predictions(
        actual,
        np.where(says_yes, "yes", "no").astype(object),
        np.column_stack([1 - share, share]),
        np.array(["no", "yes"], dtype=object),
    )


@pytest.mark.parametrize(
    ("spread", "grade", "opening"),
    [
        (0.03, "excellent", "Excellent: off by 2% on typical rows; guessing is off by 3"),
        (0.15, "good", "Good: off by 10% on typical rows; guessing is off by 3"),
        (0.3, "fair", "Fair: off by 2"),
    ],
)
def test_prices_are_judged_in_percent_against_guessing(spread, grade, opening):
    predicted = PRICES * np.exp(np.random.default_rng(1).normal(0, spread, 800))

    found = verdict(Predictions(PRICES, predicted), PRICES)

    assert found["grade"] == grade
    assert found["sentence"].startswith(opening)
    assert found["is_share"]


def test_the_figures_of_the_proof_are_those_of_the_sentence():
    found = verdict(Predictions(PRICES, PRICES * 1.09), PRICES)

    assert found["model_figure"] == pytest.approx(0.09)
    assert found["baseline_figure"] == pytest.approx(np.median(np.abs(PRICES - np.median(PRICES)) / PRICES))
    assert found["sentence"] == (
        f"Good: off by 9% on typical rows; guessing is off by {math.floor(found['baseline_figure'] * 100)}%."
    )
    assert found["measure"] == "Typical error, in percent"


def test_what_is_nearly_the_same_everywhere_is_judged_in_its_own_unit():
    """Off by 2 % would flatter a model of temperatures or years."""
    found = verdict(Predictions(TEMPERATURES, TEMPERATURES + 0.5), TEMPERATURES)

    assert found["sentence"].startswith("Excellent: off by 0.5 on average; guessing is off by 2.")
    assert found["measure"] == "Average error"


@pytest.mark.parametrize(
    ("predicted", "training"),
    [
        (np.full(800, np.median(TEMPERATURES)), TEMPERATURES),
        (DRAW.permutation(TEMPERATURES), TEMPERATURES),
        (TEMPERATURES[:1], TEMPERATURES),
    ],
    ids=["the median", "shuffled", "one row"],
)
def test_what_chance_could_do_is_no_better_than_guessing(predicted, training):
    found = verdict(Predictions(TEMPERATURES[: len(predicted)], predicted), training)

    assert found["grade"] == "none"
    assert found["sentence"].startswith("No better than guessing: off by ")


def test_a_small_gain_that_is_no_chance_is_weak():
    guess = np.median(TEMPERATURES)

    found = verdict(Predictions(TEMPERATURES, guess + (TEMPERATURES - guess) * 0.15), TEMPERATURES)

    assert found["grade"] == "weak"
    assert found["sentence"].startswith("Weak, little better than guessing: off by ")


def test_tiny_and_huge_numbers_are_written_as_people_do():
    exact = np.array([-1e9, 0.0, 2e9, 5e9] * 20)

    found = verdict(Predictions(exact, exact + 1_234_567), exact)

    assert found["sentence"].startswith(
        "Excellent: off by 1,230,000 on average; guessing is off by 2,000,000,000."
    )


@pytest.mark.parametrize(
    ("right", "opening"),
    [
        (97, "Excellent: right in 97 of 100 rows; always answering “a” is right in 34."),
        (80, "Good: right in 80 of 100 rows; "),
        (60, "Fair: right in 60 of 100 rows; "),
        (40, "Weak, little better than guessing: right in 40 of 100 rows; "),
        (34, "No better than guessing: right in 34 of 100 rows; "),
    ],
)
def test_classes_are_judged_by_right_answers_against_the_most_frequent_one(right, opening):
    actual = np.array((["a"] * 34 + ["b"] * 33 + ["c"] * 33) * 10, dtype=object)
    other = {"a": "b", "b": "c", "c": "a"}
    is_right = np.arange(1000) * 7 % 100 < right
    predicted = np.where(is_right, actual, [other[label] for label in actual]).astype(object)

    found = verdict(classes_of(actual, predicted), actual)

    assert found["sentence"].startswith(opening)


def test_a_rare_class_ranked_well_is_useful_for_a_shortlist():
    rows = yes_and_no(yes=20, no=620, found=14, in_vain=26)

    found = verdict(rows, rows.actual)

    assert found["sentence"] == (
        "Useful for a shortlist: the 40 rows ranked highest hold 14 of 20 “yes”; "
        "as many picked at random would hold 2."
    )
    assert (found["model_figure"], found["baseline_figure"]) == (14, 1.25)


def test_a_class_so_rare_that_a_draw_would_hardly_find_one_is_not_said_to_find_one():
    rows = yes_and_no(yes=4, no=596, found=0, in_vain=8)

    found = verdict(rows, rows.actual)

    assert found["sentence"] == (
        "No better than guessing: the 8 rows ranked highest hold 0 of 4 “yes”; "
        "as many picked at random would hold fewer than 1."
    )
    assert found["baseline_figure"] == pytest.approx(4 * 8 / 600)


def test_a_rare_class_whose_answers_can_be_trusted_is_said_so():
    rows = yes_and_no(yes=20, no=620, found=18, in_vain=2)

    found = verdict(rows, rows.actual)

    assert found["sentence"] == (
        "Excellent: finds 18 of 20 “yes”, and 18 of 20 such answers are right; guessing finds none."
    )


def test_always_answering_no_is_no_better_than_guessing_however_often_it_is_right():
    rows = yes_and_no(yes=20, no=620, found=0, in_vain=0)
    shuffled = np.random.default_rng(0).permutation(rows.probabilities)

    found = verdict(Predictions(rows.actual, rows.predicted, shuffled, rows.classes), rows.actual)

    assert found["grade"] == "none"
    assert found["sentence"].startswith("No better than guessing: the 40 rows ranked highest hold ")


def test_a_model_that_ranks_but_never_answers_yes_is_judged_by_its_ranking():
    """A quarter is yes: no answer changes, and still the probabilities are worth something."""
    draw = np.random.default_rng(0)
    actual = np.where(np.arange(800) < 200, "yes", "no").astype(object)
    share = np.clip(draw.normal(0.2, 0.08, 800) + 0.1 * (actual == "yes"), 0, 0.49)
    rows = Predictions(
        actual, np.full(800, "no", dtype=object), np.column_stack([1 - share, share]), np.unique(actual)
    )

    found = verdict(rows, actual)

    assert found["grade"] in ("fair", "weak")
    assert "200 rows ranked highest hold" in found["sentence"]


def test_a_long_label_is_cut():
    actual = np.array(["x" * 200, "y"] * 50, dtype=object)

    found = verdict(classes_of(actual, actual), actual)

    assert len(found["sentence"]) < 160


def test_fewer_than_a_hundred_test_rows_are_counted():
    actual = np.array(["a", "b", "c"] * 10, dtype=object)
    predictions = Predictions(
        actual, actual, np.eye(3)[np.tile([0, 1, 2], 10)], np.array(["a", "b", "c"], dtype=object)
    )

    sentence = verdict(predictions, actual)["sentence"]

    assert sentence == "Excellent: right in 30 of 30 rows; always answering “a” is right in 10."
