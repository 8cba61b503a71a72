import numpy as np
import pytest

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, TrainingPlan, progressive_fit
from mlmodels.learning.trainers.plan import Progress
from mlmodels.learning.trainers.preparation import build_pipeline
from mlmodels.tests.learning.trainers.examples import TABLES, numbers, plan_for


def train_watched(algorithm: str, task: str = REGRESSION, **changes) -> list[Progress]:
    seen, table = [], numbers()
    trainers.train(table.frame, table.labels(task), plan_for(table, algorithm, task, **changes), seen.append)
    return seen


def test_a_single_fit_has_three_steps():
    seen = train_watched("linear")

    assert [(progress.step, progress.note) for progress in seen] == [
        (0, "Fitting linear regression"),
        (1, "Measuring on the test set"),
        (2, "Measuring which columns matter"),
        (3, "Trained"),
    ]
    assert {progress.of for progress in seen} == {3}
    assert all(progress.candidates == () for progress in seen)


@pytest.mark.parametrize(
    ("algorithm", "grid"), [("knn", {"n_neighbors": [2, 3]}), ("ridge", None), ("random_forest", None)]
)
def test_progress_never_goes_back_and_ends_at_the_end(algorithm, grid):
    seen = train_watched(algorithm, grid=grid)

    shares = [progress.step / progress.of for progress in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert shares.count(1) == 1


@pytest.mark.parametrize("stop_at", [0, 1, 2])
def test_raising_from_the_callback_stops_the_training(stop_at):
    class Cancelled(Exception):
        pass

    def stop(progress):
        if progress.step == stop_at:
            raise Cancelled

    table = numbers()

    with pytest.raises(Cancelled):
        trainers.train(table.frame, table.truth, plan_for(table, "decision_tree", REGRESSION), stop)


def test_a_plan_survives_the_way_to_a_worker():
    plan = plan_for(
        numbers(), "knn", CLASSIFICATION, parameters={"n_neighbors": 3}, grid={"weights": ["uniform"]}
    )

    assert TrainingPlan.from_dict(plan.to_dict()) == plan
    assert TrainingPlan.from_dict(plan.checked().to_dict()) == plan.checked()


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION])
def test_a_forest_is_reported_part_by_part_and_is_the_forest_of_a_single_fit(task):
    table = TABLES["mixed"]()
    parameters = {"n_estimators": 25} | ({"class_weight": "balanced"} if task == CLASSIFICATION else {})
    plan = plan_for(table, "random_forest", task, parameters=parameters).checked()
    rows, labels, shares = table.frame, table.labels(task), []
    at_once = build_pipeline(plan, rows, labels).fit(rows, labels)

    in_parts = progressive_fit.fit(build_pipeline(plan, rows, labels), rows, labels, shares.append)

    assert shares == [part / 10 for part in range(1, 11)]
    assert in_parts["model"].get_params() == at_once["model"].get_params()
    assert len(in_parts["model"].estimators_) == 25
    answer = "predict" if task == REGRESSION else "predict_proba"
    np.testing.assert_array_equal(getattr(in_parts, answer)(rows), getattr(at_once, answer)(rows))
