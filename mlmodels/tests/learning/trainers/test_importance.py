import numpy as np
import pandas as pd
import pytest

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION
from mlmodels.learning.trainers.importance import effort, stacks
from mlmodels.tests.learning.trainers.examples import PAIRS, TABLES, Table, numbers, plan_for, train, trained


@pytest.mark.parametrize(("algorithm", "task"), PAIRS)
def test_the_column_that_decides_is_named_first_and_a_useless_one_counts_nothing(algorithm, task):
    importance = trained(algorithm, task, "useless_columns").report["importance"]

    by_name = {column["name"]: column["mean"] for column in importance["columns"]}
    assert importance["columns"][0]["name"] == "n2"
    assert by_name["n2"] > 0.1
    assert by_name["constant"] == by_name["blank"] == by_name["word"] == 0


def test_the_loss_of_a_shuffled_column_is_the_loss_of_score_computed_by_hand():
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"a": draw.normal(size=4000), "b": draw.normal(size=4000)})
    truth = 2 * frame["a"] + frame["b"]

    importance = train(Table(frame, truth.to_numpy()), "linear", REGRESSION).report["importance"]

    columns = importance["columns"]

    # Shuffling a part with a share s of the variance, without noise, costs 2 s of R²: 2 * 4 / 5 and 2 * 1 / 5
    assert [column["name"] for column in columns] == ["a", "b"]
    assert [column["mean"] for column in columns] == pytest.approx([1.6, 0.4], abs=0.15)
    assert all(0 < column["std"] < 0.1 for column in columns)


@pytest.mark.parametrize(("task", "scoring"), [(REGRESSION, "r2_score"), (CLASSIFICATION, "accuracy")])
def test_importance_says_what_it_is_based_on(task, scoring):
    importance = trained("linear" if task == REGRESSION else "logistic", task).report["importance"]

    assert (importance["scoring"], importance["rows"], importance["repeats"]) == (scoring, 32, 5)


def test_two_of_three_classes_in_the_hold_out_are_scored_by_accuracy():
    labels = np.array(["b", "c"] * 50 + ["a"], dtype=object)  # the row of a is in the training set
    table = Table(numbers(rows=101).frame, labels)

    result = trainers.train(table.frame, labels, plan_for(table, "logistic", CLASSIFICATION))

    assert list(result.pipeline.classes_) == ["a", "b", "c"]
    assert result.report["importance"]["scoring"] == "accuracy"


@pytest.mark.parametrize("rows_at_once", [1, 10**6])
def test_a_stack_shuffles_one_column_and_leaves_the_others(rows_at_once, monkeypatch):
    monkeypatch.setattr("mlmodels.learning.trainers.importance.STACKED_CELLS_MAX", rows_at_once)
    frame = TABLES["mixed"]().frame.iloc[:4]
    orders = [np.array([3, 2, 1, 0]), np.array([1, 0, 3, 2])]

    found = {}
    for names, stack in stacks(frame, orders):
        copies = [stack.iloc[start : start + 4] for start in range(0, len(stack), 4)]
        found |= {name: copies[2 * place : 2 * place + 2] for place, name in enumerate(names)}

    assert list(found) == list(frame)
    for name, copies in found.items():
        for copy, order in zip(copies, orders, strict=True):
            assert copy[name].tolist() == pytest.approx(frame[name].iloc[order].tolist(), nan_ok=True)
            others = frame.drop(columns=name)
            assert (
                copy.drop(columns=name).fillna(-1).to_numpy().tolist()
                == others.fillna(-1).to_numpy().tolist()
            )


@pytest.mark.parametrize(
    ("rows", "columns", "predicted", "expected"),
    [
        (150, 4, 60_000, (150, 5)),  # a small table: all rows, all repeats
        (50_000, 10, 60_000, (1000, 5)),  # a long one: a thousand rows
        (50_000, 10, 30_000, (600, 5)),  # slower: fewer rows
        (50_000, 40, 30_000, (250, 3)),  # more columns: fewer repeats
        (50_000, 200, 30_000, (150, 1)),  # many columns: fewer of both
        (1_000, 10, 40, (4, 1)),
        (1_000, 10, 0, (2, 1)),
    ],
)
def test_the_effort_is_bounded_by_predictions_whatever_the_table(rows, columns, predicted, expected):
    assert effort(rows, columns, predicted) == expected
