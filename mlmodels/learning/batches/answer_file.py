"""Writes the answer to a file: its rows as they came, columns appended, in its own dialect and encoding."""

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from mlmodels.learning.batches.inspection import Reading
from mlmodels.learning.batches.raw_rows import RawRows, open_raw_rows
from mlmodels.learning.batches.table_model import Answers, TableModel
from mlmodels.learning.batches.typed_rows import TypedChunk
from mlmodels.learning.executors import IN_LINE, Executor, Task, ahead_max, wait_for
from mlmodels.learning.serving import NoFinitePrediction
from mlmodels.learning.tables.dialect import Dialect
from mlmodels.learning.tables.limits import SHOWN_CHARACTERS_MAX
from mlplatform.core.csv_export import harmless

if TYPE_CHECKING:
    import numpy

CHUNKS_AT_ONCE = 8  # are predicted together: among more rows, more are alike
PIECES_AT_ONCE = 8_000  # are written while they are in the cache
PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 3


@dataclass
class Outcome:
    """`preview` are the first rows: their first cells, and what was said of them."""

    rows: int = 0
    unreadable_rows: int = 0
    rows_with_warnings: int = 0
    preview: list[dict] = field(default_factory=list)

    def to_dict(self) -> dict:
        return asdict(self)


def answer_file(
    model: TableModel,
    reading: Reading,
    source: BinaryIO,
    target: BinaryIO,
    *,
    level: float | None = None,
    threshold: float | None = None,
    on_rows: Callable[[int], None] = lambda rows: None,
    executor: Executor = IN_LINE,
) -> Outcome:
    """`on_rows` is called after each chunk with the rows done so far."""
    executor.share(model)
    dialect, outcome = Dialect(**reading.dialect), Outcome()
    with open_raw_rows(source, dialect) as rows:
        reader, writer = reading.reader(rows), AnswerWriter(target, rows, reading, model)
        writer.write_header()
        chunks = map(reader.read, rows.chunks())
        for chunk, answers in answered(chunks, model, level, threshold, executor):
            for at in answers.unusable - chunk.raw.blanks:
                chunk.faults.setdefault(at, NoFinitePrediction.message)
            writer.write(chunk, answers)
            count(outcome, chunk, answers)
            on_rows(outcome.rows)
    return outcome


def answered(
    chunks: Iterable[TypedChunk],
    model: TableModel,
    level: float | None,
    threshold: float | None,
    executor: Executor,
) -> Iterator[tuple[TypedChunk, Answers]]:
    """In the order of the file. Where chunks are predicted elsewhere, a few are on their way at a time."""
    begun, ahead, chunks = deque(), ahead_max(executor), iter(chunks)
    while some := list(islice(chunks, 1 if ahead else CHUNKS_AT_ONCE)):
        parts = [chunk.values for chunk in some]
        begun.append((some, executor.submit(answers_of, model, parts, level, threshold)))
        del some, parts  # before the next ones are read
        if len(begun) > ahead:
            yield from in_order(*begun.popleft())
    for done, task in begun:
        yield from in_order(done, task)


def in_order(chunks: list[TypedChunk], task: Task) -> Iterator[tuple[TypedChunk, Answers]]:
    return zip(chunks, wait_for(task), strict=True)


def answers_of(
    model: TableModel, parts: Sequence[Mapping], level: float | None, threshold: float | None
) -> list[Answers]:
    """A task."""
    return model.answers(parts, level=level, threshold=threshold)


def count(outcome: Outcome, chunk: TypedChunk, answers: Answers) -> None:
    raw = chunk.raw
    outcome.rows += len(raw) - len(raw.blanks)
    outcome.unreadable_rows += len(chunk.faults)
    outcome.rows_with_warnings += len(answers.warnings.keys() - chunk.faults.keys() - raw.blanks)
    rows = (at for at in range(len(raw)) if at not in raw.blanks)
    for at in rows:
        if len(outcome.preview) == PREVIEW_ROWS:
            return
        outcome.preview.append(shown_row(chunk, answers, at))


def shown_row(chunk: TypedChunk, answers: Answers, at: int) -> dict[str, Any]:
    cells = [column[at][:SHOWN_CHARACTERS_MAX] for column in chunk.raw.columns[:PREVIEW_COLUMNS]]
    if at in chunk.faults:
        return {"cells": cells, "reason": chunk.faults[at]}
    row = {"cells": cells, "prediction": answers.predictions[at], "warnings": answers.warnings.get(at, [])}
    if answers.low is not None:
        row["interval"] = {"low": float(answers.low[at]), "high": float(answers.high[at])}
    if answers.probabilities is not None:
        row["probability"] = float(answers.probabilities[at].max())
    else:
        row["prediction"] = float(row["prediction"])
    return row


class AnswerWriter:
    """Appends columns to rows, under names that the file does not have."""

    def __init__(self, target: BinaryIO, rows: RawRows, reading: Reading, model: TableModel):
        self._target = target
        self._rows = rows
        self._separator = reading.dialect["separator"]
        self._decimal = reading.decimal
        self._line_end = rows.line_end or "\n"
        self._encoder = codecs.getincrementalencoder(reading.dialect["encoding"])(errors="replace")
        self._has_interval = model.classes is None and model.reliability is not None
        self._classes = [str(label) for label in model.classes or ()]
        self._has_sets = bool(self._classes) and model.reliability is not None

    @property
    def appended_names(self) -> list[str]:
        names = [
            "prediction",
            *(("low", "high") if self._has_interval else ()),
            *(f"probability of {label}" for label in self._classes),
            *(("prediction_set",) if self._has_sets else ()),
            "warnings",
            "reason",
        ]
        taken = set(self._rows.names)
        return [free_name(name, taken) for name in names]

    def write_header(self) -> None:
        rows = self._rows
        is_harmless = all(harmless(cell) == cell for cell in rows.header)
        line = rows.line if is_harmless else self._line(map(harmless, rows.header))
        line = self._separator.join([line, *map(self._cell, self.appended_names)])
        self._emit("".join([*rows.preamble, line, self._line_end]))

    def write(self, chunk: TypedChunk, answers: Answers) -> None:
        raw = chunk.raw
        columns = [self._harmless_lines(chunk), *self._appended(chunk, answers)]
        width = len(columns)
        pieces = [""] * (width * len(raw))
        for at, column in enumerate(columns):
            pieces[at::width] = column
        for at in raw.blanks:
            if not raw.lines[at].strip():
                pieces[at * width : (at + 1) * width] = [raw.lines[at], self._line_end, *[""] * (width - 2)]
        for first in range(0, len(pieces), PIECES_AT_ONCE):
            self._emit("".join(pieces[first : first + PIECES_AT_ONCE]))

    def _appended(self, chunk: TypedChunk, answers: Answers) -> list[list[str]]:
        """Of each row some cells at a time, with separators in front; the last ones end the row.

        Those of rows that are not predicted are blank but for the reason."""
        not_predicted = chunk.faults.keys() | chunk.raw.blanks

        def blanked(cells: list[str], columns: int = 1) -> list[str]:
            for at in not_predicted:
                cells[at] = self._separator * columns
            return cells

        if answers.classes is None:
            ends = [answers.low, answers.high] if self._has_interval else []
            parts = [blanked(self._numbers([answers.predictions, *ends]), 1 + len(ends))]
        else:
            probabilities = self._numbers(answers.probabilities.T)
            parts = [
                blanked(self._texts(answers.predictions.tolist())),
                blanked(probabilities, len(answers.classes)),
            ]
        if self._has_sets:
            parts.append(blanked(self._texts(answers.sets, " | ".join)))
        return [*parts, self._warnings_and_reasons(chunk, answers.warnings)]

    def _warnings_and_reasons(self, chunk: TypedChunk, warnings: Mapping[int, list[dict]]) -> list[str]:
        """Hardly any row has one."""
        ends = [f"{self._separator}{self._separator}{self._line_end}"] * len(chunk.raw)
        for at in warnings.keys() - chunk.faults.keys() - chunk.raw.blanks:
            words = self._cell(in_words(warnings[at]))
            ends[at] = f"{self._separator}{words}{self._separator}{self._line_end}"
        for at, reason in chunk.faults.items():
            ends[at] = f"{self._separator}{self._separator}{self._cell(reason)}{self._line_end}"
        return ends

    def _numbers(self, columns: "Sequence[numpy.ndarray]") -> list[str]:
        """Of each row the cells in these columns, each with a separator in front."""
        import numpy
        import orjson

        rows = numpy.stack(columns, axis=1)
        data = orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2]  # without the outer brackets
        if self._separator == self._decimal:
            data = b'"%s"' % data.replace(b"],[", b'"],["').replace(b",", b'","').replace(b']","[', b"],[")
        separator, decimal = self._separator.encode(), self._decimal.encode()
        marks = bytes.maketrans(b"[,.", separator + separator + decimal)
        return (b"[" + data).translate(marks).decode().split(f"]{self._separator}")

    def _texts(self, values: list, text_of: Callable = str) -> list[str]:
        """Of few different values."""
        written = {value: f"{self._separator}{self._cell(text_of(value))}" for value in set(values)}
        return [written[value] for value in values]

    def _harmless_lines(self, chunk: TypedChunk) -> list[str]:
        """The rows as they came; those with another number of cells than the header, or with a formula, are
        written anew."""
        raw = chunk.raw
        rewritten = raw.refitted | self._rows_with_formulas(chunk)
        if not rewritten:
            return raw.lines
        lines = list(raw.lines)
        for at in rewritten:
            lines[at] = self._line(harmless(column[at]) for column in raw.columns)
        return lines

    def _rows_with_formulas(self, chunk: TypedChunk) -> set[int]:
        raw = chunk.raw
        positions = set(range(len(raw.columns))) - chunk.plain
        return {row for position in positions for row in raw.formulas(position)}

    def _cell(self, text: str) -> str:
        text = harmless(text)
        if any(mark in text for mark in (self._separator, '"', "\n", "\r")):
            return '"{}"'.format(text.replace('"', '""'))
        return text

    def _line(self, cells: Iterable[str]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._separator, lineterminator="\r\n").writerow(list(cells))
        return text.getvalue().removesuffix("\r\n")

    def _emit(self, text: str) -> None:
        self._target.write(self._encoder.encode(text))


def in_words(warnings: Sequence[dict]) -> str:
    return " ".join(f"{warning['column']}: {warning['message']}" for warning in warnings)


def free_name(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken. It is taken then."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free
