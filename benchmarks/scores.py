"""Scores of the learning benchmark: R², ROC AUC (two classes), log loss (more); and their Markdown table."""

import json
import resource
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, r2_score, roc_auc_score

RESAMPLES = 200
PROBABILITY_MIN = 1e-6  # a class that a system rules out and that occurs costs 14, not infinity
CLEARLY_BEHIND = 0.02
METRICS = {"regression": "R²", "binary": "ROC AUC", "multiclass": "log loss"}


@dataclass(frozen=True)
class Table:
    """One table of `public_tables.py` as it lies in its folder."""

    folder: Path
    target: str
    task: str
    date: str | None
    what: str
    rows: int
    columns: int
    order: int

    @classmethod
    def read(cls, folder: Path) -> "Table":
        return cls(folder, **json.loads((folder / "table.json").read_text()))

    @property
    def name(self) -> str:
        return self.folder.name

    def actual(self) -> np.ndarray:
        types = {} if self.task == "regression" else {self.target: str}
        return pd.read_csv(self.folder / "test.csv", dtype=types)[self.target].to_numpy()


@dataclass(frozen=True)
class Answers:
    """One row per row of the test: "prediction" in regression, else a probability per class."""

    predictions: pd.DataFrame
    seconds: float
    processor_seconds: float

    @classmethod
    def read(cls, file: Path) -> "Answers":
        return cls(pd.read_csv(file), **json.loads(file.with_suffix(".json").read_text()))

    def keep(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.predictions.to_csv(file, index=False)
        seconds = {"seconds": self.seconds, "processor_seconds": self.processor_seconds}
        file.with_suffix(".json").write_text(json.dumps(seconds))


def processor_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def score(table: Table, answers: Answers, actual: np.ndarray, rows=slice(None)) -> float:
    """Of these rows, all by default; higher is better, so log loss is negative."""
    if table.task == "regression":
        return r2_score(actual[rows], answers.predictions["prediction"].to_numpy()[rows])
    classes = np.unique(actual)
    if table.task == "binary":
        return roc_auc_score(actual[rows] == classes[1], answers.predictions[classes[1]].to_numpy()[rows])
    given = answers.predictions.reindex(columns=classes, fill_value=0.0).to_numpy()
    given = np.clip(given, PROBABILITY_MIN, None)
    given = given / given.sum(axis=1, keepdims=True)
    return -log_loss(actual[rows], given[rows], labels=classes)


def standard_error(table: Table, answers: Answers, actual: np.ndarray) -> float:
    """By drawing the test rows again and again."""
    draw = np.random.default_rng(0)
    drawn = (draw.integers(0, len(actual), len(actual)) for _ in range(RESAMPLES))
    return float(np.std([score(table, answers, actual, rows) for rows in drawn]))


def one_line(table: Table, system: str, answers: dict[str, Answers]) -> str:
    if system not in answers:
        return f"  {system}: failed"
    given = answers[system]
    reached = shown(table, score(table, given, table.actual()))
    return (
        f"  {system}: {METRICS[table.task]} {reached} after {given.seconds:.0f} s, "
        f"{given.processor_seconds:.0f} of them on the processor"
    )


def markdown(answered: list[tuple[Table, dict[str, Answers]]], systems: list[str]) -> str:
    """A line per table and three of counts. The best is bold; the standard error is that of the best."""
    lines = [
        "| table | rows | columns | metric | " + " | ".join(systems) + " | std. error |",
        "| --- | ---: | ---: | --- |" + " ---: |" * (len(systems) + 1),
    ]
    compared = [(table, Comparison.of(table, answers)) for table, answers in answered if answers]
    for table, comparison in compared:
        cells = [comparison.cell(table, system) for system in systems]
        facts = f"| {table.name} | {table.rows:,} | {table.columns} | {METRICS[table.task]} | "
        lines.append(facts + " | ".join([*cells, f"{comparison.error:.3f}"]) + " |")
    for words, count in (
        ("tables answered", Comparison.is_answered),
        ("best, or within a standard error of it", Comparison.is_near),
        ("more than 2 % behind the best", Comparison.is_behind),
    ):
        counts = [str(sum(count(comparison, system) for _, comparison in compared)) for system in systems]
        lines.append(f"| {words} | | | | " + " | ".join(counts) + " | |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Comparison:
    """The scores of one table by system, the best of them, and its standard error."""

    scores: dict[str, float]
    best: str
    error: float

    @classmethod
    def of(cls, table: Table, answers: dict[str, Answers]) -> "Comparison":
        actual = table.actual()
        scores = {system: score(table, given, actual) for system, given in answers.items()}
        best = max(scores, key=scores.get)
        return cls(scores, best, standard_error(table, answers[best], actual))

    def cell(self, table: Table, system: str) -> str:
        text = shown(table, self.scores[system]) if system in self.scores else "–"
        return f"**{text}**" if system == self.best else text

    def is_answered(self, system: str) -> bool:
        return system in self.scores

    def is_near(self, system: str) -> bool:
        return self.is_answered(system) and self.gap(system) <= self.error

    def is_behind(self, system: str) -> bool:
        return self.is_answered(system) and self.gap(system) > CLEARLY_BEHIND * abs(self.scores[self.best])

    def gap(self, system: str) -> float:
        return self.scores[self.best] - self.scores[system]


def shown(table: Table, reached: float) -> str:
    """Log loss without the sign that makes higher better."""
    return f"{-reached if table.task == 'multiclass' else reached:.3f}"
