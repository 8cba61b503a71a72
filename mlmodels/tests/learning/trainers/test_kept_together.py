"""Rows that belong together stay on one side of every split, or a model is praised for remembering them."""

import numpy as np
import pandas as pd
import pytest

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, DataRefused, Evaluation, PlanRefused
from mlmodels.learning.trainers.splits import equal_row_groups
from mlmodels.tests.learning.trainers.examples import Table, numbers, plan_for, texts, train


def noise_four_times(task: str = REGRESSION) -> Table:
    draw = np.random.default_rng(7)
    frame = pd.DataFrame({f"n{i}": draw.normal(size=150) for i in range(4)})
    truth = draw.normal(size=150) if task == REGRESSION else texts(draw.choice(["a", "b"], 150)).to_numpy()
    return Table(pd.concat([frame] * 4, ignore_index=True), np.tile(truth, 4))


def test_noise_with_each_row_four_times_is_not_taken_for_knowledge():
    table = noise_four_times()

    together = train(table, "knn", REGRESSION)
    apart = train(table, "knn", REGRESSION, is_classic=True)

    assert together.metrics["r2_score"] < 0.1
    assert apart.metrics["r2_score"] > 0.5
    assert together.report["evaluation"]["kept_together"] == "equal rows"
    assert "450 rows repeat another one" in together.report["notes"][0]


def test_equal_rows_stay_together_in_the_folds_of_a_choice_too():
    table = noise_four_times(CLASSIFICATION)
    plan = plan_for(table, "knn", CLASSIFICATION, grid={"n_neighbors": [1, 3]})

    result = trainers.train(table.frame, table.truth, plan)

    assert result.best_score < 0.65


def test_rows_of_a_few_categories_are_equal_by_coincidence():
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({f"c{i}": texts(draw.choice(["a", "b", "c"], 500)) for i in range(3)})

    assert equal_row_groups(frame, draw.choice(["yes", "no"], 500).astype(object)) is None


def test_a_table_without_equal_rows_is_split_as_ever():
    table = numbers()

    assert equal_row_groups(table.frame, table.truth) is None
    assert train(table, "linear", REGRESSION).report["evaluation"]["kept_together"] is None


def test_a_group_is_never_on_both_sides():
    draw = np.random.default_rng(3)
    patients = np.repeat(np.arange(40.0), 5)
    level = draw.normal(size=40)[patients.astype(int)]
    frame = pd.DataFrame({"patient": patients, "noise": draw.normal(size=200)})
    table = Table(frame, level)
    plan = plan_for(table, "random_forest", REGRESSION, evaluation=Evaluation("group", by="patient"))

    result = trainers.train(frame, level, plan, split_values=patients)

    assert result.report["evaluation"]["kept_together"] == "patient"
    assert result.metrics["r2_score"] < 0.2
    assert train(table, "random_forest", REGRESSION).metrics["r2_score"] > 0.8


def test_rows_that_are_all_one_group_cannot_be_divided():
    table = numbers()
    plan = plan_for(table, "linear", REGRESSION, evaluation=Evaluation("group", by="n0"))

    with pytest.raises(DataRefused, match="All rows belong to one n0"):
        trainers.train(table.frame, table.truth, plan, split_values=np.zeros(120))


def sales(days: int = 900) -> Table:
    """Sales that grow faster and faster, so that the past flatters whoever predicts the future from it."""
    draw = np.random.default_rng(9)
    day = np.arange(float(days))
    frame = pd.DataFrame({"sold_at": 1.5e9 + day * 86_400, "price": draw.normal(size=days)})
    return Table(frame, 50 + (day / 100) ** 3 + 3 * draw.normal(size=days))


def test_a_split_by_time_measures_on_what_comes_later():
    table = sales()
    times = table.frame["sold_at"].to_numpy()
    plan = plan_for(table, "random_forest", REGRESSION, evaluation=Evaluation("time", by="sold_at"))
    order = np.random.default_rng(0).permutation(900)

    result = trainers.train(table.frame.iloc[order], table.truth[order], plan, split_values=times[order])

    tested = [row - 2 for row in result.report["sample"]["rows"]]
    assert sorted(tested) == list(range(720, 900))
    assert result.metrics["mean_absolute_error"] > 100
    assert train(table, "random_forest", REGRESSION).metrics["mean_absolute_error"] < 20


def test_candidates_are_compared_on_later_rows_as_well():
    table = sales()
    plan = plan_for(table, "decision_tree", REGRESSION, grid={}, evaluation=Evaluation("time", by="sold_at"))

    result = trainers.train(table.frame, table.truth, plan, split_values=table.frame["sold_at"].to_numpy())

    assert result.best_score < 0


def test_rows_of_one_moment_are_not_divided():
    table = numbers()
    times = np.repeat([1.0, 2.0], 60)
    plan = plan_for(table, "linear", REGRESSION, evaluation=Evaluation("time", by="n0"))

    result = trainers.train(table.frame, table.truth, plan, split_values=times)

    assert (result.training_rows, result.hold_out_rows) == (60, 60)


def test_with_k_folds_every_row_is_measured_once_and_all_are_learned_from():
    table = numbers()

    result = train(table, "linear", REGRESSION, evaluation=Evaluation("k_fold", folds=4))

    assert result.hold_out_rows == 120
    assert sorted(result.report["sample"]["rows"]) == list(range(2, 122))
    assert result.report["evaluation"] | {"folds": 4, "refitted_rows": 120} == result.report["evaluation"]
    assert result.metrics["r2_score"] > 0.9


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        (Evaluation("bootstrap"), "must be one of: hold_out, k_fold, time, group"),
        (Evaluation("time"), "Say by which column"),
        (Evaluation("k_fold", folds=1), "from 2 to 20; it was 1"),
    ],
)
def test_an_evaluation_that_makes_no_sense_is_refused(evaluation, words):
    with pytest.raises(PlanRefused, match=words):
        plan_for(numbers(), "linear", REGRESSION, evaluation=evaluation).checked()


@pytest.mark.parametrize("changes", [{"algorithm": "auto"}, {"algorithm": "knn", "grid": {}}])
def test_a_choice_needs_rows_that_take_no_part_in_it(changes):
    plan = plan_for(numbers(), task=REGRESSION, evaluation=Evaluation("k_fold"), **changes)

    with pytest.raises(PlanRefused, match="none be left to measure the model on"):
        plan.checked()
