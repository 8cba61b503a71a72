"""Progress of a training in weighted stages, so that the share done is a share of the time."""

import math
from collections.abc import Callable, Sequence

from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.plan import Progress

OF = 100
COMPARE, FIT, CHECK, EXPLAIN = "compare", "fit", "check", "explain"
CURVE, REFIT = "curve", "refit"
CURVE_FITS = 6  # the time of a learning curve, in fits of the whole
SINGLE = {FIT: 0.75, CHECK: 0.05, EXPLAIN: 0.2, CURVE: 0.0}
CHOSEN = {COMPARE: 0.76, FIT: 0.09, CHECK: 0.01, EXPLAIN: 0.03, CURVE: 0.0, REFIT: 0.11}
TICK_SECONDS = 0.5


class Stages:
    """Tells `on_progress` the share of the whole, which never goes back."""

    def __init__(self, on_progress: Callable[[Progress], None], budget: Budget, has_curve: bool = False):
        self._on_progress, self.budget = on_progress, budget
        self._has_curve = has_curve
        self.divide(SINGLE)
        self._candidates: Sequence[dict] = ()
        self._stage, self._note, self._share, self._told_at = FIT, "", 0.0, -math.inf
        budget.on_check = self.tick

    def divide(self, weights: dict[str, float]) -> None:
        """Into stages, by the share of time that each is expected to take."""
        curve = CURVE_FITS * weights[FIT] if self._has_curve else 0.0
        self._weights = {stage: weight / (1 + curve) for stage, weight in (weights | {CURVE: curve}).items()}

    def show(self, stage: str, note: str, share: float = 0.0) -> None:
        self._stage, self._note = stage, note
        self._tell(share)

    def show_candidates(self, candidates: Sequence[dict]) -> None:
        self._candidates = candidates
        running = [row["label"] for row in candidates if row["status"] == "running"]
        self.show(COMPARE, f"Trying {running[-1].lower()}" if running else "Compared", self._share_compared)

    def tick(self) -> None:
        """The same again, not more often than is worth it; this is also where a cancel is heard."""
        if self.budget.now() - self._told_at >= TICK_SECONDS:
            self._tell(self._share_compared if self._stage == COMPARE else 0.0)

    def finish(self, note: str) -> None:
        self._note = note
        self._send(1.0)

    @property
    def _share_compared(self) -> float:
        """Of the time, or without a budget of the candidates."""
        if math.isfinite(self.budget.seconds):
            return self.budget.spent / self.budget.seconds / self._weights[COMPARE]
        waiting = sum(row["status"] in ("waiting", "running") for row in self._candidates)
        return 1 - waiting / max(len(self._candidates), 1)

    def _tell(self, share: float) -> None:
        before = 0.0
        for stage, weight in self._weights.items():
            if stage == self._stage:
                before += weight * min(max(share, 0.0), 1.0)
                break
            before += weight
        self._send(min(before, 0.999))

    def _send(self, share: float) -> None:
        self._share, self._told_at = max(self._share, share), self.budget.now()
        rows = tuple(dict(candidate) for candidate in self._candidates)
        self._on_progress(Progress(round(OF * self._share, 3), OF, self._note, rows))
