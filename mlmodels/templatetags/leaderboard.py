"""What was tried, as points with whiskers on one zoomed scale."""

from django import template

from mlmodels import charts
from mlmodels.templatetags.metrics import LESS_IS_BETTER
from mlplatform.core.formats import short_number

ENDED = ("done", "failed", "skipped", "stopped")
WORDS = {
    "running": "Running",
    "waiting": "Waiting",
    "failed": "Failed",
    "skipped": "Skipped",
    "stopped": "Stopped",
}
ZOOMED_SPREADS = 3  # a candidate this many times further off than the middle one is named as off the scale
MARGIN = 0.06

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
    """Rows with the best first and guessing last, and the ticks of their scale."""
    scored = [row for row in candidates if row.get("score") is not None and row["algorithm"] != "baseline"]
    scored.sort(key=lambda row: (not row.get("is_chosen"), -row["score"]))
    best = max(scored, key=lambda row: row["score"], default=None)
    others = [row for row in candidates if row.get("score") is None]
    guesses = [row for row in candidates if row.get("score") is not None and row["algorithm"] == "baseline"]
    low, high = zoomed(scored)
    rows = [shown(row, low, high, best, is_running) for row in [*scored, *others, *guesses]]
    ties = sum(bool(row.get("is_tie")) for row in scored)
    scoring = next((row["scoring"] for row in candidates if row.get("scoring")), "")
    return {
        "rows": rows,
        "scale": scale_of(low, high) if scored else "",
        "scoring": scoring,
        "ties": ties if ties > 1 else 0,
        "used": next((name_of(row) for row in scored if row.get("is_chosen")), ""),
        "has_speed": any(row.get("milliseconds_per_row") is not None for row in candidates),
        "has_spread": any(spread(row) for row in scored),
    }


def shown(row, low, high, best, is_running) -> dict:
    score = row.get("score")
    is_guess = row["algorithm"] == "baseline"
    off = spread(row)
    is_shown = score is not None and low <= score <= high and not is_guess
    kind, word = state(row, best, is_running)
    band = None
    if is_shown and spread(best):
        band = (
            share(best["score"] - spread(best), low, high),
            share(best["score"] + spread(best), low, high),
        )
    return {
        **row,
        "name": name_of(row),
        "score": None if score is None else written_score(row),
        "spread": off,
        "kind": kind,
        "word": word,
        "is_off_scale": score is not None and not is_shown,
        "point": charts.point(
            share(score, low, high),
            share(score - off, low, high),
            share(score + off, low, high),
            band=band,
            is_quiet=not (row is best or row.get("is_tie") or row.get("is_chosen")),
        )
        if is_shown
        else "",
    }


def name_of(row) -> str:
    """The algorithm, or the values that a search tried."""
    values = row.get("parameters")
    if row["algorithm"] == "baseline":
        return "Guessing"
    return ", ".join(f"{name} = {value}" for name, value in values.items()) if values else row["label"]


def state(row, best, is_running) -> tuple[str, str]:
    """One word: of those that are done the one in use and its ties have one."""
    if row["status"] == "running":
        return "run", WORDS["running"]
    if row["status"] == "failed":
        return "bad", WORDS["failed"]
    if row["status"] != "done":
        return "", WORDS.get(row["status"], row["status"])
    if is_running:
        return ("ok", "Best so far") if row is best else ("", "")
    if row.get("is_chosen", row is best):
        return "ok", "Used"
    return ("", "Tie") if row.get("is_tie") else ("", "")


def written_score(row) -> float:
    """Errors are ranked by their negative, and shown as they are."""
    return abs(row["score"]) if row.get("scoring") in LESS_IS_BETTER else row["score"]


def spread(row) -> float:
    return (row or {}).get("standard_error") or 0


def zoomed(scored) -> tuple[float, float]:
    """The range that matters: far worse candidates are left out, so that the others can be told apart."""
    if not scored:
        return 0, 1
    scores = sorted((row["score"] for row in scored), reverse=True)
    middle = scores[len(scores) // 2]
    farthest = scores[0] - ZOOMED_SPREADS * (scores[0] - middle)
    kept = [row for row in scored if row["score"] >= farthest]
    low = min(row["score"] - spread(row) for row in kept)
    high = max(row["score"] + spread(row) for row in kept)
    margin = (high - low) * MARGIN or abs(high) * MARGIN or MARGIN
    return low - margin, high + margin


def share(value, low, high) -> float:
    return (value - low) / (high - low)


def scale_of(low, high):
    ticks = [tick for tick in charts.nice_ticks(low, high, 4) if 0.03 < share(tick, low, high) < 0.97]
    return charts.scale(
        [(share(tick, low, high), short_number(abs(tick) if high <= 0 else tick)) for tick in ticks]
    )
