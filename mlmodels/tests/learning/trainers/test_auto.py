import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, DataRefused, auto
from mlmodels.learning.trainers.auto import compared_rows
from mlmodels.learning.trainers.preparation import build_pipeline
from mlmodels.learning.trainers.splits import split_rows
from mlmodels.tests.learning.trainers.examples import TABLES, Table, numbers, plan_for, thirds, train, trained

OF_NUMBERS = ["baseline", "linear", "ridge", "knn", "decision_tree", "random_forest", "gradient_boosting"]
OF_CLASSES = ["baseline", "logistic", "knn", "decision_tree", "random_forest", "gradient_boosting"]
COLUMNS = {"algorithm", "label", "status", "score", "std", "seconds", "scoring", "note"}


@pytest.fixture
def quick_comparison(monkeypatch):
    """Without the two ensembles, which take nearly all of the time."""
    monkeypatch.setattr(auto, "COMPARED_ALGORITHMS", ("linear", "ridge", "logistic", "knn", "decision_tree"))


@pytest.mark.parametrize(("task", "expected"), [(REGRESSION, OF_NUMBERS), (CLASSIFICATION, OF_CLASSES)])
def test_the_baseline_and_every_suitable_algorithm_are_compared(task, expected):
    candidates = trained("auto", task).candidates

    assert [row["algorithm"] for row in candidates] == expected
    assert all(set(row) == COLUMNS for row in candidates)
    assert {row["status"] for row in candidates} == {"done"}
    assert all(row["std"] >= 0 and row["seconds"] >= 0 for row in candidates)


@pytest.mark.parametrize(("task", "scoring"), [(REGRESSION, "r2_score"), (CLASSIFICATION, "accuracy")])
def test_the_best_score_wins_and_is_fitted_on_the_training_part(task, scoring):
    result = trained("auto", task)

    scores = {row["algorithm"]: row["score"] for row in result.candidates}
    assert {row["scoring"] for row in result.candidates} == {scoring}
    assert scores[result.algorithm] == max(scores.values())
    assert result.parameters == trainers.get(result.algorithm).defaults(task)
    single = train(TABLES["mixed"](), result.algorithm, task, parameters={})
    assert result.metrics == single.metrics


@pytest.mark.parametrize("algorithm", OF_NUMBERS[1:])
def test_each_score_is_the_cross_validation_of_scikit_learn(algorithm):
    table, scores = TABLES["mixed"](), {}
    rows = split_rows(table.truth, REGRESSION, 0.8).training
    frame, truth = table.frame.iloc[rows], table.truth[rows]
    plan = plan_for(table, algorithm, REGRESSION, parameters={}).checked()

    scores = cross_val_score(build_pipeline(plan, frame, truth), frame, truth, cv=5, scoring="r2")

    row = next(row for row in trained("auto", REGRESSION).candidates if row["algorithm"] == algorithm)
    assert row["score"] == pytest.approx(scores.mean(), abs=1e-12)
    assert row["std"] == pytest.approx(scores.std(), abs=1e-12)


def test_two_classes_are_compared_by_the_area_under_the_roc_curve(quick_comparison):
    table = numbers()
    labels = np.where(table.truth > 0, "yes", "no").astype(object)

    result = trainers.train(table.frame, labels, plan_for(table, "auto", CLASSIFICATION))

    assert {row["scoring"] for row in result.candidates} == {"roc_auc"}
    assert result.candidates[0]["score"] == 0.5


def test_the_leaderboard_grows_while_it_runs(quick_comparison):
    seen = []
    table = numbers()

    trainers.train(table.frame, table.truth, plan_for(table, "auto", REGRESSION), seen.append)

    assert [progress.step for progress in seen] == [*range(6), *range(5, 9)]
    assert {progress.of for progress in seen} == {8}
    assert seen[2].note == "Trying ridge regression"
    assert [row["status"] for row in seen[2].candidates] == ["done", "done", "running", "waiting", "waiting"]
    assert seen[2].candidates[3]["score"] is None
    assert seen[-1].note == "Trained"
    assert [row["status"] for row in seen[-1].candidates] == ["done"] * 5


def test_the_same_rows_give_the_same_winner_and_scores(quick_comparison):
    first, again = (train(TABLES["mixed"](), "auto", REGRESSION) for _ in range(2))

    def comparable(result):
        return [{**row, "seconds": None} for row in result.candidates]

    assert comparable(again) == comparable(first)


def test_an_algorithm_that_does_not_suit_the_rows_is_skipped_with_its_reason(quick_comparison):
    result = train(numbers(rows=7), "auto", REGRESSION)

    by_name = {row["algorithm"]: row for row in result.candidates}
    assert by_name["knn"]["status"] == "skipped"
    assert by_name["knn"]["note"].startswith("n_neighbors is 5 and there are only")
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

    monkeypatch.setattr(trainers.get("linear"), "estimator", lambda task, parameters: Broken())

    result = train(numbers(), "auto", REGRESSION)

    row = result.candidates[1]
    assert (row["status"], row["score"]) == ("failed", None)
    assert row["note"].endswith(note)
    assert result.algorithm == "ridge"


def test_when_no_algorithm_can_learn_the_training_is_refused(monkeypatch):
    monkeypatch.setattr(auto, "COMPARED_ALGORITHMS", ("knn",))

    with pytest.raises(DataRefused, match="No algorithm could be trained on these rows"):
        train(numbers(rows=7), "auto", REGRESSION)


def test_large_tables_leave_out_what_would_take_too_long(monkeypatch, quick_comparison):
    monkeypatch.setattr(auto, "TRAINING_ROWS_MAX", {"ridge": 95, "linear": 96})
    monkeypatch.setattr(auto, "TRAINING_CELLS_MAX", {"knn": 3 * 96 - 1})

    result = train(numbers(), "auto", REGRESSION)

    skipped = {row["algorithm"] for row in result.candidates if row["status"] == "skipped"}
    assert skipped == {"ridge", "knn"}


def test_large_tables_are_compared_on_a_part_and_on_fewer_folds(monkeypatch, quick_comparison):
    monkeypatch.setattr(auto, "COMPARED_ROWS_MAX", 60)
    monkeypatch.setattr(auto, "LARGE_TABLE_ROWS", 50)
    table = numbers()
    labels = thirds(table.truth)
    plan = plan_for(table, "auto", CLASSIFICATION)

    comparison = auto.Comparison(plan, table.frame, labels)

    assert len(comparison.labels) == 60
    assert len(comparison.folds) == 3
    assert trainers.train(table.frame, labels, plan).training_rows == 96


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [(500, 10, 500), (9_000, 10, 9_000), (800_000, 10, 10_000), (50_000, 100, 5_000), (50_000, 1000, 1_000)],
)
def test_how_many_rows_are_compared_depends_on_rows_and_columns(rows, columns, expected):
    assert compared_rows(rows, columns) == expected


def test_a_class_with_too_few_rows_for_every_fold_is_no_obstacle():
    labels = np.array(["a"] * 60 + ["b"] * 57 + ["rare"] * 2 + ["lone"], dtype=object)
    table = Table(numbers().frame, labels)

    result = trainers.train(table.frame, labels, plan_for(table, "auto", CLASSIFICATION))

    assert {row["status"] for row in result.candidates} == {"done"}
    assert list(result.pipeline.classes_) == ["a", "b", "lone", "rare"]
    assert result.report["notes"][0].startswith("The value 'lone' occurs in a single row")
