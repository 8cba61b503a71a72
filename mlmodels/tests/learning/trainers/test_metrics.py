import numpy as np
import pytest
from sklearn import metrics as measures

from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION
from mlmodels.learning.trainers.metrics import (
    Predictions,
    baseline_metrics,
    choose_scoring,
    measure,
    with_unseen_classes,
)


def random_answers(classes: int, rows: int = 200) -> Predictions:
    draw = np.random.default_rng(classes)
    names = np.array([f"c{i}" for i in range(classes)], dtype=object)
    actual = draw.choice(names, rows)
    probabilities = draw.dirichlet(np.ones(classes), rows) + 0.5 * (actual[:, None] == names)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Predictions(actual, names[probabilities.argmax(axis=1)], probabilities, names)


@pytest.mark.parametrize("classes", [3, 10])
def test_figures_of_several_classes_are_those_of_scikit_learn(classes):
    answers = random_answers(classes)
    truth = answers.actual, answers.predicted

    figures = measure(answers)

    assert figures == pytest.approx(
        {
            "accuracy": measures.accuracy_score(*truth),
            "balanced_accuracy": measures.balanced_accuracy_score(*truth),
            "f1_score": measures.f1_score(*truth, average="weighted"),
            "f1_macro": measures.f1_score(*truth, average="macro"),
            "roc_auc": measures.roc_auc_score(
                answers.actual, answers.probabilities, multi_class="ovr", average="weighted"
            ),
            "log_loss": measures.log_loss(answers.actual, answers.probabilities),
        }
    )


def test_the_roc_auc_of_two_classes_is_the_usual_one():
    answers = random_answers(2)

    area = measure(answers)["roc_auc"]

    assert area == pytest.approx(measures.roc_auc_score(answers.actual == "c1", answers.probabilities[:, 1]))


def test_figures_of_numbers_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    actual, predicted = draw.normal(size=(2, 50))

    figures = measure(Predictions(actual, predicted))

    assert figures == {
        "r2_score": measures.r2_score(actual, predicted),
        "mean_squared_error": measures.mean_squared_error(actual, predicted),
        "mean_absolute_error": measures.mean_absolute_error(actual, predicted),
        "root_mean_squared_error": measures.root_mean_squared_error(actual, predicted),
    }


def test_one_row_has_no_r2():
    assert measure(Predictions(np.array([1.0]), np.array([2.0])))["r2_score"] is None


def test_a_class_that_was_never_learned_counts_as_wrong():
    names = np.array(["a", "c"], dtype=object)
    actual = np.array(["a", "b", "c", "a"], dtype=object)
    certain = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    classes, probabilities = with_unseen_classes(actual, certain, names)
    predicted = np.array(["a", "a", "c", "a"], dtype=object)

    figures = measure(Predictions(actual, predicted, probabilities, classes))

    assert list(classes) == ["a", "b", "c"]
    assert figures["accuracy"] == 0.75
    assert figures["balanced_accuracy"] == pytest.approx(2 / 3)
    assert figures["log_loss"] > 5


def test_one_class_in_the_hold_out_has_no_roc_auc():
    names = np.array(["a", "b"], dtype=object)
    actual = np.array(["a", "a"], dtype=object)

    figures = measure(Predictions(actual, actual, np.array([[0.9, 0.1], [0.8, 0.2]]), names))

    assert figures["roc_auc"] is None
    assert figures["accuracy"] == 1


@pytest.mark.parametrize(
    ("task", "labels", "folds", "scoring"),
    [
        (REGRESSION, [1.0, 2.0], 5, "r2_score"),
        (CLASSIFICATION, ["a", "b"] * 5, 5, "roc_auc"),
        (CLASSIFICATION, ["a"] * 9 + ["b"] * 4, 5, "accuracy"),
        (CLASSIFICATION, ["a", "b", "c"] * 5, 5, "accuracy"),
        (CLASSIFICATION, [0, 1], 1, "roc_auc"),
        (CLASSIFICATION, ["a", "a"], 1, "accuracy"),
    ],
)
def test_models_are_compared_by_one_figure(task, labels, folds, scoring):
    assert choose_scoring(task, np.array(labels), folds) == scoring


def test_the_baseline_answers_the_mean_of_what_it_learned():
    figures = baseline_metrics(REGRESSION, np.array([0.0, 4.0]), np.array([1.0, 4.0]))

    assert figures["mean_absolute_error"] == 1.5
    assert figures["mean_squared_error"] == 2.5


def test_the_baseline_answers_the_most_frequent_class():
    figures = baseline_metrics(CLASSIFICATION, np.array(["a", "a", "b"]), np.array(["a", "b", "b", "b"]))

    assert figures["accuracy"] == 0.25
    assert figures["roc_auc"] == 0.5
