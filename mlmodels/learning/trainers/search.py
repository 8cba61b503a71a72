"""Searches parameters of one algorithm: a grid, values drawn at random, or drawn ones that are halved."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.model_selection import ParameterGrid

from mlmodels.learning.executors import Executor
from mlmodels.learning.trainers.bench import Bench
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate, Rows
from mlmodels.learning.trainers.comparison import Choice, Comparison, make_bench
from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.limits import SEARCH_FOLDS, SEED
from mlmodels.learning.trainers.plan import GRID, HALVING, TrainingPlan
from mlmodels.learning.trainers.splits import Splitter

DRAWS = 30
HALVED_DRAWS = 27
KEPT_SHARE = 3  # one in so many goes on, to so many times the rows
ROWS_MIN = 300  # of the first round of halving


def search(
    plan: TrainingPlan,
    splitter: Splitter,
    training: np.ndarray,
    rows: Rows,
    budget: Budget,
    on_candidates: Callable[[list[dict]], None],
    executor: Executor,
) -> Choice:
    """The best of what could be tried in time, by folds of the training rows."""
    candidates = first_candidates(plan)
    leaderboard: list[dict] = []
    for count in sizes(plan, len(training)):
        bench = make_bench(plan, splitter, training, rows, count, SEARCH_FOLDS, executor)
        check_rows(plan, candidates, bench)
        comparison = Comparison(bench, budget, len(training), len(rows), on_candidates)
        comparison.rows = leaderboard
        comparison.run_all(candidates)
        ranked = sorted(comparison.results, key=lambda result: -result.score)
        candidates = [result.candidate for result in ranked[: max(1, len(ranked) // KEPT_SHARE)]]
    if not comparison.results and comparison.too_slow:
        raise DataRefused(
            "No combination was finished in time. Allow more time, or search an algorithm that fits faster.",
            field="budget_seconds",
        )
    if not comparison.results:
        raise DataRefused(
            "No combination can be fitted on a part of these rows. Add more rows.", field="grid"
        )
    return comparison.best_choice()


def first_candidates(plan: TrainingPlan) -> list[Candidate]:
    return [
        Candidate(plan.algorithm, {**plan.parameters, **values})
        for values in (ParameterGrid(plan.grid) if plan.search == GRID else drawn(plan))
    ]


def check_rows(plan: TrainingPlan, candidates: Sequence[Candidate], bench: Bench) -> None:
    """Refuses a search of which a candidate needs more rows than a fold has."""
    smallest = min(len(learned) for learned, _ in bench.folds)
    for candidate in candidates:
        plan.trainer.check_rows(candidate.parameters, smallest)


def drawn(plan: TrainingPlan) -> list[dict]:
    """Values for every name in the grid: out of its list, or out of the parameter's range without one."""
    random = np.random.default_rng(SEED)
    parameters = {parameter.name: parameter for parameter in plan.trainer.parameters}
    return [
        {
            name: values[random.integers(len(values))] if values else parameters[name].draw(random)
            for name, values in plan.grid.items()
        }
        for _ in range(HALVED_DRAWS if plan.search == HALVING else DRAWS)
    ]


def sizes(plan: TrainingPlan, row_count: int) -> list[int]:
    """How many rows each round takes; one round but for halving."""
    counts = [row_count]
    while plan.search == HALVING and counts[0] // KEPT_SHARE >= ROWS_MIN and len(counts) < 3:
        counts.insert(0, counts[0] // KEPT_SHARE)
    return counts
