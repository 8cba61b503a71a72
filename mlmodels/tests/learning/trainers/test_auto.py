import io
import json

import joblib
import numpy as np
import pandas as pd
import pytest

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, DataRefused, auto, comparison, rounds
from mlmodels.learning.trainers.budget import Budget, OutOfTime
from mlmodels.tests.learning.trainers.examples import TABLES, Table, numbers, plan_for, thirds, train

OF_NUMBERS = {"baseline", "ridge", "lasso", "gradient_boosting", "extra_trees", "random_forest", "knn"}
OF_CLASSES = {
    "baseline",
    "logistic",
    "gradient_boosting",
    "extra_trees",
    "random_forest",
    "knn",
    "naive_bayes",
}
COLUMNS = {
    "algorithm", "label", "parameters", "status", "score", "std", "standard_error", "scoring", "seconds",
    "milliseconds_per_row", "rounds", "target_transform", "is_tie", "is_chosen", "weight", "note",
}  # fmt: skip


@pytest.fixture
def one_division(monkeypatch):
    monkeypatch.setattr(comparison, "REPEATS", ())


@pytest.fixture
def quick_comparison(monkeypatch, one_division):
    """Without the ensembles of trees, which take nearly all of the time."""
    monkeypatch.setattr(auto, "ORDER", ("ridge", "lasso", "logistic", "knn", "naive_bayes"))
    monkeypatch.setattr(auto, "draws", lambda comparison: iter(()))


def draw_little(monkeypatch):
    monkeypatch.setattr(comparison, "REPEATS", ())
    monkeypatch.setattr(auto, "USELESS_DRAWS_MAX", 2)
    monkeypatch.setattr(comparison, "CANDIDATES_MAX", 12)


@pytest.fixture
def short_comparison(monkeypatch):
    draw_little(monkeypatch)


@pytest.fixture(scope="module", params=[REGRESSION, CLASSIFICATION])
def compared(request):
    """A task, and what a short comparison of all algorithms made of it, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        draw_little(patch)
        return request.param, train(TABLES["mixed"](), "auto", request.param)


def test_the_baseline_and_every_suitable_algorithm_are_compared(compared):
    task, result = compared

    expected = OF_NUMBERS if task == REGRESSION else OF_CLASSES
    assert {row["algorithm"] for row in result.candidates} == expected
    assert all(set(row) >= COLUMNS for row in result.candidates)
    assert {row["status"] for row in result.candidates} <= {"done", "stopped"}
    assert sum(row["is_chosen"] for row in result.candidates) >= 1


def test_what_is_chosen_has_the_best_score_or_ties_with_it(quick_comparison):
    result = train(TABLES["mixed"](), "auto", REGRESSION)

    done = [row for row in result.candidates if row["status"] == "done"]
    best = max(done, key=lambda row: row["score"])
    chosen = [row for row in done if row["is_chosen"]]
    assert all(row is best or row["is_tie"] or len(chosen) > 1 for row in chosen)
    assert sum(row["weight"] for row in chosen) == pytest.approx(1)


@pytest.mark.parametrize(
    ("labels", "scoring"),
    [
        (lambda truth: truth, "r2_score"),
        (lambda truth: np.where(truth > 0, "yes", "no").astype(object), "roc_auc"),
        (thirds, "neg_log_loss"),
    ],
)
def test_candidates_are_ranked_by_the_figure_of_the_task(labels, scoring, quick_comparison):
    table = numbers()
    task = REGRESSION if scoring == "r2_score" else CLASSIFICATION

    result = trainers.train(table.frame, labels(table.truth), plan_for(table, "auto", task))

    assert {row["scoring"] for row in result.candidates} == {scoring}


def test_the_winner_is_fitted_on_all_rows_and_measured_on_the_test_set(monkeypatch, quick_comparison):
    monkeypatch.setattr(auto, "ORDER", ("lasso",))

    result = train(numbers(), "auto", REGRESSION)

    assert (result.training_rows, result.hold_out_rows) == (96, 24)
    assert result.report["evaluation"]["refitted_rows"] == 120
    assert result.pipeline["prepare"]["numbers"]["scale"].n_samples_seen_ == 120


def test_the_penalty_that_was_found_is_reported(quick_comparison):
    result = train(numbers(), "auto", REGRESSION)

    ridge = next(row for row in result.candidates if row["algorithm"] == "ridge")
    assert ridge["parameters"]["alpha"] > 0


def test_the_stored_candidates_give_the_same_model_bit_for_bit(compared, short_comparison):
    task, first = compared
    stored = json.loads(json.dumps(first.candidates))

    again = train(TABLES["mixed"](), "auto", task, candidates=tuple(stored))

    assert dumped(again.pipeline) == dumped(first.pipeline)
    assert again.metrics == first.metrics


def test_so_do_those_of_an_ensemble_whose_largest_weight_was_found_last(monkeypatch, quick_comparison):
    def select_the_later_more(bench, folds, lines):
        weights = np.zeros(folds[0].shape[1])
        weights[:3] = 0.2, 0.5, 0.3
        return weights

    monkeypatch.setattr(comparison.ensemble, "is_worth_it", lambda bench, scores, best: True)
    monkeypatch.setattr(comparison.ensemble, "select", select_the_later_more)
    first = train(TABLES["mixed"](), "auto", REGRESSION)
    stored = json.loads(json.dumps(first.candidates))
    orders = [stored, sorted(stored, key=lambda row: row["weight"] or 0)]

    again = [train(TABLES["mixed"](), "auto", REGRESSION, candidates=tuple(order)) for order in orders]

    assert first.algorithm == "ensemble"
    assert [dumped(model.pipeline) for model in again] == [dumped(first.pipeline)] * 2


def dumped(pipeline) -> bytes:
    stream = io.BytesIO()
    joblib.dump(pipeline, stream)
    return stream.getvalue()


class FakeClock:
    """Every look at it takes a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_when_time_is_up_the_best_that_was_finished_counts(monkeypatch, quick_comparison):
    clock = FakeClock()
    monkeypatch.setattr("mlmodels.learning.trainers.budget.time.monotonic", clock)

    result = train(numbers(), "auto", REGRESSION, budget_seconds=400)

    assert clock.now < 440
    assert any(row["is_chosen"] for row in result.candidates)


def test_an_algorithm_that_does_not_suit_the_rows_is_skipped_with_its_reason(quick_comparison):
    result = train(numbers(rows=7), "auto", REGRESSION)

    by_name = {row["algorithm"]: row for row in result.candidates}
    assert by_name["knn"]["status"] == "skipped"
    assert by_name["knn"]["note"].startswith("n_neighbors is 10 and there are only")
    assert by_name["ridge"]["status"] == "done"


@pytest.mark.parametrize(
    ("error", "note"),
    [(ValueError, "a part of these rows."), (MemoryError, "more memory than a training run may use.")],
)
def test_an_algorithm_that_fails_leaves_the_others_in_the_comparison(
    error, note, monkeypatch, quick_comparison
):
    class Broken:
        def fit(self, rows, labels):
            raise error

    monkeypatch.setattr(trainers.get("knn"), "estimator", lambda task, parameters: Broken())

    result = train(numbers(), "auto", REGRESSION)

    row = next(row for row in result.candidates if row["algorithm"] == "knn")
    assert (row["status"], row["score"]) == ("failed", None)
    assert row["note"].endswith(note)
    assert result.algorithm in ("ridge", "lasso", "ensemble")


def test_when_no_algorithm_can_learn_the_training_is_refused(monkeypatch, quick_comparison):
    monkeypatch.setattr(auto, "ORDER", ("knn",))

    with pytest.raises(DataRefused, match="No algorithm could be trained on these rows"):
        train(numbers(rows=7), "auto", REGRESSION)


def test_a_large_table_is_compared_on_a_part_and_the_best_again_on_all_rows(monkeypatch, quick_comparison):
    monkeypatch.setattr(auto, "COMPARED_ROWS_MAX", 60)
    monkeypatch.setattr(auto, "COMPARED_ROWS_MIN", 10)

    result = train(numbers(), "auto", REGRESSION)

    assert {row["rows"] for row in result.candidates} == {60, 96}
    assert {row["rows"] for row in result.candidates if row["is_chosen"]} == {96}


def test_a_class_with_too_few_rows_for_every_fold_is_no_obstacle(quick_comparison):
    labels = np.array(["a"] * 60 + ["b"] * 57 + ["rare"] * 2 + ["lone"], dtype=object)
    table = Table(numbers().frame, labels)

    result = trainers.train(table.frame, labels, plan_for(table, "auto", CLASSIFICATION))

    assert "failed" not in {row["status"] for row in result.candidates}
    assert list(result.pipeline.classes_) == ["a", "b", "lone", "rare"]
    assert result.report["notes"][0].startswith("The value 'lone' occurs in a single row")


def test_a_skewed_target_is_also_learned_as_a_logarithm(quick_comparison):
    table = numbers(rows=300)
    skewed = Table(table.frame, np.exp(table.truth))

    result = train(skewed, "auto", REGRESSION)

    chosen = [row for row in result.candidates if row["is_chosen"]]
    assert {row["target_transform"] for row in result.candidates} >= {None, "log"}
    assert "log" in {row["target_transform"] for row in chosen}
    assert result.metrics["r2_score"] > 0.9


def test_a_line_through_logarithms_does_not_leave_the_range_of_the_target(quick_comparison):
    table = numbers(rows=300)
    skewed = Table(table.frame, np.exp(table.truth))

    pipeline = train(skewed, "auto", REGRESSION).pipeline

    far_out = pd.DataFrame([[50.0, 50.0, 50.0]], columns=table.frame.columns)
    assert pipeline.predict(far_out)[0] < 10 * skewed.truth.max()


def test_numbers_become_splines_where_the_target_is_not_linear(quick_comparison):
    table = numbers(rows=300)
    v_shaped = Table(table.frame, table.truth + 5 * np.abs(table.frame["n0"].to_numpy()))

    result = train(v_shaped, "auto", REGRESSION)

    chosen = [row for row in result.candidates if row["is_chosen"]]
    assert {row["parameters"]["numbers"] for row in chosen} == {"spline"}
    assert result.metrics["r2_score"] > 0.9


def test_a_number_far_out_leads_no_line_out_of_the_range_of_the_target(quick_comparison):
    table = numbers(rows=300)

    result = train(table, "auto", REGRESSION)

    far_out = pd.DataFrame([[1e6, 1e6, 1e6]], columns=table.frame.columns)
    assert result.pipeline.predict(far_out)[0] < 1.5 * table.truth.max()


def test_an_ensemble_of_plain_scikit_learn_is_made_where_it_is_not_clearly_worse(
    monkeypatch, quick_comparison
):
    monkeypatch.setattr(comparison.ensemble, "is_better", lambda scores, others: False)
    monkeypatch.setattr(
        comparison.ensemble,
        "select",
        lambda bench, folds, lines: np.eye(folds[0].shape[1])[:2].sum(axis=0) / 2,
    )

    result = train(TABLES["mixed"](), "auto", REGRESSION)

    members = [row for row in result.candidates if row["is_chosen"]]
    assert result.algorithm == "ensemble"
    assert sum(row["weight"] for row in members) == pytest.approx(1)
    assert len(result.pipeline["model"].estimators_) == len(members)
    frame = TABLES["mixed"]().frame
    expected = sum(
        row["weight"] * member.predict(frame)
        for row, member in zip(members, result.pipeline["model"].estimators_, strict=True)
    )
    np.testing.assert_allclose(result.pipeline.predict(frame), expected)


def test_pure_noise_is_no_better_than_guessing(quick_comparison):
    draw = np.random.default_rng(5)
    table = Table(pd.DataFrame({f"n{i}": draw.normal(size=200) for i in range(5)}), draw.normal(size=200))

    assert train(table, "auto", REGRESSION).metrics["r2_score"] < 0.1


def test_without_any_time_one_model_is_trained_all_the_same(monkeypatch, quick_comparison):
    monkeypatch.setattr("mlmodels.learning.trainers.budget.time.monotonic", FakeClock())

    result = train(numbers(), "auto", REGRESSION, budget_seconds=3)

    assert [row["algorithm"] for row in result.candidates if row["is_chosen"]] == ["ridge"]


def test_without_a_result_in_time_what_was_not_too_slow_is_trained_first(monkeypatch, short_comparison):
    clock = FakeClock()
    monkeypatch.setattr("mlmodels.learning.trainers.budget.time.monotonic", clock)
    boosted = []

    def boost_slowly(model, fold, budget, *arguments):
        boosted.append(budget.seconds)
        clock.now += budget.seconds
        raise OutOfTime

    monkeypatch.setattr(rounds, "boost", boost_slowly)
    monkeypatch.setattr(comparison, "SHARE_OF_A_CANDIDATE", 1.0)

    result = train(numbers(), "auto", CLASSIFICATION, budget_seconds=30)

    assert [row["algorithm"] for row in result.candidates if row["is_chosen"]] == ["extra_trees"]
    assert boosted and max(boosted) <= 30


def test_a_cancel_is_heard_between_and_within_candidates():
    class Cancelled(Exception):
        pass

    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 4:
            raise Cancelled

    table = numbers()
    with pytest.raises(Cancelled):
        trainers.train(table.frame, table.truth, plan_for(table, "auto", REGRESSION), stop)


def test_a_budget_tells_what_is_left_and_divides_it():
    clock = iter([0.0, 4.0, 4.0, 4.0])

    budget = Budget(10, clock=lambda: next(clock))

    assert budget.left == 6.0
    assert budget.part(100).seconds == 6.0
