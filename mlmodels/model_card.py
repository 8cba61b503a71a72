"""The model card: what a model predicts, how good it is, and where not to trust it.

One list of sections, which the page, the HTML file and the Markdown file all show.
"""

import re
from dataclasses import dataclass, field

from mlmodels.learning.trainers import REGRESSION
from mlmodels.models import TrainedModel
from mlmodels.templatetags.columns import column_value, kind_in_words
from mlmodels.templatetags.metrics import algorithm_name, metric_name, metric_value, ordered
from mlmodels.templatetags.quality import error_in_words, group_in_words
from mlplatform.core.text import plural

CATEGORIES_NAMED = 5
COLUMNS_RANKED = 10
MARKDOWN_MARKS = re.compile(r"([\\`*_\[\]<>|#])")


@dataclass(frozen=True)
class Section:
    """A heading with sentences below it, and a table where `header` is given."""

    title: str
    sentences: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def sections(model: TrainedModel) -> list[Section]:
    """All that apply: a model from before a figure was measured has no section for it."""
    report = model.report
    made = [
        summary(model),
        data(model),
        columns(model),
        quality(model),
        reliability(report),
        limits(model),
        drivers(report),
        making(model),
    ]
    return [section for section in made if section.sentences or section.rows]


def as_markdown(model: TrainedModel) -> str:
    parts = [f"# {escaped(str(model))}"]
    for section in sections(model):
        parts.append(f"## {section.title}")
        parts += map(escaped, section.sentences)
        if section.rows:
            parts.append(markdown_table([section.header, ["---"] * len(section.header), *section.rows]))
    return "\n\n".join(parts) + "\n"


def summary(model: TrainedModel) -> Section:
    what = "a number" if model.task == REGRESSION else "a class"
    origin = f" of {model.dataset.name}" if model.dataset else ""
    verdict = model.report.get("verdict", {}).get("sentence", "")
    first = f"Predicts {model.target['name']} ({what}) from {plural(len(model.features), 'column')}{origin}."
    return Section("Summary", [first, *([verdict] if verdict else [])])


def data(model: TrainedModel) -> Section:
    report = model.report
    split = report.get("evaluation", {})
    how = {
        "time": f"the test rows are the latest by {split.get('by')}",
        "group": f"no {split.get('by')} is on both sides",
        "k_fold": f"each row was tested once, in {split.get('folds')} folds",
    }.get(split.get("kind"), "drawn at random")
    sizes = (
        f"{plural(report['training_rows'], 'training row')}, {plural(report['hold_out_rows'], 'test row')}"
    )
    said = [f"{sizes}: {how}, with seed {report['seed']}."]
    if split.get("kept_together"):
        said.append(f"Kept on one side of the split: {split['kept_together']}.")
    if split.get("refitted_rows"):
        said.append(
            f"After the test, the model was fitted again on all {plural(split['refitted_rows'], 'row')}. The "
            "figures are from the test."
        )
    if model.dataset:
        said.append(f"SHA-256 of the file: {model.dataset.sha256}.")
    return Section("Data", said)


def columns(model: TrainedModel) -> Section:
    seen = {feature["name"]: feature for feature in model.report["features"]}
    rows = [
        [
            column["name"],
            kind_in_words(column["kind"]),
            values_in_words(seen[column["name"]], column),
            f"{seen[column['name']]['missing']:,}",
        ]
        for column in model.features
        if column["name"] in seen
    ]
    return Section("Columns", [], ["Column", "Type", "Training data", "Blank"], rows)


def values_in_words(feature: dict, column: dict) -> str:
    if "categories" in feature:
        named = [category for category, _ in feature["categories"][:CATEGORIES_NAMED]]
        more = ", …" if feature["distinct"] > len(named) else ""
        return f"{plural(feature['distinct'], 'value')}: {', '.join(named)}{more}" if named else "none"
    if feature.get("minimum") is None:
        return "none"
    low, high = (column_value(feature[end], column) for end in ("minimum", "maximum"))
    return f"{low}, {high}" if column["kind"] == "boolean" else f"{low} to {high}"


def quality(model: TrainedModel) -> Section:
    intervals = model.report.get("metric_intervals", {})
    rows = [
        [
            metric_name(name),
            str(metric_value(value, name)),
            " to ".join(str(metric_value(end, name)) for end in intervals.get(name) or []),
            str(metric_value(model.baseline.get(name), name)),
        ]
        for name, value in ordered(model.metrics)
    ]
    header = ["Metric", "Model", "95% interval", "Guessing"]
    return Section("Quality on the test rows", [], header, rows)


def reliability(report: dict) -> Section:
    said, given, calibration = [], report.get("reliability"), report.get("calibration")
    if given and given.get("coverage") is not None:
        what = "The interval" if given["kind"] == "interval" else "The set of likely classes"
        said.append(
            f"{what} is meant to hold the actual value for {given['level']:.0%} of the rows; on the test "
            f"rows it held {given['coverage']:.0%}."
        )
    if calibration and calibration.get("error") is not None:
        said.append(
            f"Probabilities are off by {calibration['error']:.3f} on average (expected calibration error)."
        )
    return Section("Reliability", said)


def limits(model: TrainedModel) -> Section:
    said = [
        "The model also predicts outside the training data listed above; do not rely on that.",
        *model.notes,
    ]
    weak = model.report.get("weak_groups", [])
    known = {column["name"]: column for column in model.features}
    rows = [
        [
            group["column"],
            group_in_words(group, known.get(group["column"])),
            f"{group['rows']:,}",
            error_in_words(group, group["error"]),
            error_in_words(group, group["error_of_all"]),
        ]
        for group in weak
    ]
    return Section(
        "Limits", said, ["Column", "Group", "Test rows", "Error", "Error of all rows"] if rows else [], rows
    )


def drivers(report: dict) -> Section:
    ranked = report["importance"]["columns"][:COLUMNS_RANKED]
    rows = [[column["name"], f"{column['mean']:.4f}", f"{column['std']:.4f}"] for column in ranked]
    said = ["How much the score falls when one column is shuffled, and how far that varies."] if rows else []
    return Section("What drives it", said, ["Column", "Loss of score", "Standard deviation"], rows)


def making(model: TrainedModel) -> Section:
    report = model.report
    versions = ", ".join(f"{name} {version}" for name, version in model.library_versions.items())
    said = [
        f"{algorithm_name(model.algorithm)}, trained on {model.created_at:%Y-%m-%d}; fitting took "
        f"{report['fit_seconds']:.1f} seconds.",
        f"Libraries: {versions}.",
        f"SHA-256 of the model file: {model.sha256}.",
    ]
    rows = [[name, str(value)] for name, value in model.parameters.items()]
    return Section("How it was made", said, ["Parameter", "Value"], rows)


def markdown_table(rows: list[list[str]]) -> str:
    return "\n".join(
        f"| {' | '.join(cell if cell == '---' else escaped(cell) for cell in row)} |" for row in rows
    )


def escaped(text: str) -> str:
    """Names and categories are data: they make no links, headings or cells of their own."""
    return MARKDOWN_MARKS.sub(r"\\\1", " ".join(str(text).split()))
