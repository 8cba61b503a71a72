"""Chooses algorithm and parameters within a budget of time: a generator of candidates for a comparison.

First the families of algorithms, each once; then variants of what works, until the time is up or they
no longer help. A large table is compared on a part of its rows first, and the best again on all of them.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np

from mlmodels.learning.executors import Executor
from mlmodels.learning.trainers import targets
from mlmodels.learning.trainers.algorithms import TRAINERS
from mlmodels.learning.trainers.bench import Bench, fit_fold
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate, CandidateResult, Rows, candidate_of, chosen_rows
from mlmodels.learning.trainers.comparison import Choice, Comparison, make_bench
from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.pairs import find_pairs
from mlmodels.learning.trainers.plan import TrainingPlan
from mlmodels.learning.trainers.splits import Splitter
from mlmodels.learning.trainers.trainer import REGRESSION

ORDER = (
    "ridge",
    "lasso",
    "gradient_boosting",
    "extra_trees",
    "random_forest",
    "logistic",  # takes longest where there are many classes
    "knn",
    "naive_bayes",
)
STARTS = {
    "ridge": {"numbers": "clipped"},
    "lasso": {"numbers": "clipped"},
    "logistic": {"numbers": "clipped"},
    "extra_trees": {"max_features": "half", "min_samples_leaf": 2},
    "random_forest": {"max_features": "third", "min_samples_leaf": 2},
    "knn": {"n_neighbors": 10, "weights": "distance"},
}
SPLINES = ("ridge", "logistic")  # also tried with splines of the numbers
GENTLE = {"learning_rate": 0.06, "max_leaf_nodes": 12, "min_samples_leaf": 10, "max_features": 0.5}
PAIRS_SHARE_MAX = 0.2  # of the time that is left, to look for pairs in every fold
PAIRED = ("ridge", "logistic", "gradient_boosting", "extra_trees")
NEIGHBORS_ROWS_MAX = 20_000
COMPARED_ROWS_MAX = 20_000
COMPARED_CELLS_MAX = 2_000_000
COMPARED_ROWS_MIN = 2_000
SLIGHTLY_MORE = 1.25  # rows than may be compared are compared at once
FOLDS = 5
LARGE_TABLE_ROWS = 10_000
LARGE_TABLE_FOLDS = 3
WHOLE_TABLE_FOLDS = 2
BEHIND_MAX = 0.4  # of the way from baseline to the best: a family so far behind after one fold is left
DRAW_BEHIND_MAX = 0.05
USELESS_DRAWS_MAX = 15
STEP = 0.25  # of a range, how far a variant goes from what works
STACKED = "stacked gradient_boosting"
DRAWN = (
    "gradient_boosting",
    STACKED,
    "extra_trees",
    "gradient_boosting",
    STACKED,
    "random_forest",
)
FOREST_SHARE_MAX = 0.2  # of the time that is left, to grow a forest in every fold
SPACE = {
    "gradient_boosting": (
        "learning_rate",
        "max_leaf_nodes",
        "min_samples_leaf",
        "l2_regularization",
        "max_features",
    ),
    "extra_trees": ("min_samples_leaf", "max_features"),
    "random_forest": ("min_samples_leaf", "max_features"),
}


def choose(
    plan: TrainingPlan,
    splitter: Splitter,
    training: np.ndarray,
    rows: Rows,
    budget: Budget,
    on_candidates: Callable[[list[dict]], None],
    executor: Executor,
) -> Choice:
    """The best that was finished in time. `on_candidates` gets the leaderboard whenever it changes."""
    columns = len(plan.all_features)
    count = min(COMPARED_ROWS_MAX, max(COMPARED_ROWS_MIN, COMPARED_CELLS_MAX // columns))
    if len(training) <= SLIGHTLY_MORE * count:
        count = len(training)
    folds = LARGE_TABLE_FOLDS if count > LARGE_TABLE_ROWS else FOLDS
    bench = make_bench(plan, splitter, training, rows, count, folds, executor)
    comparison = Comparison(bench, budget, len(training), len(rows), on_candidates)
    comparison.show_baseline()
    guess_draws = partial(draws_ahead, comparison, np.random.default_rng(SEED))
    comparison.run_known(list(first_candidates(bench)), BEHIND_MAX, guess_draws)
    comparison.run_known(list(candidates_with_pairs(comparison)), BEHIND_MAX, guess_draws)
    comparison.run_known(list(stacked_candidates(comparison)), BEHIND_MAX, guess_draws)
    comparison.run(draws(comparison), DRAW_BEHIND_MAX)
    comparison.expect([])
    if not comparison.results:
        comparison.run_first_that_works(first_candidates(bench))
    if count < len(training):
        whole = make_bench(plan, splitter, training, rows, len(training), WHOLE_TABLE_FOLDS, executor)
        comparison = comparison.on_more_rows(whole)
    return comparison.choice()


def replay(
    plan: TrainingPlan,
    splitter: Splitter,
    training: np.ndarray,
    rows: Rows,
    budget: Budget,
    executor: Executor,
) -> Choice:
    """Of the candidates of an earlier run those that were chosen, in the same folds, without a clock."""
    chosen = chosen_rows(plan.candidates)
    if not chosen:
        raise DataRefused("None of these candidates was chosen. Train without them.", field="candidates")
    bench = make_bench(plan, splitter, training, rows, chosen[0]["rows"], chosen[0]["folds"], executor)
    candidates = [candidate_of(row) for row in chosen]
    for candidate in candidates:
        bench.tasks.begin(fit_fold, candidate, range(len(bench.folds)), budget)
    members = [bench.evaluate(candidate, budget) for candidate in candidates]
    return Choice(bench, members, [row["weight"] for row in chosen], list(plan.candidates))


def first_candidates(bench: Bench) -> Iterator[Candidate]:
    """The families, each with settings that suit most tables; boosting also in small steps."""
    skewed = targets.transforms_for(bench.rows.labels) if bench.task == REGRESSION else []
    for name in ORDER:
        trainer = TRAINERS[name]
        if bench.task not in trainer.tasks or (name == "knn" and len(bench.rows) > NEIGHBORS_ROWS_MAX):
            continue
        candidate = Candidate(name, trainer.defaults(bench.task) | STARTS.get(name, {}))
        if trainer.penalty:
            candidate = candidate.with_parameters(**{trainer.penalty: None})
        if name == "gradient_boosting" and bench.classes is not None and len(bench.classes) > 2:
            # Without a penalty the leaves of rare classes get out of hand
            candidate = candidate.with_parameters(l2_regularization=1.0)
        yield candidate
        if name in SPLINES:
            yield candidate.with_parameters(numbers="spline")
        if name == "gradient_boosting":
            for transform in skewed or [None]:
                yield replace(candidate.with_parameters(**GENTLE), target_transform=transform)
        if name == "ridge":
            for transform in skewed:
                # Its inverse ends somewhere, and a line does not
                if transform != targets.YEO_JOHNSON:
                    yield replace(candidate, target_transform=transform)
                    yield replace(candidate.with_parameters(numbers="spline"), target_transform=transform)


def candidates_with_pairs(comparison: Comparison) -> Iterator[Candidate]:
    """The best of some families once more, where arithmetic of two columns seems to help."""
    bench, budget = comparison.bench, comparison.budget
    started = budget.now()
    found = find_pairs(bench.features, bench.rows.frame, bench.rows.labels, bench.task)
    in_all_folds = (budget.now() - started) * len(bench.folds)
    if not found or in_all_folds > PAIRS_SHARE_MAX * comparison.time_left:
        return
    for name in PAIRED:
        if best := best_of(comparison, name):
            candidate, penalty = best.candidate, best.candidate.trainer.penalty
            candidate = candidate.with_parameters(**{penalty: None}) if penalty else candidate
            yield replace(candidate, has_pairs=True, fold_rounds=())


def stacked_candidates(comparison: Comparison) -> Iterator[Candidate]:
    """The best boosting once more, stacked on a forest, where that takes little of the time."""
    forest, boosting = best_of(comparison, "random_forest"), best_of(comparison, "gradient_boosting")
    if forest and boosting and forest.fit_seconds < FOREST_SHARE_MAX * comparison.time_left:
        yield replace(boosting.candidate, is_stacked=True, fold_rounds=())


def draws(comparison: Comparison) -> Iterator[Candidate]:
    """Boosting drawn at random and around the best one; forests in between; until they no longer help."""
    random = np.random.default_rng(SEED)
    useless, number = 0, 0
    while useless < USELESS_DRAWS_MAX and (names := worth_drawing(comparison)):
        before = comparison.best.score
        comparison.expect(draws_ahead(comparison, random, number)[: comparison.places_left])
        yield draw_next(comparison, names, number, random)
        useless = 0 if comparison.best.score > before else useless + 1
        number += 1


def draws_ahead(comparison: Comparison, random: np.random.Generator, number: int = 0) -> list[Candidate]:
    """What is drawn from this number on, if nothing that is tried until then changes what is known."""
    names, random = worth_drawing(comparison), deepcopy(random)
    if not names:
        return []
    numbers = range(number, number + comparison.bench.tasks.guesses_max)
    return [draw_next(comparison, names, later, random) for later in numbers]


def draw_next(
    comparison: Comparison, names: list[str], number: int, random: np.random.Generator
) -> Candidate:
    return draw(best_of(comparison, names[number % len(names)]), random, is_near=number % 4 >= 2)


def worth_drawing(comparison: Comparison) -> list[str]:
    """Those that have worked, and fit into the time that is left."""
    seconds = {}
    for result in comparison.results:
        name = kind_of(result.candidate)
        seconds[name] = min(seconds.get(name, np.inf), result.fit_seconds)
    return [name for name in DRAWN if seconds.get(name, np.inf) < comparison.time_left]


def best_of(comparison: Comparison, name: str) -> CandidateResult | None:
    """Of one kind; None where it was too slow or too bad."""
    results = [result for result in comparison.results if kind_of(result.candidate) == name]
    return max(results, key=lambda result: result.score, default=None)


def kind_of(candidate: Candidate) -> str:
    return STACKED if candidate.is_stacked else candidate.algorithm


def draw(best: CandidateResult, random: np.random.Generator, is_near: bool) -> Candidate:
    start, name = best.candidate, best.candidate.algorithm
    values = {
        parameter.name: near(parameter, start.parameters[parameter.name], random)
        if is_near and parameter.type != "str"
        else parameter.draw(random)
        for parameter in TRAINERS[name].parameters
        if parameter.name in SPACE[name]
    }
    return replace(start.with_parameters(**values), fold_rounds=())


def near(parameter, value: float, random: np.random.Generator):
    """A value a step away, within the range of the parameter and on its scale."""
    low, high = parameter.search_range
    scale, back = (np.log, np.exp) if parameter.log else (float, float)
    wide = (scale(high) - scale(low)) * STEP
    moved = back(np.clip(scale(max(value, low)) + random.normal() * wide, scale(low), scale(high)))
    return round(float(moved)) if parameter.type == "int" else float(f"{moved:.4g}")
