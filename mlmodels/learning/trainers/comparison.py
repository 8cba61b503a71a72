"""Candidates compared on one bench: what they reached, the leaderboard, and which of them is chosen."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlmodels.learning.executors import Executor
from mlmodels.learning.trainers import ensemble, penalties
from mlmodels.learning.trainers.algorithms import TRAINERS
from mlmodels.learning.trainers.bench import Bench, fit_fold
from mlmodels.learning.trainers.budget import Budget, OutOfTime
from mlmodels.learning.trainers.candidates import Candidate, CandidateResult, Rows, chosen_rows, row_of
from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.fold_tasks import FoldTask
from mlmodels.learning.trainers.plan import TIME, TrainingPlan
from mlmodels.learning.trainers.preparation import seasons_of
from mlmodels.learning.trainers.scores import ACCURACY, LOG_LOSS, R2, is_better, scoring_for
from mlmodels.learning.trainers.splits import Splitter
from mlmodels.learning.trainers.trainer import CLASSIFICATION, REGRESSION

REPEATS = ((300, 4), (1_000, 2))  # of the folds on tables up to so many rows
FOLDS_MIN = 3  # fewer of them are the first ones of a division into so many
CANDIDATES_MAX = 60
RESULTS_KEPT = 30
AGAIN_MAX = 8  # candidates that are compared again on all rows
SHARE_OF_A_CANDIDATE = 0.3  # of the budget, the most that one may take
SHARE_OF_PENALTIES = 0.25  # of that, the most to find a penalty
MEMBERS_EXPECTED = 4  # of an ensemble, for whose fits time is kept back
SHARE_OF_CLOSING = 0.4  # of the budget, the most that is kept back for the fits in the end
OPEN_CANDIDATES_MAX = 2  # of which all folds are begun before the first has decided; see `_look_ahead`
EQUAL_MAX = 0.002  # a simpler candidate may be so much worse, within its standard error


class Hopeless(Exception):
    """So far behind that the other folds need not be tried."""


@dataclass
class Choice:
    """What is to be fitted: one model, or several with weights, and how they predict out of fold."""

    bench: Bench
    members: list[CandidateResult]
    weights: list[float]
    rows: list[dict]

    @property
    def predictions(self) -> list[np.ndarray]:
        return ensemble.combined(self.members, self.weights)


def make_bench(
    plan: TrainingPlan,
    splitter: Splitter,
    training: np.ndarray,
    rows: Rows,
    count: int,
    folds: int,
    executor: Executor,
) -> Bench:
    """On `count` of the training rows: they are in random order, or by time, of which the latest count."""
    chosen = training[-count:] if plan.evaluation.kind == TIME else training[:count]
    repeats = next((times for most, times in REPEATS if count <= most), 1) if plan.is_auto else 1
    divided = splitter.folds(chosen, max(folds, FOLDS_MIN), repeats)
    if folds < FOLDS_MIN:
        divided = divided[-folds:]
    labels = rows.labels[chosen]
    scoring = scoring_of(plan, labels, [labels[validation] for _, validation in divided])
    seasons = seasons_of(plan.derived)
    return Bench(plan.task, plan.all_features, seasons, rows, chosen, divided, folds, scoring, executor)


def scoring_of(plan: TrainingPlan, labels: np.ndarray, validations) -> str:
    """The old service compared by accuracy; the ROC AUC needs both classes in every fold."""
    if plan.is_classic:
        return R2 if plan.task == REGRESSION else ACCURACY
    is_divided = plan.task != CLASSIFICATION or all(len(np.unique(found)) > 1 for found in validations)
    return scoring_for(plan.task, labels) if is_divided else LOG_LOSS


class Comparison:
    """Candidates on one bench: what they reached, and the rows of the leaderboard."""

    def __init__(
        self,
        bench: Bench,
        budget: Budget,
        training_rows: int,
        all_rows: int,
        on_candidates: Callable[[list[dict]], None],
    ):
        self.bench, self.budget, self.on_candidates = bench, budget, on_candidates
        self.training_rows, self.all_rows = training_rows, all_rows
        self.behind_max = np.inf  # see `_is_hopeless`
        self._following: Sequence[Candidate] = ()
        self.baseline = bench.baseline()
        self.results: list[CandidateResult] = []
        self.too_slow: set[str] = set()  # algorithms
        self.rows: list[dict] = []

    def show_baseline(self) -> None:
        self.rows.append(self._row(self.baseline.to_row(self.bench.scoring) | {"label": "Baseline"}))

    @property
    def best(self) -> CandidateResult | None:
        return max(self.results, key=lambda result: result.score, default=None)

    def run(self, candidates: Iterable[Candidate], behind_max: float) -> None:
        """Until there are no more or the time is up. `behind_max`: see `_is_hopeless`."""
        self.behind_max = behind_max
        for candidate in candidates:
            if self.time_left <= 0 or self.places_left <= 0:
                break
            self.try_out(candidate)

    def run_known(
        self,
        candidates: Sequence[Candidate],
        behind_max: float,
        guess_following: Callable[[], Sequence[Candidate]],
    ) -> None:
        """As `run`, where it is known beforehand what is tried, and can be guessed what comes then."""

        def announced():
            for number, candidate in enumerate(candidates):
                self.expect([*candidates[number:], *guess_following()][: self.places_left])
                yield candidate

        self.run(announced(), behind_max)

    def expect(self, candidates: Sequence[Candidate]) -> None:
        """Begins what can be before their turn, and cancels what is not expected."""
        candidates = candidates[: self.bench.tasks.ahead_max]
        self._following = candidates[1:]
        self._look_ahead(candidates)

    def _look_ahead(self, candidates: Sequence[Candidate], current: Candidate | None = None) -> None:
        """Begins first of all the folds that decide whether the others are tried; last the others, where that
        is open, of the next candidates alone: those that follow may turn out to be other ones.
        """
        firsts, likely, open_yet = [], [], []
        for place, candidate in enumerate(candidates):
            first, *others = self._tasks_for(candidate)
            firsts.append(first)
            is_needed = self._needs_all_folds(candidate, first)
            if is_needed:
                likely += others
            elif is_needed is None and place < OPEN_CANDIDATES_MAX:
                open_yet += others
        self.bench.tasks.expect([*firsts, *likely, *open_yet], self._part_for_one(), current)

    def _needs_all_folds(self, candidate: Candidate, first: FoldTask) -> bool | None:
        """None where that is not known before its first fold has been fitted."""
        if candidate.finds_penalty or self.behind_max == np.inf:
            return True
        found = self.bench.tasks.peek(first)
        return None if found is None else not self._is_hopeless([found.score])

    def _tasks_for(self, candidate: Candidate) -> list[FoldTask]:
        function = penalties.fold_losses if candidate.finds_penalty else fit_fold
        return [(function, candidate, number) for number in range(len(self.bench.folds))]

    def run_all(self, candidates: list[Candidate]) -> None:
        """Each to its end, as far as time allows; those that wait are shown as well."""
        rows = [self._row(row_of(candidate, self.bench.scoring)) for candidate in candidates]
        self.rows.extend(rows)
        for number, (candidate, row) in enumerate(zip(candidates, rows, strict=True)):
            if self.time_left > 0:
                self.expect(candidates[number:])
                self.try_out(candidate, row)
            else:
                row.update(status="skipped", note="The time was up.")
        self.expect([])
        self.on_candidates(self.rows)

    def run_first_that_works(self, candidates: Iterable[Candidate]) -> None:
        """Where no time was left for any: one has to be trained, however long it takes.

        Those of an algorithm that was found too slow come last.
        """
        self.budget = Budget(on_check=self.budget.on_check)
        self.behind_max = np.inf
        for candidate in sorted(candidates, key=lambda each: each.algorithm in self.too_slow):
            self.try_out(candidate)
            if self.results:
                return

    @property
    def places_left(self) -> int:
        """How many candidates may still be tried; the first row is the baseline's."""
        return CANDIDATES_MAX + 1 - len(self.rows)

    @property
    def time_left(self) -> float:
        """For comparing: without what the fits in the end will take."""
        return self.budget.left - self.closing_seconds

    @property
    def closing_seconds(self) -> float:
        """The best of each algorithm may make an ensemble: fitted twice, then checked and explained."""
        best: dict[str, CandidateResult] = {}
        for result in sorted(self.results, key=lambda result: -result.score):
            best.setdefault(result.candidate.algorithm, result)
        ranked = list(best.values())[:MEMBERS_EXPECTED]
        fits = sum(
            result.seconds_to_fit(self.training_rows) + result.seconds_to_fit(self.all_rows)
            for result in ranked
        )
        return min(1.2 * fits + min(3.0, 0.08 * self.budget.seconds), SHARE_OF_CLOSING * self.budget.seconds)

    def try_out(self, candidate: Candidate, row: dict | None = None) -> None:
        """Fills in its `row` of the leaderboard, or a new one. A failure does not affect the others."""
        if row is None:
            row = self._row(row_of(candidate, self.bench.scoring))
            self.rows.append(row)
        row["status"] = "running"
        self.on_candidates(self.rows)
        budget = self._part_for_one()
        try:
            if candidate.finds_penalty:
                candidate = penalties.with_penalty(
                    self.bench, candidate, budget.part(budget.left * SHARE_OF_PENALTIES)
                )
            if self.behind_max == np.inf:  # no fold decides whether the others are tried
                self.bench.tasks.begin(fit_fold, candidate, range(len(self.bench.folds)), budget)
            result = self.bench.evaluate(candidate, budget, self._go_on)
        except OutOfTime:
            self.too_slow.add(candidate.algorithm)
            row.update(status="stopped", note="Too slow for the budget.")
        except Hopeless:
            row.update(status="stopped", note="Far behind the best after a part of the rows.")
        except DataRefused as refused:
            row.update(status="skipped", note=refused.message)
        except ValueError:  # scikit-learn's message is for programmers
            row.update(status="failed", note="It cannot be trained on a part of these rows.")
        except MemoryError:
            row.update(status="failed", note="It needs more memory than a training run may use.")
        else:
            row.update(result.to_row(self.bench.scoring))
            result.row = row
            self._keep(result)

    def _part_for_one(self) -> Budget:
        return self.budget.part(min(self.time_left, SHARE_OF_A_CANDIDATE * self.budget.seconds))

    def on_more_rows(self, whole: Bench) -> "Comparison":
        """The best few again on the whole table; where no time is left for the very best, this one counts."""
        following = Comparison(whole, self.budget, self.training_rows, self.all_rows, self.on_candidates)
        following.rows = self.rows
        ranked = sorted(self.results, key=lambda result: -result.score)[:AGAIN_MAX]
        candidates = [replace(result.candidate, fold_rounds=()) for result in ranked]
        for number, result in enumerate(ranked):
            if len(whole.folds) * result.seconds_to_fit(len(whole.rows)) < following.time_left:
                following.expect(candidates[number:])
                following.try_out(candidates[number])
        following.expect([])
        is_best_among = any(tried.candidate == candidates[0] for tried in following.results)
        return following if is_best_among else self

    def choice(self) -> Choice:
        if not self.results:
            raise DataRefused(
                "No algorithm could be trained on these rows. Add more rows, choose other columns, or allow "
                "more time."
            )
        best = self.best
        for result in self.results:
            result.row["is_tie"] = result is not best and not is_better(best.scores, result.scores)
        found = ensemble.find_ensemble(self.bench, self._affordable(), best)
        if found:
            members, weights = found.members, found.weights
        else:
            members, weights = [self._simplest(best)], [1.0]
        for member, weight in zip(members, weights, strict=True):
            member.row.update(is_chosen=True, weight=weight)
        self.on_candidates(self.rows)
        by_row = {id(member.row): member for member in members}
        members = [by_row[id(row)] for row in chosen_rows(self.rows)]
        return Choice(self.bench, members, [member.row["weight"] for member in members], self.rows)

    def best_choice(self) -> Choice:
        """The highest score alone, and the first of two equal ones."""
        self.best.row.update(is_chosen=True, weight=1.0)
        return Choice(self.bench, [self.best], [1.0], self.rows)

    def _simplest(self, best: CandidateResult) -> CandidateResult:
        """The simplest of those that these rows cannot tell from the best."""
        equal_max = EQUAL_MAX * (abs(best.score) if self.bench.scoring == LOG_LOSS else 1.0)
        equals = [
            result
            for result in self.results
            if best.score - result.score <= equal_max and not is_better(best.scores, result.scores)
        ]
        order = list(TRAINERS)
        return min([best, *equals], key=lambda r: (order.index(r.candidate.algorithm), -r.score))

    def _affordable(self) -> list[CandidateResult]:
        """The best results whose fits fit into the time that is left, all together."""
        left, kept = self.budget.left - min(3.0, 0.08 * self.budget.seconds), []
        for result in sorted(self.results, key=lambda result: -result.score):
            needed = 1.1 * (result.seconds_to_fit(self.training_rows) + result.seconds_to_fit(self.all_rows))
            if needed <= left:
                left -= needed
                kept.append(result)
        return kept

    def _go_on(self, result: CandidateResult) -> None:
        """After each of its folds."""
        if self._is_hopeless(result.scores):
            raise Hopeless
        self._look_ahead(self._following, result.candidate)

    def _is_hopeless(self, scores: Sequence[float]) -> bool:
        """Further behind the best than `behind_max` of the way from the baseline to it, by these folds."""
        best, done, folds = self.best, len(scores), len(self.bench.folds)
        if best is None or not folds / 5 <= done < folds:
            return False
        behind = np.mean(best.scores[:done]) - np.mean(scores)
        return behind > self.behind_max * max(best.score - self.baseline.score, 1e-9)

    def _keep(self, result: CandidateResult) -> None:
        self.results.append(result)
        if len(self.results) > RESULTS_KEPT:
            self.results.remove(min(self.results, key=lambda result: result.score))

    def _row(self, row: dict) -> dict:
        return {**row, "rows": len(self.bench.rows), "folds": self.bench.fold_count}
