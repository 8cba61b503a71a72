import numpy as np
import pytest

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, Evaluation, TrainingPlan, assembly, rounds
from mlmodels.learning.trainers.assembly import Recipe
from mlmodels.learning.trainers.candidates import Candidate, Rows
from mlmodels.learning.trainers.plan import Progress
from mlmodels.learning.trainers.preparation import build_pipeline
from mlmodels.tests.learning.trainers.examples import TABLES, numbers, plan_for


def train_watched(algorithm: str, task: str = REGRESSION, **changes) -> list[Progress]:
    seen, table = [], numbers()
    trainers.train(table.frame, table.labels(task), plan_for(table, algorithm, task, **changes), seen.append)
    return seen


def test_a_single_fit_is_fitted_measured_and_explained():
    seen = train_watched("linear")

    assert [(progress.step, progress.note) for progress in seen] == [
        (0, "Fitting linear regression"),
        (75, "Measuring on the test set"),
        (80, "Measuring which columns matter"),
        (100, "Trained"),
    ]
    assert {progress.of for progress in seen} == {100}
    assert all(progress.candidates == () for progress in seen)


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [
        ("knn", {"grid": {"n_neighbors": [2, 3]}}),
        ("ridge", {}),
        ("random_forest", {}),
        ("linear", {"evaluation": Evaluation("k_fold")}),
        ("ridge", {"learning_curve": True}),
    ],
)
def test_progress_never_goes_back_and_ends_at_the_end(algorithm, changes):
    seen = train_watched(algorithm, **changes)

    shares = [progress.step / progress.of for progress in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert shares.count(1) == 1


def test_a_learning_curve_is_made_when_it_is_asked_for():
    table, seen = TABLES["mixed"](), []
    plan = plan_for(table, "random_forest", REGRESSION, learning_curve=True)

    result = trainers.train(table.frame, table.truth, plan, seen.append)

    curve = result.report["learning_curve"]
    assert [point["rows"] for point in curve] == [32, 64, 96, 128]
    assert curve[-1]["score"] > curve[0]["score"]
    assert all(point["training_score"] > 0 and point["std"] >= 0 for point in curve)
    assert [progress.step for progress in seen] == sorted(progress.step for progress in seen)


@pytest.mark.parametrize("stop_at", [0, 75, 80])
def test_raising_from_the_callback_stops_the_training(stop_at):
    class Cancelled(Exception):
        pass

    def stop(progress):
        if progress.step == stop_at:
            raise Cancelled

    table = numbers()

    with pytest.raises(Cancelled):
        trainers.train(table.frame, table.truth, plan_for(table, "decision_tree", REGRESSION), stop)


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"n_neighbors": 3}, "grid": {"weights": ["uniform"]}},
        {"search": "random"},
        {"evaluation": Evaluation("group", by="n0"), "budget_seconds": 5.0, "learning_curve": True},
        {"candidates": ({"algorithm": "knn"},), "is_classic": True},
    ],
)
def test_a_plan_survives_the_way_to_a_worker(changes):
    plan = plan_for(numbers(), "knn", CLASSIFICATION, **changes)

    assert TrainingPlan.from_dict(plan.to_dict()) == plan
    assert TrainingPlan.from_dict(plan.checked().to_dict()) == plan.checked()
    assert plan.checked().checked() == plan.checked()


def test_a_plan_from_before_evaluations_keeps_its_share_of_training_rows():
    old = {
        "algorithm": "knn",
        "task": REGRESSION,
        "features": [{"name": "n0", "role": "number"}],
        "target": "truth",
        "parameters": {},
        "train_percentage": 0.7,
        "grid": None,
    }

    assert TrainingPlan.from_dict(old).evaluation == Evaluation(train_percentage=0.7)


@pytest.mark.parametrize("algorithm", ["random_forest", "extra_trees"])
@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION])
def test_a_forest_is_reported_part_by_part_and_is_the_forest_of_a_single_fit(algorithm, task):
    table = TABLES["mixed"]()
    parameters = {"n_estimators": 25} | ({"class_weight": "balanced"} if task == CLASSIFICATION else {})
    plan = plan_for(table, algorithm, task, parameters=parameters).checked()
    rows, labels, shares = table.frame, table.labels(task), []
    at_once = build_pipeline(plan, rows, labels).fit(rows, labels)

    in_parts = assembly.fit(
        Recipe([Candidate(algorithm, plan.parameters)]), plan, Rows(rows, labels), shares.append
    )

    assert shares == [part / rounds.PARTS for part in range(1, rounds.PARTS + 1)]
    assert in_parts["model"].get_params() == at_once["model"].get_params()
    assert len(in_parts["model"].estimators_) == 25
    answer = "predict" if task == REGRESSION else "predict_proba"
    np.testing.assert_array_equal(getattr(in_parts, answer)(rows), getattr(at_once, answer)(rows))
