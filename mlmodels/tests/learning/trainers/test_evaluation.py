import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION
from mlmodels.learning.trainers.evaluation import SAMPLE_ROWS, evaluate
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.tests.learning.trainers.examples import TABLES, numbers, plan_for, texts, train, trained


def rows_of(count: int) -> pd.DataFrame:
    """Rows 102 and on of a file."""
    return pd.DataFrame({"n": np.arange(float(count)), "word": texts([""] * count)}).set_axis(
        range(100, 100 + count)
    )


def answers_of(actual: list[str], wrong: dict[int, tuple[str, float]]) -> Predictions:
    """Right with a probability of 0.9, but for the rows in `wrong`: the answer and its probability there."""
    names = np.array(["a", "b", "c"], dtype=object)
    probabilities, predicted = np.full((len(actual), 3), 0.05), []
    for row, truth in enumerate(actual):
        answer, certainty = wrong.get(row, (truth, 0.9))
        probabilities[row] = (1 - certainty) / 2
        probabilities[row, list(names).index(answer)] = certainty
        predicted.append(answer)
    return Predictions(
        np.array(actual, dtype=object), np.array(predicted, dtype=object), probabilities, names
    )


def test_a_large_hold_out_is_sampled_with_a_fixed_seed():
    actual = np.arange(5000.0)
    answers = Predictions(actual, actual + 1)

    sample = evaluate(answers, rows_of(5000))["sample"]

    assert len(sample["rows"]) == SAMPLE_ROWS
    assert [row - 102 for row in sample["rows"]] == sample["actual"]
    assert [value + 1 for value in sample["actual"]] == sample["predicted"]
    assert sample == evaluate(answers, rows_of(5000))["sample"]


def test_the_largest_misses_are_named_with_row_in_the_file_and_inputs():
    actual = np.zeros(20)
    predicted = np.zeros(20)
    predicted[[3, 7]] = [-5.0, 2.0]
    rows = rows_of(20)
    rows.loc[103, "n"] = np.nan

    misses = evaluate(Predictions(actual, predicted), rows)["largest_misses"]

    assert misses == [
        {"row": 105, "actual": 0.0, "predicted": -5.0, "miss": 5.0, "inputs": {"n": None, "word": ""}},
        {"row": 109, "actual": 0.0, "predicted": 2.0, "miss": 2.0, "inputs": {"n": 7.0, "word": ""}},
    ]


def test_a_class_is_missed_most_where_the_wrong_answer_was_most_certain():
    answers = answers_of(["a", "b", "c", "a"], wrong={0: ("b", 0.5), 2: ("a", 0.8)})

    misses = evaluate(answers, rows_of(4))["largest_misses"]

    assert [(miss["row"], miss["actual"], miss["predicted"]) for miss in misses] == [
        (104, "c", "a"),
        (102, "a", "b"),
    ]
    assert [miss["miss"] for miss in misses] == pytest.approx([0.7, 0.25])


def test_the_report_of_a_classifier_keeps_how_probable_the_truth_was():
    answers = answers_of(["a", "b"], wrong={1: ("c", 0.8)})

    sample = evaluate(answers, rows_of(2))["sample"]

    assert sample["probability_of_actual"] == pytest.approx([0.9, 0.1])


def test_confusions_and_figures_per_class_agree():
    answers = answers_of(
        ["a"] * 10 + ["b"] * 6 + ["c"] * 4, wrong={0: ("b", 0.6), 11: ("c", 0.7), 17: ("b", 0.9)}
    )

    report = evaluate(answers, rows_of(20))

    assert report["confusion_matrix"]["labels"] == ["a", "b", "c"]
    assert (
        report["confusion_matrix"]["counts"] == confusion_matrix(answers.actual, answers.predicted).tolist()
    )
    assert [entry["support"] for entry in report["classes"]] == [10, 6, 4]
    assert [entry["recall"] for entry in report["classes"]] == pytest.approx([9 / 10, 5 / 6, 3 / 4])
    assert [entry["precision"] for entry in report["classes"]] == pytest.approx([1, 5 / 7, 3 / 4])
    assert [(entry["found"], entry["answers"]) for entry in report["classes"]] == [(9, 9), (5, 7), (3, 4)]


def test_figures_of_few_rows_say_how_far_they_could_be_off():
    answers = answers_of(["a"] * 19 + ["b"] * 30, wrong=dict.fromkeys(range(5), ("b", 0.6)))

    found = evaluate(answers, rows_of(49))["classes"]

    assert found[0]["recall_interval"] == pytest.approx([0.512, 0.882], abs=0.001)
    assert found[2]["recall_interval"] is None and found[2]["precision_interval"] is None


def test_a_report_says_what_it_is_based_on():
    result = trained("linear", REGRESSION)

    report = result.report

    assert report["task"] == REGRESSION
    assert report["seed"] == 42
    assert report["metrics"] == result.metrics
    assert report["baseline"] == result.baseline
    assert (result.training_rows, result.hold_out_rows) == (128, 32)
    assert result.fit_seconds > 0


def test_guessing_is_as_far_off_in_the_verdict_as_in_the_metrics():
    table = numbers()
    skewed = np.exp(table.truth) - 5  # whose mean lies far from the median

    result = trainers.train(table.frame, skewed, plan_for(table, "linear", REGRESSION))

    guessed = result.report["verdict"]["baseline_figure"]
    assert result.report["verdict"]["measure"] == "Average error"
    assert result.baseline["mean_absolute_error"] == pytest.approx(guessed)
    assert result.baseline["r2_score"] <= 0


def test_whole_number_classes_stay_whole_numbers_in_the_report():
    table = TABLES["numbers"]()
    labels = (table.truth > 0).astype(int)

    result = trainers.train(table.frame, labels, plan_for(table, "logistic", CLASSIFICATION))

    assert result.report["confusion_matrix"]["labels"] == [0, 1]
    assert all(type(value) is int for value in result.report["sample"]["predicted"])


def test_a_solver_that_gave_up_says_so_in_the_report():
    result = train(TABLES["mixed"](), "logistic", CLASSIFICATION, parameters={"max_iter": 10, "C": 1e6})

    assert result.report["notes"] == [
        "The solver stopped after max_iter = 10 rounds before it converged. A higher one may help."
    ]
