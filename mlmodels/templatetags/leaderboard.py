"""What was tried, as points with whiskers on one zoomed scale."""

import math
from collections import Counter

from django import template

from mlmodels import charts
from mlplatform.core.formats import figure, short_number

ENDED = ("done", "failed", "skipped", "stopped")
WORDS = {
    "running": ("run", "Running"),
    "waiting": ("", "Waiting"),
    "failed": ("bad", "Failed"),
    "skipped": ("", "Skipped"),
    "stopped": ("", "Stopped"),
}
ROWS_SHOWN = 10
ERRORS_SHOWN = 10  # of the best score: what is further off is off the scale
MARGIN = 0.06
DECIMALS, DECIMALS_MAX = 3, 6

register = template.Library()


@register.simple_tag
def run_in_words(run):
    """What a screen reader is told when it changes: once per candidate, not at every step."""
    if run.status == run.Status.RUNNING and run.candidates:
        ended = sum(row["status"] in ENDED for row in run.candidates)
        return f"{ended} of {len(run.candidates)} done"
    return run.get_status_display()


@register.simple_tag
def leaderboard(candidates, is_running=False):
    """The best rows, with guessing last, on a scale of their own; and all `more` that was tried."""
    scored = [row for row in candidates if row.get("score") is not None and not is_guess(row)]
    scored.sort(key=lambda row: (is_running or not row.get("is_chosen"), -row["score"]))
    guesses = [row for row in candidates if row.get("score") is not None and is_guess(row)]
    unscored = [row for row in candidates if row.get("score") is None]
    running = [row for row in unscored if row["status"] == "running"]
    first = [*scored[:ROWS_SHOWN], *running, *guesses]
    board = Board(candidates, scored, is_running)
    ties = sum(bool(row.get("is_tie")) for row in scored)
    return {
        "rows": [board.row(row) for row in first],
        "more": [board.row(row) for row in [*scored[ROWS_SHOWN:], *unscored] if row not in running],
        "scale": board.scale(),
        "scoring": next((row["scoring"] for row in candidates if row.get("scoring")), ""),
        "ties": ties if ties > 1 else 0,
        "used": next((board.name(row) for row in scored if row.get("is_chosen")), ""),
        "has_speed": any(row.get("milliseconds_per_row") is not None for row in candidates),
        "has_standard_error": any(standard_error(row) for row in scored),
        "decimals": decimals(board.best),
    }


class Board:
    """What the rows of a leaderboard have in common: the best, the scale, and what tells them apart."""

    def __init__(self, candidates, scored, is_running):
        self.best = max(scored, key=lambda row: row["score"], default=None)
        self.is_running = is_running
        self.low, self.high = zoomed(scored)
        self.is_one_algorithm = len({row["algorithm"] for row in candidates if not is_guess(row)}) == 1
        self.times = Counter(row["label"] for row in candidates)
        self.varying = varying_parameters(candidates)

    def row(self, row) -> dict:
        score = row.get("score")
        is_drawn = score is not None and self.low <= score <= self.high and not is_guess(row)
        kind, word = self.state(row)
        return {
            **row,
            "name": self.name(row),
            "detail": "" if self.is_one_algorithm or self.times[row["label"]] == 1 else self.told_apart(row),
            "score": None if score is None else written_score(row),
            "standard_error": standard_error(row),
            "kind": kind,
            "word": word,
            "is_off_scale": score is not None and not is_drawn,
            "point": self.point(row) if is_drawn else "",
        }

    def name(self, row) -> str:
        """The algorithm, or the values that a search of one algorithm tried."""
        if is_guess(row):
            return "Guessing"
        return (self.is_one_algorithm and self.told_apart(row)) or row["label"]

    def told_apart(self, row) -> str:
        values = row.get("parameters") or {}
        return ", ".join(
            f"{name} {figure(values[name])}" for name in self.varying[row["algorithm"]] if name in values
        )

    def state(self, row) -> tuple[str, str]:
        """The kind of badge and its word. Once all are done, only the one in use and its ties have one."""
        if row["status"] == "running" and not self.is_running:
            return WORDS["stopped"]  # the run ended before it did
        if row["status"] != "done":
            return WORDS.get(row["status"], ("", row["status"]))
        if self.is_running:
            return ("ok", "Best so far") if row is self.best else ("", "")
        if row.get("is_chosen", row is self.best):
            return "ok", "Used"
        return "", "Tie" if row.get("is_tie") else ""

    def point(self, row):
        score, off, best_off = row["score"], standard_error(row), standard_error(self.best)
        best = self.best["score"]
        return charts.point(
            self.share(score),
            self.share(score - off),
            self.share(score + off),
            band=(self.share(best - best_off), self.share(best + best_off)) if best_off else None,
            is_quiet=not (row is self.best or row.get("is_tie") or row.get("is_chosen")),
        )

    def scale(self):
        if self.best is None:
            return ""
        ticks = charts.nice_ticks(self.low, self.high, 4)
        sign = -1 if self.high <= 0 else 1  # errors are ranked by their negative, and shown as they are
        inside = [tick for tick in ticks if 0.03 < self.share(tick) < 0.97]
        return charts.scale([(self.share(tick), short_number(sign * tick)) for tick in inside])

    def share(self, score) -> float:
        return (score - self.low) / (self.high - self.low)


def is_guess(row) -> bool:
    return row["algorithm"] == "baseline"


def standard_error(row) -> float:
    return (row or {}).get("standard_error") or 0


def decimals(best) -> int:
    """So many that the standard error of the best is not written as zero."""
    error = standard_error(best)
    return min(max(DECIMALS, math.ceil(-math.log10(error))), DECIMALS_MAX) if error else DECIMALS


def written_score(row) -> float:
    return abs(row["score"]) if row.get("scoring") == "neg_log_loss" else row["score"]


def varying_parameters(candidates) -> dict[str, list[str]]:
    """By algorithm, the names of parameters that candidates of it differ in."""
    seen: dict[str, dict[str, set]] = {}
    for row in candidates:
        for name, value in (row.get("parameters") or {}).items():
            seen.setdefault(row["algorithm"], {}).setdefault(name, set()).add(str(value))
    varying = {
        algorithm: [name for name, values in parameters.items() if len(values) > 1]
        for algorithm, parameters in seen.items()
    }
    return {row["algorithm"]: varying.get(row["algorithm"], []) for row in candidates}


def zoomed(scored) -> tuple[float, float]:
    """The range that matters: far worse candidates are left out, so that the others can be told apart."""
    if not scored:
        return 0, 1
    ranked = sorted(scored, key=lambda row: -row["score"])
    best, second, middle = (
        ranked[min(place, len(ranked) - 1)]["score"] for place in (0, 1, len(ranked) // 2)
    )
    shown = max(ERRORS_SHOWN * standard_error(ranked[0]) or best - middle, best - second)
    kept = [row for row in ranked if row["score"] >= best - shown]
    low = min(row["score"] - standard_error(row) for row in kept)
    high = max(row["score"] + standard_error(row) for row in kept)
    margin = (high - low) * MARGIN or abs(high) * MARGIN or MARGIN
    return low - margin, high + margin
