"""One sentence about a model, with the proof beside it: how far it is from guessing on the same rows.

Guessing is the best that needs no columns: the median of the training rows, or their most frequent class.
What it scores is rounded in its favor, so that no sentence promises more than was measured.
"""

import math

import numpy as np

from mlmodels.learning.trainers.figures import drawn, percent, written
from mlmodels.learning.trainers.metrics import Predictions, positive_column, typical_number
from mlmodels.learning.trainers.out_of_range import quoted
from mlplatform.core.text import plural

EXCELLENT, GOOD, FAIR, WEAK, NONE = "excellent", "good", "fair", "weak", "none"
# The share of the errors of guessing that the model avoids, from which on it has this grade
GRADES_OF_NUMBERS = ((0.75, EXCELLENT), (0.5, GOOD), (0.25, FAIR))
GRADES_OF_CLASSES = ((0.85, EXCELLENT), (0.6, GOOD), (0.3, FAIR))
OPENINGS = {
    EXCELLENT: "Excellent",
    GOOD: "Good",
    FAIR: "Fair",
    WEAK: "Weak, little better than guessing",
    NONE: "No better than guessing",
}
RARE_SHARE_MAX = 0.2
F1_OF_GOOD_ANSWERS = 0.75  # from here on answers of the rare class can be taken as they are
CHANCE_ERRORS = 2.0  # standard errors by which a model must beat guessing
SPREAD_MIN = 2.0  # from the lowest to the highest tenth; where numbers are nearly equal, percentages flatter


def verdict(predictions: Predictions, training_labels: np.ndarray) -> dict:
    """`grade`, `sentence`, and `measure`, `model_figure` and `baseline_figure`, which draw the proof.

    `measure` says in words what the two figures are, and `is_share` whether they are shares of one.
    """
    if predictions.classes is None:
        return verdict_on_numbers(predictions, typical_number(training_labels))
    found = verdict_on_classes(predictions, training_labels)
    if len(predictions.classes) > 2:
        return found
    label = predictions.classes[positive_column(predictions)]
    share = float(np.mean(predictions.actual == label))
    is_told_by_list = share <= RARE_SHARE_MAX or (share < 0.5 and found["grade"] == NONE)
    return verdict_on_rare(predictions, label) if share > 0 and is_told_by_list else found


def verdict_on_numbers(predictions: Predictions, guess: float) -> dict:
    actual = predictions.actual
    misses, guesses = np.abs(actual - predictions.predicted), np.abs(actual - guess)
    is_share = is_told_in_percent(actual)
    if is_share:
        model_figure, baseline_figure = float(np.median(misses / actual)), float(np.median(guesses / actual))
        said, other, where = (
            percent(model_figure, round),
            percent(baseline_figure, math.floor),
            "typical rows",
        )
    else:
        model_figure, baseline_figure = float(misses.mean()), float(guesses.mean())
        said, other, where = written(model_figure), written(baseline_figure), "average"
    grade = grade_of(model_figure, baseline_figure, guesses - misses, GRADES_OF_NUMBERS)
    proof = f"off by {said} on {where}; guessing is off by {other}."
    return {
        "grade": grade,
        "sentence": f"{OPENINGS[grade]}: {proof}",
        "measure": "Typical error, in percent" if is_share else "Average error",
        "is_share": is_share,
        "model_figure": model_figure,
        "baseline_figure": baseline_figure,
    }


def is_told_in_percent(actual: np.ndarray) -> bool:
    """Whether zero is none of it: all are above, and not nearly the same, as years and temperatures are."""
    low, high = np.quantile(actual, [0.1, 0.9])
    return bool(actual.min() > 0 and high >= SPREAD_MIN * low)


def verdict_on_classes(predictions: Predictions, training_labels: np.ndarray) -> dict:
    values, counts = np.unique(training_labels, return_counts=True)
    guess = values[counts.argmax()]
    is_right = predictions.actual == predictions.predicted
    would_be_right = predictions.actual == guess
    accuracy, baseline = float(is_right.mean()), float(would_be_right.mean())
    gains = is_right.astype(float) - would_be_right
    grade = grade_of(1 - accuracy, 1 - baseline, gains, GRADES_OF_CLASSES)
    rows = min(len(is_right), 100)  # fewer rows are counted, not projected
    said, other = math.floor(accuracy * rows + 1e-9), math.ceil(baseline * rows - 1e-9)
    proof = f"right in {said} of {rows} rows; always answering {quoted(guess)} is right in {other}."
    return {
        "grade": grade,
        "sentence": f"{OPENINGS[grade]}: {proof}",
        "measure": "Right answers",
        "is_share": True,
        "model_figure": accuracy,
        "baseline_figure": baseline,
    }


def verdict_on_rare(predictions: Predictions, label: object) -> dict:
    """Where always answering no is mostly right: how many of the rare rows are among those ranked highest.

    Where the answers themselves find most of them, it says so.
    """
    is_rare, is_answered = predictions.actual == label, predictions.predicted == label
    rare, rows, answers = int(is_rare.sum()), len(is_rare), int(is_answered.sum())
    length = 2 * rare if rare <= RARE_SHARE_MAX * rows else rare
    probabilities = predictions.probabilities[:, predictions.classes == label][:, 0]
    listed, by_chance = rare_in_list(probabilities, is_rare, length), rare * length / rows
    found = int(np.sum(is_rare & is_answered))
    grade = grade_of_list(listed, by_chance, rare, length / rows)
    if grade != NONE and 2 * found >= F1_OF_GOOD_ANSWERS * (rare + answers):
        sentence = (
            f"{OPENINGS[grade]}: finds {found} of {rare} {quoted(label)}, and {found} of {answers} such "
            "answers are right; guessing finds none."
        )
    else:
        opening = OPENINGS[grade] if grade in (WEAK, NONE) else "Useful for a shortlist"
        sentence = (
            f"{opening}: the {plural(length, 'row')} ranked highest hold {listed} of {rare} {quoted(label)}; "
            f"as many picked at random would hold {drawn(by_chance)}."
        )
    return {
        "grade": grade,
        "sentence": sentence,
        "measure": f"{quoted(label)} among the {plural(length, 'row')} ranked highest",
        "is_share": False,
        "model_figure": listed,
        "baseline_figure": by_chance,
    }


def rare_in_list(probabilities: np.ndarray, is_rare: np.ndarray, length: int) -> int:
    """Among the `length` rows ranked highest. Of equals at its end, the share that a draw would have."""
    last = np.sort(probabilities)[-length]
    is_above, is_equal = probabilities > last, probabilities == last
    drawn = (length - is_above.sum()) / is_equal.sum()
    return math.floor(np.sum(is_rare & is_above) + drawn * np.sum(is_rare & is_equal) + 1e-9)


def grade_of_list(listed: int, by_chance: float, rare: int, share_listed: float) -> str:
    """By the share of the rare rows found beyond those that a list drawn by lot would hold."""
    deviation = math.sqrt(by_chance * (1 - share_listed))
    if by_chance >= rare or listed - by_chance <= CHANCE_ERRORS * deviation:
        return NONE
    share_found = (listed - by_chance) / (rare - by_chance)
    return next((grade for least, grade in GRADES_OF_CLASSES if share_found >= least), WEAK)


def grade_of(error: float, baseline: float, gains: np.ndarray, grades) -> str:
    """By the share of the baseline's error that is avoided; NONE where these rows could show it by chance."""
    error_of_mean = float(gains.std(ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    if not gains.mean() > CHANCE_ERRORS * error_of_mean:
        return NONE
    avoided = 1 - error / baseline if baseline else 0.0
    return next((name for least, name in grades if avoided >= least), WEAK)
