"""Where tasks run changes neither leaderboard nor model."""

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import pytest

from mlmodels.learning import trainers
from mlmodels.learning.executors import IN_LINE, WorkClock
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, Evaluation, auto, comparison
from mlmodels.learning.trainers.budget import Budget, OutOfTime
from mlmodels.learning.trainers.candidates import Candidate
from mlmodels.tests.learning.trainers.examples import TABLES, numbers, plan_for


class Elsewhere:
    """An executor of the standard library. Tasks get copies, as they would on another machine."""

    def __init__(self, threads: int = 3):
        self.slots, self.names, self.candidates, self.cancelled = threads, [], [], 0
        self._pool = ThreadPoolExecutor(threads)

    def share(self, value):
        """Copied with each task: these tables are small."""

    def submit(self, function, *arguments, rank=0):
        self.names.append(function.__name__)
        self.candidates += [argument for argument in arguments if isinstance(argument, Candidate)]
        return FutureTask(self, self._pool.submit(run_copy, pickle.dumps((function, arguments))))


class FutureTask:
    seconds, rank = None, 0

    def __init__(self, executor, future):
        self._executor, self._future = executor, future

    def peek(self):
        return pickle.loads(self._future.result()[0])[0] if self._future.done() else None

    def result(self, timeout):
        data, self.seconds = self._future.result(timeout)
        value, error = pickle.loads(data)
        if error:
            raise error
        return value

    def cancel(self):
        self._executor.cancelled += 1
        self._future.cancel()


def run_copy(data):
    started, value, error = time.perf_counter(), None, None
    function, arguments = pickle.loads(data)
    try:
        value = function(*arguments)
    except (OutOfTime, ValueError) as raised:
        error = raised
    return pickle.dumps((value, error)), time.perf_counter() - started


class SlowTask:
    """Waited for a tenth of a second, in which it took so many seconds elsewhere."""

    def __init__(self, seconds):
        self._took, self.seconds, self._asked = seconds, None, 0

    def result(self, timeout):
        self._asked += 1
        if self._asked < 3:
            time.sleep(0.05)
            raise TimeoutError
        self.seconds = self._took
        return "done"


@pytest.fixture
def short(monkeypatch):
    """A few candidates, which take little time."""
    monkeypatch.setattr(comparison, "REPEATS", ())
    monkeypatch.setattr(comparison, "CANDIDATES_MAX", 9)
    monkeypatch.setattr(auto, "ORDER", ("ridge", "lasso", "logistic", "extra_trees", "knn", "naive_bayes"))
    monkeypatch.setitem(auto.STARTS, "extra_trees", {"n_estimators": 10})


def outcome(result):
    """All but the clock's figures."""
    clocked = ("seconds", "milliseconds_per_row")
    rows = [{name: row[name] for name in row if name not in clocked} for row in result.candidates]
    return rows, result.metrics, result.report, joblib.hash(result.pipeline.get_params())


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION])
def test_auto_finds_the_same_wherever_its_folds_are_fitted(task, short):
    table, executor = TABLES["mixed"](), Elsewhere()
    plan = plan_for(table, "auto", task)

    there = trainers.train(table.frame, table.labels(task), plan, executor=executor)

    here = trainers.train(table.frame, table.labels(task), plan)
    assert outcome(there) == outcome(here)
    assert {"fit_fold", "fold_losses", "fit_member"} == set(executor.names)
    if task == REGRESSION:
        assert len(there.candidates) == comparison.CANDIDATES_MAX + 1  # up to those that are drawn


@pytest.mark.parametrize(
    "order",
    [
        {"grid": {"n_neighbors": [3, 5, 9]}},
        {"search": "halving"},
        {"evaluation": Evaluation("k_fold", folds=4)},
        {"learning_curve": True},
    ],
)
def test_searches_folds_and_curves_are_the_same_wherever_they_are_computed(order):
    table, executor = numbers(rows=300), Elsewhere()
    plan = plan_for(table, "knn", REGRESSION, **order)

    there = trainers.train(table.frame, table.truth, plan, executor=executor)

    assert outcome(there) == outcome(trainers.train(table.frame, table.truth, plan))
    assert executor.names


def test_what_was_begun_and_is_not_needed_is_cancelled(short, monkeypatch):
    monkeypatch.setattr(auto, "BEHIND_MAX", -1)  # after its first fold every candidate is too far behind
    table, executor = numbers(), Elsewhere()

    trainers.train(table.frame, table.truth, plan_for(table, "auto", REGRESSION), executor=executor)

    assert executor.cancelled > 0


def test_nothing_is_begun_that_has_no_place_on_the_leaderboard(short, monkeypatch):
    monkeypatch.setattr(comparison, "CANDIDATES_MAX", 3)
    table, executor = numbers(), Elsewhere()

    result = trainers.train(table.frame, table.truth, plan_for(table, "auto", REGRESSION), executor=executor)

    tried = [row["algorithm"] for row in result.candidates if row["algorithm"] != "baseline"]
    assert len(tried) == 3
    assert {candidate.algorithm for candidate in executor.candidates} == set(tried)


def test_a_fixed_algorithm_needs_no_executor():
    table, executor = numbers(), Elsewhere()

    trainers.train(table.frame, table.truth, plan_for(table, "ridge", REGRESSION, parameters={"alpha": 1.0}))

    assert executor.names == []


def test_in_line_a_task_runs_when_its_result_is_asked_for():
    ran = []

    first, second = IN_LINE.submit(ran.append, 1), IN_LINE.submit(ran.append, 2)
    second.result()
    first.cancel()

    assert ran == [2]


def test_a_task_costs_the_budget_what_it_took_and_not_the_wait():
    budget, checks = Budget(100), []
    budget.on_check = lambda: checks.append(1)

    assert budget.result_of(SlowTask(30.0)) == "done"

    assert budget.spent == pytest.approx(30, abs=0.5)
    assert checks == [1, 1]


def test_a_budget_never_lasts_longer_than_the_clock_on_the_wall():
    clock = WorkClock()
    before = clock()

    clock.count(worked=0.0, waited=60.0)

    assert clock() >= before


def test_a_budget_that_travels_is_what_is_left_of_it():
    times = iter([0.0, 40.0])

    arrived = pickle.loads(pickle.dumps(Budget(100, clock=lambda: next(times))))

    assert arrived.seconds == 60
    assert arrived.left == pytest.approx(60, abs=1)
