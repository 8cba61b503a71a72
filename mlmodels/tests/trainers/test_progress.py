import pytest

from mlmodels import trainers
from mlmodels.trainers import CLASSIFICATION, REGRESSION, TrainingPlan
from mlmodels.trainers.plan import Progress

from .examples import numbers, plan_for


def train_watched(algorithm: str, task: str = REGRESSION, **changes) -> list[Progress]:
    seen, table = [], numbers()
    trainers.train(table.frame, table.labels(task), plan_for(table, algorithm, task, **changes), seen.append)
    return seen


def test_a_single_fit_has_three_steps():
    seen = train_watched("linear")

    assert [(progress.step, progress.note) for progress in seen] == [
        (0, "Fitting linear regression"),
        (1, "Checking on the rows kept aside"),
        (2, "Finding out what drives it"),
        (3, "Trained"),
    ]
    assert {progress.of for progress in seen} == {3}
    assert all(progress.candidates == () for progress in seen)


@pytest.mark.parametrize(
    ("algorithm", "grid"), [("auto", None), ("knn", {"n_neighbors": [2, 3]}), ("ridge", None)]
)
def test_progress_never_goes_back_and_ends_at_the_end(algorithm, grid):
    seen = train_watched(algorithm, grid=grid)

    shares = [progress.step / progress.of for progress in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sum(share == 1 for share in shares) == 1


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
