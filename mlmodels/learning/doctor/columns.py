"""What is found in columns one by one, whatever is to be predicted."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from mlmodels.learning.doctor.findings import (
    WARNING,
    column_choices,
    finding,
    named,
    split_choices,
    use_choices,
)
from mlmodels.learning.doctor.sample import Sample
from mlmodels.learning.tables import Column
from mlmodels.learning.tables.cells import cells_of, folded
from mlmodels.learning.tables.columns import blank_words_sentence
from mlmodels.learning.tables.errors import shown
from mlmodels.learning.tables.missing import is_missing_word
from mlplatform.core.text import plural

NEARLY_EMPTY_SHARE = 0.95
COUNTED_ROWS_MIN = 20  # fewer rows that count up prove nothing
BLANK_ROWS_MIN = 2
BLANK_SHARE_MIN = 0.005
CODES_OF_BLANKS = (-1, -9, -99, -999, -9999, -99999, 99, 999, 9999, 99999, 999999)
OTHER_VALUES_MIN = 5
SPIKE = 3  # times as frequent as the other values are in the middle
TEXTS_OF_BLANKS_NOT = frozenset({"none", ".", "..", "..."})  # which are values more often
SPELLINGS_SHOWN = 2


def column_findings(columns: list[Column], target: str | None, sample: Sample) -> Iterator[dict]:
    yield from unused_columns(columns)
    for column in columns:
        if column.kind == "identifier":
            if column.name != target:
                yield identifier(column)
        elif column.kind not in ("constant", "empty"):
            yield from misread(column, sample)
            yield from counted_rows(column, sample)
            yield from disguised_blanks(column, sample)
            yield from spellings(column, sample)


def unused_columns(columns: list[Column]) -> Iterator[dict]:
    for kind, seen in (("constant", "the same in every row"), ("empty", "blank in every row")):
        names = [column.name for column in columns if column.kind == kind]
        if names:
            verb = "is" if len(names) == 1 else "are"
            yield finding(
                kind, names, f"{named(names)} {verb} {seen}.", "Not used: there is nothing to learn from."
            )
    for column in columns:
        blank = column.profile["missing"] / column.profile["rows"]
        if column.kind not in ("identifier", "constant", "empty") and blank >= NEARLY_EMPTY_SHARE:
            yield finding(
                "nearly_empty",
                [column.name],
                f"{shown(column.name)} is blank in {plural(column.profile['missing'], 'row')} of "
                f"{column.profile['rows']:,}.",
                "Used." if column.use else "Not used.",
                use_choices(column.name, is_used=column.use),
            )


def identifier(column: Column) -> dict:
    name, profile = column.name, column.profile
    if column.use:
        happens = "Used, as you chose, although it is an identifier."
    else:
        happens = "Not used: a model would learn the rows by heart."
    if not profile.get("repeats"):
        seen = f"{shown(name)} is different in every row."
        return finding("identifier", [name], seen, happens, use_choices(name, is_used=column.use))
    at_least = "" if profile["distinct_is_exact"] else "at least "
    return finding(
        "groups",
        [name],
        f"{shown(name)} is an identifier that repeats: {at_least}{plural(profile['distinct'], 'value')} in "
        f"{plural(profile['rows'] - profile['missing'], 'row')}.",
        "Rows that share it are not split between training and test.",
        split_choices("Keep together", {"kind": "group", "by": name}),
    )


def counted_rows(column: Column, sample: Sample) -> Iterator[dict]:
    """Whole numbers that rise by one from row to row, under a name that does not say so."""
    if column.kind != "number" or sample.rows < COUNTED_ROWS_MIN:
        return
    steps = np.diff(sample.numbers(column.name))
    if np.all(steps == sample.stride):
        yield finding(
            "identifier",
            [column.name],
            f"{shown(column.name)} counts the rows.",
            "Used as a number." if column.use else "Not used.",
            use_choices(column.name, is_used=column.use),
        )


def misread(column: Column, sample: Sample) -> Iterator[dict]:
    """Cells that are read as blanks, or that keep a column from being numbers or dates."""
    name = column.name
    if column.blank_words and column.is_doubtful:
        yield finding(
            "misfits",
            [name],
            f"{shown(name)}: {blank_words_sentence(column.blank_words)}",
            f"The other cells are {column.kind}s.",
            column_choices(
                name, ("Blank", {"kind": column.kind}), ("As text", {"kind": "category"}), current=0
            ),
            severity=WARNING,
        )
    elif column.nearly in column.alternatives:
        words = misfits(column, sample)
        choices = (
            ("As text", {"kind": column.kind}),
            (f"As a {column.nearly}", {"kind": column.nearly, "blanks": words}),
        )
        yield finding(
            "misfits",
            [name],
            f"{shown(name)} is nearly a column of {column.nearly}s. {column.reason}",
            "Read as text." if column.use else "Read as text, and not used.",
            column_choices(name, *choices, current=0),
            severity=WARNING,
        )


def misfits(column: Column, sample: Sample) -> list[str]:
    """The texts that are not of the kind that all others have."""
    cells = cells_of(column.alternatives[column.nearly])
    found = []
    for text in dict.fromkeys(map(str.strip, sample.texts[column.name])):
        try:
            cells.one(text)
        except ValueError:
            found.append(text)
    return found


def disguised_blanks(column: Column, sample: Sample) -> Iterator[dict]:
    is_number = column.kind == "number"
    found = numbers_for_blanks(column, sample) if is_number else words_for_blanks(column, sample)
    chosen = list(column.format.get("blanks", ()))
    if not found and not chosen:
        return
    blanks = [text for text in found if text not in chosen] + chosen
    seen = ", ".join(shown(text) for text in blanks)
    rows = sum(found.values()) * sample.stride
    often = f" in {'about ' if sample.stride > 1 else ''}{plural(rows, 'row')}" if rows else ""
    yield finding(
        "disguised_blanks",
        [column.name],
        f"{shown(column.name)} is {seen}{often}, which may mean that there is no value.",
        "Read as blank." if chosen else f"Read as {'a number' if is_number else 'a value like any other'}.",
        column_choices(
            column.name, ("A value", {"blanks": []}), ("Blank", {"blanks": blanks}), current=int(bool(chosen))
        ),
        severity=WARNING,
    )


def numbers_for_blanks(column: Column, sample: Sample) -> dict[str, int]:
    """Codes such as -1 and 999 that stand apart from the other numbers, by the text of each."""
    plain = [text for text, _ in column.profile["top_values"]]
    cells = cells_of({name: kept for name, kept in column.format.items() if name != "blanks"})
    values, rows = np.unique(sample.numbers(column.name), return_counts=True)
    found = {}
    for code in CODES_OF_BLANKS:
        times = int(rows[values == code].sum())
        if times >= max(BLANK_ROWS_MIN, BLANK_SHARE_MIN * sample.rows):
            is_other = (values == values) & ~np.isin(values, CODES_OF_BLANKS)
            if _stands_apart(code, times, values[is_other], rows[is_other]):
                spelled = [text for text in plain if _is(cells, text, code)]
                found[spelled[0] if spelled else str(code)] = times
    return found


def _is(cells, text: str, code: int) -> bool:
    try:
        return cells.one(text) == code
    except ValueError:
        return False


def _stands_apart(code: int, times: int, others: np.ndarray, rows: np.ndarray) -> bool:
    if len(others) < OTHER_VALUES_MIN:
        return False
    low, high = others.min(), others.max()
    if code < 0 and low >= 0 and times >= SPIKE * np.median(rows):
        return True
    if code == -1:
        return False
    distance = low - code if code < low else code - high
    return distance > high - low


def words_for_blanks(column: Column, sample: Sample) -> dict[str, int]:
    """Among categories and texts; in numbers and dates such words are blanks anyway."""
    if column.role == "number":
        return {}
    cells = Counter(text for text in map(str.strip, sample.texts[column.name]) if text)
    words = {t: n for t, n in cells.items() if is_missing_word(t) and t.casefold() not in TEXTS_OF_BLANKS_NOT}
    are_codes = len({len(text) for text in cells}) == 1  # NA among DE and FR
    return {} if are_codes or len(words) == len(cells) else words


def spellings(column: Column, sample: Sample) -> Iterator[dict]:
    if column.kind != "category":
        return
    spelled: dict[str, Counter] = {}
    for text in filter(None, map(str.strip, sample.texts[column.name])):
        spelled.setdefault(folded(text), Counter())[text] += 1
    several = [[text for text, _ in texts.most_common()] for texts in spelled.values() if len(texts) > 1]
    if not several:
        return
    merged = bool(column.format.get("spellings"))
    example = " and ".join(map(shown, several[0][:SPELLINGS_SHOWN]))
    count = sum(map(len, spelled.values()))
    yield finding(
        "spellings",
        [column.name],
        f"{shown(column.name)} has {count:,} spellings of {plural(len(spelled), 'value')}, as in {example}.",
        "Read as one value each." if merged else "Each spelling is a value of its own.",
        column_choices(
            column.name,
            ("Keep apart", {"merge_spellings": False}),
            ("Merge", {"merge_spellings": True}),
            current=int(merged),
        ),
        severity=WARNING,
    )
