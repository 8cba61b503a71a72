"""What is found about the target, and about what the other columns tell of it."""

from collections.abc import Iterator

import numpy as np

from mlmodels.learning.doctor.findings import WARNING, finding, percent, split_choices, use_choices
from mlmodels.learning.doctor.measures import drift, explained, target_matrix
from mlmodels.learning.doctor.sample import Sample
from mlmodels.learning.tables import Column, guess_task
from mlmodels.learning.tables.errors import shown
from mlmodels.learning.tables.limits import CLASSES_MAX
from mlmodels.learning.tables.names import names_a_birth
from mlplatform.core.text import plural

FEW_ROWS = 50
MEASURED_ROWS_MIN = 30
LEAK_SHARE_MIN = 0.85
LEAK_LEFT_OUT_FROM = 0.975
RARE_SHARE_MAX = 0.1  # of all classes but the most frequent one
DATES_MIN = 10


def target_findings(columns: list[Column], target: Column, sample: Sample) -> Iterator[dict]:
    profile = target.profile
    usable = profile["rows"] - profile["missing"]
    if profile["missing"] and usable:
        verb, stay = ("has", "is") if profile["missing"] == 1 else ("have", "are")
        yield finding(
            "no_target",
            [target.name],
            f"{plural(profile['missing'], 'row')} {verb} no value in {shown(target.name)}.",
            f"Left out: {usable:,} rows {stay if usable == 1 else 'are'} used.",
        )
    if 0 < usable < FEW_ROWS:
        yield finding(
            "few_rows",
            [target.name],
            f"Only {plural(usable, 'row')} can be used.",
            "Figures from so few rows can be far off. Add rows if you can.",
            severity=WARNING,
        )
    task = guess_task(target)
    if profile["distinct"] < 2 or (task == "classification" and profile["distinct"] > CLASSES_MAX):
        return
    if task == "classification":
        yield from imbalance(target)
    rows, matrix = measured_target(target, task, sample)
    if len(rows) >= MEASURED_ROWS_MIN:
        features = [
            c for c in columns if c.name != target.name and c.kind not in ("identifier", "constant", "empty")
        ]
        yield from leaks(features, target, task, sample, rows, matrix)
        yield from split_by_time(features, target, task, sample, rows, matrix)


def measured_target(target: Column, task: str, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """The positions of the rows that have a target, and their `target_matrix`."""
    if target.role == "number":
        values = sample.numbers(target.name)
        rows = np.flatnonzero(~np.isnan(values))
    else:
        values = sample.codes(target.name)
        rows = np.flatnonzero([bool(text.strip()) for text in sample.texts[target.name]])
    return rows, target_matrix(values[rows], task)


def imbalance(target: Column) -> Iterator[dict]:
    profile = target.profile
    usable = profile["rows"] - profile["missing"]
    label, cells = profile["top_values"][0]
    if usable < FEW_ROWS or cells < (1 - RARE_SHARE_MAX) * usable:
        return
    others = [text for text, _ in profile["top_values"][1:]]
    rare = f"are {shown(others[0])}" if profile["distinct"] == 2 else f"are not {shown(label)}"
    yield finding(
        "imbalance",
        [target.name],
        f"{_few_in_words(1 - cells / usable)} {rare}: a model that always says {shown(label)} is right in "
        f"{int(100 * cells / usable)} of 100.",
        "Training and test get the same share of each. Judge a model by more than its accuracy.",
        severity=WARNING,
    )


def _few_in_words(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}" if share >= 0.001 else "Less than 0.1%"


def leaks(
    features, target: Column, task: str, sample: Sample, rows: np.ndarray, matrix: np.ndarray
) -> Iterator[dict]:
    """Columns of which one alone predicts nearly everything.

    The strongest are left out, unless the user chose to use them or nothing else would be left.
    """
    shares = {}
    for column in features:
        if column.use or column.is_use_chosen:
            shares[column.name] = explained(_telling_values(column, sample)[rows], matrix, task)
    found = {name: share.value for name, share in shares.items() if share.at_least >= LEAK_SHARE_MIN}
    weak = {name for name in shares if found.get(name, 0.0) < LEAK_LEFT_OUT_FROM}
    are_others_left = any(column.use for column in features if column.name in weak)
    for column in features:
        if column.name in found:
            share = found[column.name]
            leaves_out = share >= LEAK_LEFT_OUT_FROM and not column.is_use_chosen and are_others_left
            is_used = column.use and not leaves_out
            yield finding(
                "leakage",
                [column.name],
                f"{shown(column.name)} alone explains {percent(share)} of {shown(target.name)}.",
                f"{'Used' if is_used else 'Left out'}. "
                f"Use it only if it is known before {shown(target.name)} is.",
                use_choices(column.name, is_used=is_used),
                severity=WARNING,
            )


def _telling_values(column: Column, sample: Sample) -> np.ndarray:
    """Of a date only whether it is there: that a target follows time is a trend and gives nothing away."""
    if column.kind == "date":
        return np.isnan(sample.numbers(column.name)).astype(np.intp)
    return sample.numbers(column.name) if column.role == "number" else sample.codes(column.name)


def split_by_time(features, target: Column, task: str, sample: Sample, rows, matrix) -> Iterator[dict]:
    """For the date column with which the target changes most, if it changes with any."""
    shares = {
        column.name: drift(sample.numbers(column.name)[rows], matrix, task)
        for column in features
        if column.kind == "date"
        and not names_a_birth(column.name)
        and column.profile["distinct"] >= DATES_MIN
    }
    name = max(shares, key=shares.__getitem__, default=None)
    if name and shares[name]:
        yield finding(
            "time",
            [name],
            f"{shown(target.name)} changes with {shown(name)}.",
            "Tested on the latest rows, as in real use.",
            split_choices("Latest rows", {"kind": "time", "by": name}),
            severity=WARNING,
        )
