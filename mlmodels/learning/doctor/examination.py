"""All checks of a table, on one sample of its rows."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from mlmodels.learning.doctor.columns import column_findings
from mlmodels.learning.doctor.findings import column_choices, finding, named
from mlmodels.learning.doctor.sample import Sample, draw_sample
from mlmodels.learning.doctor.target import target_findings
from mlmodels.learning.doctor.totals import totals
from mlmodels.learning.tables import Column
from mlmodels.learning.tables.errors import shown
from mlplatform.core.text import plural

COPIES_SHARE_MIN = 0.01
COPIES_MIN = 2
BY_CHANCE_SHARE_MAX = 0.01
ALIKE_MIN = 0.998  # of the correlation
ALIKE_ROWS_MIN = 50
REPEATS_MIN = 5  # rows of a value: values that are all different always come together
UNUSED = frozenset({"identifier", "constant", "empty"})


def findings_of(handle: BinaryIO, dialect: dict, columns: list[Column], target: str | None) -> Iterator[dict]:
    used = [column for column in columns if column.use or column.name == target]
    row_count = columns[0].profile["rows"]
    sample = draw_sample(handle, dialect, columns, row_count, [column.name for column in used])
    yield from totals(columns, sample)
    yield from column_findings(columns, target, sample)
    yield from copies(used, sample, row_count)
    learned_from = [column for column in used if column.name != target and column.kind not in UNUSED]
    yield from alike(learned_from, sample)
    if target is not None:
        yield from target_findings(columns, next(c for c in columns if c.name == target), sample)


def copies(used: list[Column], sample: Sample, row_count: int) -> Iterator[dict]:
    """Rows equal to another one, where that is not bound to happen with values that are so few."""
    share = sample.copies / max(sample.compared, 1)
    if sample.copies < COPIES_MIN or share < COPIES_SHARE_MIN:
        return
    equal_pair = np.prod([_chance_of_equal(sample.codes(column.name)) for column in used])
    if equal_pair * sample.compared / 2 > BY_CHANCE_SHARE_MAX:
        return
    is_estimate = sample.compared < row_count
    count = f"About {share:.0%} of the rows are" if is_estimate else f"{plural(sample.copies, 'row')} repeat"
    yield finding(
        "duplicates",
        [],
        f"{count} equal to an earlier one." if is_estimate else f"{count} an earlier one.",
        "Equal rows are not split between training and test.",
    )


def _chance_of_equal(codes: np.ndarray) -> float:
    """That two rows have the same value."""
    return float(((np.bincount(codes) / len(codes)) ** 2).sum())


def alike(columns: list[Column], sample: Sample) -> Iterator[dict]:
    """Columns that tell the same: numbers on a line, or values that always come together."""
    if sample.rows < ALIKE_ROWS_MIN:
        return
    like: dict[str, str] = {}
    first: dict[bytes, str] = {}
    for column in columns:
        codes = sample.codes(column.name)
        if codes.max() * REPEATS_MIN <= len(codes):
            earlier = first.setdefault(codes.tobytes(), column.name)
            if earlier != column.name:
                like[column.name] = earlier
    for name, earlier in _on_a_line(
        [c.name for c in columns if c.role == "number" and c.name not in like], sample
    ):
        like.setdefault(name, earlier)
    for name, earlier in like.items():
        yield finding(
            "alike",
            [earlier, name],
            f"{named([earlier, name])} tell nearly the same.",
            "Both are used, and share their importance.",
            column_choices(
                name, ("Use both", {"use": True}), (f"Leave out {shown(name)}", {"use": False}), current=0
            ),
        )


def _on_a_line(names: list[str], sample: Sample) -> Iterator[tuple[str, str]]:
    """Pairs of a column and an earlier one of which the values lie on a line."""
    if len(names) < 2:
        return
    values = np.column_stack([sample.numbers(name) for name in names])
    known = ~np.isnan(values)
    values = np.where(known, values - np.nanmean(values, axis=0), 0.0)
    spread = np.sqrt((values**2).sum(axis=0))
    values /= np.where(spread > 0, spread, 1.0)
    correlation = np.abs(values.T @ values)
    for later, earlier in zip(*np.nonzero(np.tril(correlation >= ALIKE_MIN, -1)), strict=True):
        yield names[later], names[earlier]
