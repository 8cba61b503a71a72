"""One decision per column, from its evidence, with the reason in a sentence."""

from dataclasses import replace

from mlmodels.learning.tables.columns import TEXT_FORMAT, USED_KINDS, Column, blank_words_sentence
from mlmodels.learning.tables.dates import day_orders
from mlmodels.learning.tables.errors import shown
from mlmodels.learning.tables.evidence import ColumnEvidence, Misfits
from mlmodels.learning.tables.formats import possible_formats
from mlmodels.learning.tables.names import names_an_entity, names_an_identifier
from mlmodels.learning.tables.numbers import FileHints, marks_in_doubt
from mlplatform.core.text import plural

_FEW_ROWS = 20  # in fewer rows, texts that are all different prove nothing
_LONG_TEXT_CHARACTERS = 60
_MANY_WORDS = 4
_WORDS_OF_A_TITLE = 2  # names, titles, addresses: words that rows share
_MOSTLY_DIFFERENT = 0.5
_REPEATED_IDENTIFIERS_MIN = 20  # fewer, or with more rows for each, are rather categories such as stores
_ROWS_PER_IDENTIFIER_MAX = 100
_MISFITS_NAMED_MAX = 5  # different texts that keep a column from being numbers or dates
_NEARLY_ALL = 0.8  # of the different texts


def decide(evidence: ColumnEvidence, hints: FileHints) -> Column:
    """The column without its profile."""
    formats = possible_formats(evidence, hints)
    column = _decide(evidence, formats)
    if evidence.rows > 1 and not evidence.blanks and len(evidence.counts) == 1:
        column = _column(
            evidence, "constant", column.format, f"Every cell is {shown(next(iter(evidence.counts)))}."
        )
    return replace(
        column, alternatives={kind: f for kind, f in formats.items() if kind != column.format["type"]}
    )


def _column(
    evidence: ColumnEvidence, kind: str, column_format: dict, reason: str, nearly: str = ""
) -> Column:
    use = kind in USED_KINDS and not (kind == "text" and nearly)  # numbers are no words to learn from
    return Column(evidence.name, kind, column_format, use, reason, nearly=nearly)


def _decide(evidence: ColumnEvidence, formats: dict[str, dict]) -> Column:
    if not evidence.present:
        return _column(evidence, "empty", TEXT_FORMAT, "Every cell is blank.")
    if "boolean" in formats:
        words = formats["boolean"]
        return _column(
            evidence, "boolean", words, f"Only {shown(words['true'])} and {shown(words['false'])} occur."
        )
    words = evidence.blank_words(evidence.not_numbers)
    if words is not None and "number" in formats and not _are_codes(evidence):
        return _with_blank_words(_decide_number(evidence, formats), words)
    words = evidence.blank_words(evidence.not_dates)
    if words is not None and "date" in formats and not evidence.number_shapes:
        column = _column(evidence, "date", formats["date"], _date_reason(evidence, formats["date"]))
        return _with_blank_words(column, words)
    return _decide_text(evidence, formats)


def _with_blank_words(column: Column, words: dict[str, int]) -> Column:
    if not words:
        return column
    reason = f"{blank_words_sentence(words)} {column.reason.replace('Every', 'Every other', 1)}"
    return replace(column, format={**column.format, "blank_words": words}, reason=reason)


def _are_codes(evidence: ColumnEvidence) -> bool:
    return any(shape.is_code for shape in evidence.number_shapes)


def _decide_number(evidence: ColumnEvidence, formats: dict[str, dict]) -> Column:
    if "date" in formats:  # whole numbers that are dates, by their size or by the column's name
        style = "dates as YYYYMMDD" if formats["date"]["style"] == "compact" else "Unix timestamps"
        return _column(evidence, "date", formats["date"], f"The whole numbers are {style}.")
    whole = all(not shape.decimal and not shape.mark_in_doubt for shape in evidence.number_shapes)
    if whole and names_an_identifier(evidence.name) and not evidence.has_repeats:
        return _column(
            evidence, "identifier", formats["number"], "The name suggests it and every value is unique."
        )
    if whole and _identifies_groups(evidence):
        return _column(evidence, "identifier", formats["number"], _group_reason(evidence))
    return _column(evidence, "number", formats["number"], _number_reason(evidence, formats["number"]))


def _number_reason(evidence: ColumnEvidence, number: dict) -> str:
    doubtful = _guessed_mark(evidence, number)
    missing = ", ".join(shown(word) for word in sorted(evidence.missing_words)[:3])
    details = [
        number["decimal"] == "," and "decimal comma",
        number["thousands"] and f"thousands marked by {_MARK_NAMES[number['thousands']]}",
        doubtful and "which is a guess",
        number["currency"] and f"amounts in {number['currency']}",
        number["percent"] and "percent",
        missing and f"{missing} read as missing",
    ]
    said = "; ".join(detail for detail in details if detail)
    return f"Every cell is a number ({said})." if said else "Every cell is a number."


def _identifies_groups(evidence: ColumnEvidence) -> bool:
    """Whether the values name patients, customers and the like, each with a few rows."""
    return (
        names_an_entity(evidence.name)
        and evidence.has_repeats
        and len(evidence.counts) >= _REPEATED_IDENTIFIERS_MIN
        and evidence.present <= _ROWS_PER_IDENTIFIER_MAX * len(evidence.counts)
    )


def _group_reason(evidence: ColumnEvidence) -> str:
    at_least = "at least " if evidence.is_capped else ""
    return f"The name suggests it: {at_least}{len(evidence.counts):,} different values, some in several rows."


_MARK_NAMES = {",": "commas", ".": "dots", "'": "apostrophes", " ": "spaces"}


def _guessed_mark(evidence: ColumnEvidence, number: dict) -> str:
    """The mark that was taken for thousands although no cell proves it."""
    is_proven = any(shape.thousands or shape.decimal for shape in evidence.number_shapes)
    guessed = [] if is_proven else marks_in_doubt(evidence.number_shapes)
    return next((mark for mark in guessed if mark == number["thousands"]), "")


def _date_reason(evidence: ColumnEvidence, date: dict) -> str:
    if date["style"] != "numeric":
        return "Every cell is a date."
    order = "day first" if date["day_first"] else "month first"
    if len(day_orders(evidence.date_shapes)) > 1:
        return f"Every cell is a date; no day is above 12, so {order} is a guess."
    return f"Every cell is a date, {order}."


def _decide_text(evidence: ColumnEvidence, formats: dict[str, dict]) -> Column:
    kind, reason = _kind_of_text(evidence)
    nearly, obstacle = _why_not_numbers(evidence)
    return _column(evidence, kind, TEXT_FORMAT, reason + obstacle, nearly)


def _kind_of_text(evidence: ColumnEvidence) -> tuple[str, str]:
    different = len(evidence.counts)
    mean_characters = sum(map(len, evidence.counts)) / different
    mean_words = sum(text.count(" ") + 1 for text in evidence.counts) / different
    is_id_like = names_an_identifier(evidence.name)
    at_least = "At least " if evidence.is_capped else ""
    mostly_different = different > _MOSTLY_DIFFERENT * evidence.counts.total()
    if not evidence.has_repeats and (is_id_like or evidence.present >= _FEW_ROWS):
        if mean_words > _MANY_WORDS or (mean_words >= _WORDS_OF_A_TITLE and not is_id_like):
            return "text", "A different text in every row."
        return "identifier", "Every value is unique."
    if mostly_different and is_id_like:
        return "identifier", "The name suggests it and most values are unique."
    if _identifies_groups(evidence):
        return "identifier", _group_reason(evidence)
    if mostly_different and (mean_characters > _LONG_TEXT_CHARACTERS or mean_words > _MANY_WORDS):
        return "text", "Sentences, most of them unique."
    if mostly_different and evidence.present >= _FEW_ROWS:
        return "text", f"{at_least}{different:,} different values, too many for categories."
    return "category", f"{at_least}{plural(different, 'different value')}."


def _why_not_numbers(evidence: ColumnEvidence) -> tuple[str, str]:
    """The kind of nearly all texts (or "") and a sentence on what does not fit."""
    if evidence.number_shapes and not evidence.not_numbers.texts:
        if _are_codes(evidence):
            return "", " Leading zeros or long digits would be lost in a number."
        return "number", " The numbers use formats that contradict each other."
    kind, misfits = _closest_kind(evidence)
    if not kind or not _can_be_named(misfits):
        return "", ""
    fitting = 1 - misfits.texts / len(evidence.counts)
    obstacle = f" Not {kind}s, because of {shown(misfits.first_text)} in row {misfits.first_row:,}."
    return kind if fitting >= _NEARLY_ALL else "", obstacle


def _closest_kind(evidence: ColumnEvidence) -> tuple[str, Misfits]:
    if evidence.number_shapes and (not evidence.date_shapes or _can_be_named(evidence.not_numbers)):
        return "number", evidence.not_numbers
    return "date" if evidence.date_shapes else "", evidence.not_dates


def _can_be_named(misfits: Misfits) -> bool:
    return 1 <= misfits.texts <= _MISFITS_NAMED_MAX
