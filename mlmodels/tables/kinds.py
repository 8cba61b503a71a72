"""One decision per column, from its evidence, with the reason in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlmodels.tables.booleans import word_pair
from mlmodels.tables.columns import TEXT_FORMAT, USED_KINDS, ZERO_ONE_FORMAT, Column
from mlmodels.tables.dates import day_comes_first, shapes_agree
from mlmodels.tables.errors import shown
from mlmodels.tables.evidence import ColumnEvidence
from mlmodels.tables.missing import is_missing_word
from mlmodels.tables.names import names_a_claim, names_an_identifier
from mlmodels.tables.numbers import MarkHints, marks_in_doubt, number_format
from mlmodels.tables.timestamps import compact_dates, unix_dates

_FEW_ROWS = 20  # in fewer rows, texts that are all different prove nothing
_LONG_TEXT_CHARACTERS = 60
_MANY_WORDS = 4
_MOSTLY_DIFFERENT = 0.5


@dataclass(frozen=True)
class FileHints:
    """What the other columns and the separator suggest where one column alone leaves a doubt."""

    marks: MarkHints
    day_first: bool


def file_hints(evidence: Sequence[ColumnEvidence], separator: str) -> FileHints:
    """Marks and day order that are certain in some column hold for the doubtful columns of the same file."""
    number_columns = [column for column in evidence if not column.not_numbers.texts]
    decimals = {shape.decimal for column in number_columns for shape in column.number_shapes} - {""}
    marks = MarkHints(decimals.pop() if len(decimals) == 1 else "", separator)
    date_columns = [column for column in evidence if column.date_shapes and not column.not_dates.texts]
    proven = {day_comes_first(column.date_shapes) for column in date_columns} - {None}
    if len(proven) == 1:
        return FileHints(marks, day_first=proven.pop())
    return FileHints(marks, day_first=marks.proven_decimal == "," or separator == ";")


@dataclass(frozen=True)
class _Decision:
    kind: str
    format: dict
    reason: str


def decide(evidence: ColumnEvidence, hints: FileHints) -> Column:
    """The column without its profile."""
    formats = _possible_formats(evidence, hints)
    decision = _decide(evidence, formats)
    if evidence.rows > 1 and not evidence.blanks and len(evidence.counts) == 1:
        text = next(iter(evidence.counts))
        decision = _Decision("constant", decision.format, f"Every row says {shown(text)}.")
    alternatives = {kind: found for kind, found in formats.items() if kind != decision.format["type"]}
    return Column(
        name=evidence.name,
        kind=decision.kind,
        format=decision.format,
        use=decision.kind in USED_KINDS,
        reason=decision.reason,
        alternatives=alternatives,
    )


def _possible_formats(evidence: ColumnEvidence, hints: FileHints) -> dict[str, dict]:
    """A format for each kind that at least some cells have; whether all have it is decided elsewhere."""
    found = {
        "number": number_format(evidence.number_shapes, hints.marks) if evidence.number_shapes else None,
        "date": _date_format(evidence, hints),
        "boolean": _boolean_format(evidence),
    }
    return {kind: described for kind, described in found.items() if described is not None}


def _decide(evidence: ColumnEvidence, formats: dict[str, dict]) -> _Decision:
    if not evidence.present:
        return _Decision("empty", TEXT_FORMAT, "Every cell is blank.")
    if "boolean" in formats:
        words = formats["boolean"]
        return _Decision("boolean", words, f"Only {shown(words['true'])} and {shown(words['false'])} occur.")
    if not evidence.not_numbers.texts and "number" in formats and not _are_codes(evidence):
        return _decide_number(evidence, formats)
    if "date" in formats and not evidence.not_dates.texts and not evidence.number_shapes:
        return _Decision("date", formats["date"], _date_reason(evidence, formats["date"]))
    return _decide_text(evidence, formats)


def _are_codes(evidence: ColumnEvidence) -> bool:
    return any(shape.is_code for shape in evidence.number_shapes)


def _decide_number(evidence: ColumnEvidence, formats: dict[str, dict]) -> _Decision:
    if "date" in formats:  # whole numbers that are dates, by their size or by the column's name
        style = "dates as YYYYMMDD" if formats["date"]["style"] == "compact" else "Unix timestamps"
        return _Decision("date", formats["date"], f"The whole numbers are {style}.")
    whole = all(not shape.decimal and not shape.mark_in_doubt for shape in evidence.number_shapes)
    if whole and names_an_identifier(evidence.name) and not evidence.has_repeats:
        return _Decision("identifier", formats["number"], "The name says so and no value comes twice.")
    return _Decision("number", formats["number"], _number_reason(evidence, formats["number"]))


def _number_reason(evidence: ColumnEvidence, number: dict) -> str:
    reason = "Every cell is a number"
    details = []
    if number["decimal"] == ",":
        details.append("decimal comma")
    if number["thousands"]:
        details.append(
            f"thousands marked by {shown(number['thousands'])}"
            if number["thousands"] != " "
            else "spaces between thousands"
        )
    if number["currency"]:
        details.append(f"amounts in {number['currency']}")
    if number["percent"]:
        details.append("percent")
    if doubtful := _guessed_mark(evidence, number):
        details.append(f"that {shown(doubtful)} marks thousands is a guess")
    if evidence.missing_words:
        words = ", ".join(shown(word) for word in sorted(evidence.missing_words)[:3])
        details.append(f"{words} read as missing")
    return f"{reason} ({'; '.join(details)})." if details else f"{reason}."


def _guessed_mark(evidence: ColumnEvidence, number: dict) -> str:
    """The mark that was taken for thousands although no cell proves it."""
    is_proven = any(shape.thousands or shape.decimal for shape in evidence.number_shapes)
    guessed = [] if is_proven else marks_in_doubt(evidence.number_shapes)
    return next((mark for mark in guessed if mark == number["thousands"]), "")


def _boolean_format(evidence: ColumnEvidence) -> dict | None:
    if evidence.is_capped or len(evidence.counts) > 20:
        return None
    spelled: dict[str, str] = {}
    for text, _ in evidence.counts.most_common():
        if not is_missing_word(text):
            spelled.setdefault(text.casefold(), text)
    if set(spelled) == {"0", "1"} and names_a_claim(evidence.name):
        return ZERO_ONE_FORMAT
    pair = word_pair(spelled)
    return pair and {"type": "boolean", "true": spelled[pair[0]], "false": spelled[pair[1]]}


def _date_format(evidence: ColumnEvidence, hints: FileHints) -> dict | None:
    if not evidence.date_shapes:
        return compact_dates(evidence) or unix_dates(evidence)
    if not shapes_agree(evidence.date_shapes):
        return None
    day_first = day_comes_first(evidence.date_shapes)
    if day_first is None:
        day_first = _likely_day_first(evidence, hints)
    styles = {shape.style for shape in evidence.date_shapes}
    style = next(style for style in ("numeric", "named", "iso") if style in styles)
    return {"type": "date", "style": style, "day_first": day_first}


def _likely_day_first(evidence: ColumnEvidence, hints: FileHints) -> bool:
    """No day is above 12. What is 1 in every row is the day of a monthly table; else the file decides."""
    numeric = [shape for shape in evidence.date_shapes if shape.style == "numeric"]
    if not numeric:
        return True
    mark = numeric[0].mark
    parts = [text.split(mark) for text in evidence.counts if text.count(mark) >= 2]
    first = {int(part[0]) for part in parts if part[0].isdigit()}
    second = {int(part[1]) for part in parts if part[1].strip().isdigit()}
    if (first == {1}) != (second == {1}):
        return first == {1}
    return mark in ".-" or hints.day_first


def _date_reason(evidence: ColumnEvidence, date: dict) -> str:
    if date["style"] != "numeric":
        return "Every cell is a date."
    order = "day first" if date["day_first"] else "month first"
    if day_comes_first(evidence.date_shapes) is None:
        return f"Every cell is a date; no day is above 12, so {order} is a guess."
    return f"Every cell is a date, {order}."


def _decide_text(evidence: ColumnEvidence, formats: dict[str, dict]) -> _Decision:
    kind, reason = _kind_of_text(evidence)
    return _Decision(kind, TEXT_FORMAT, reason + _why_not_numbers(evidence, formats))


def _kind_of_text(evidence: ColumnEvidence) -> tuple[str, str]:
    different = len(evidence.counts)
    mean_characters = evidence.characters_seen / evidence.texts_seen
    mean_words = 1 + evidence.spaces_seen / evidence.texts_seen
    is_id_like = names_an_identifier(evidence.name)
    mostly_different = evidence.is_capped or different > _MOSTLY_DIFFERENT * evidence.present
    if not evidence.has_repeats and (is_id_like or evidence.present >= _FEW_ROWS):
        if mean_words > _MANY_WORDS:
            return "text", "Sentences that are different in every row."
        return "identifier", "No value comes twice."
    if mostly_different and is_id_like:
        return "identifier", "The name says so and most values come once."
    if mostly_different and (mean_characters > _LONG_TEXT_CHARACTERS or mean_words > _MANY_WORDS):
        return "text", "Sentences, most of them different."
    if mostly_different and evidence.present >= _FEW_ROWS:
        return (
            "text",
            f"{different:,}{'+' if evidence.is_capped else ''} different values, too many for categories.",
        )
    return "category", f"{different:,} different {'values' if different != 1 else 'value'}."


def _why_not_numbers(evidence: ColumnEvidence, formats: dict[str, dict]) -> str:
    """What stood in the way of a column that is a number or a date elsewhere."""
    if evidence.number_shapes and not evidence.not_numbers.texts:
        if _are_codes(evidence):
            return " Leading zeros or long digits would be lost in a number."
        return " The numbers are written in ways that contradict each other."
    misfits = evidence.not_dates if evidence.date_shapes else evidence.not_numbers
    seen = "dates" if evidence.date_shapes else "numbers"
    if not (evidence.date_shapes or evidence.number_shapes) or misfits.texts > 5 or not misfits.texts:
        return ""
    return f" Not {seen}, because of {shown(misfits.first_text)} in row {misfits.first_row:,}."
