"""What is said about a dataset: its file; the kinds and the use of its columns, target and test rows.

The page sends all of it at once; what differs from what is stored is a change.
"""

import json

from django import forms

from mlmodels.learning.trainers.plan import GROUP, HOLD_OUT, K_FOLD, TIME
from mlplatform.core.errors import InvalidInput

EVALUATION_COLUMNS_MAX = 3  # offered of each sort


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        error_messages={"required": "Choose a CSV file first.", "empty": "The file is empty."},
    )


def changes_in(data, dataset) -> dict:
    """What the page says otherwise, as `operations.datasets.change` takes it; {} when it says the same."""
    columns = {}
    for position, column in enumerate(dataset.columns):
        if change := column_change(data, position, column, dataset.target_name):
            columns[column["name"]] = change
    changes = {}
    target = named_column(data["target"], dataset) if "target" in data else dataset.target_name
    if target != dataset.target_name:
        changes["target"] = target
    if data.get("evaluation") != data.get("shown_evaluation"):
        changes["evaluation"] = evaluation_of(data["evaluation"], dataset)
    for number, finding in enumerate(dataset.findings):
        chosen = chosen_of(finding, data.get(f"finding-{number}", ""))
        for name, change in (chosen.pop("columns", {})).items():
            columns.setdefault(name, {}).update(change)
        changes |= chosen
    return changes | ({"columns": columns} if columns else {})


def column_change(data, position: int, column: dict, target: str | None) -> dict:
    """Its kind and use where they differ. The use of the target is kept for when another one is chosen."""
    change = {}
    if data.get(f"kind-{position}", column["kind"]) != column["kind"]:
        change["kind"] = data[f"kind-{position}"]
    is_used = str(position) in data.getlist("use")
    if "use" in data and is_used != column["use"] and column["name"] != target:
        change["use"] = is_used
    return change


def chosen_of(finding: dict, value: str) -> dict:
    """The change of the choice that was picked. The code tells whether it is still the same finding."""
    code, _, number = value.rpartition(":")
    if code != finding["code"] or not number.isdecimal() or int(number) >= len(finding["choices"]):
        return {}
    choice = finding["choices"][int(number)]
    return {} if choice["is_current"] else dict(choice["change"])


def named_column(position: str, dataset) -> str:
    names = dataset.column_names
    if not position.isdecimal() or int(position) >= len(names):
        raise InvalidInput("There is no such column.", field="target")
    return names[int(position)]


def undo_of(changes: dict, dataset) -> str:
    """What takes back the changes of columns, as the button that undoes them sends it."""
    stored = {column["name"]: column for column in dataset.columns}
    before = {
        name: {part: stored[name][part] for part in ("kind", "use")}
        for name, change in changes.get("columns", {}).items()
        if name in stored and set(change) <= {"kind", "use"}
    }
    return json.dumps(before) if before else ""


def undone(text: str) -> dict:
    try:
        return {"columns": dict(json.loads(text))}
    except (ValueError, TypeError):
        raise InvalidInput("This change cannot be undone.") from None


def evaluation_choices(dataset) -> list[tuple[str, dict]]:
    """Ways to test a model on this dataset: a value for the form, and what it stands for."""
    dates = columns_of_kind(dataset, "date")
    groups = columns_of_kind(dataset, "identifier")
    return [
        *((f"{TIME}:{position}", {"kind": TIME, "by": name}) for position, name in dates),
        *((f"{GROUP}:{position}", {"kind": GROUP, "by": name}) for position, name in groups),
        (HOLD_OUT, {"kind": HOLD_OUT}),
        (K_FOLD, {"kind": K_FOLD}),
    ]


def evaluation_of(value, dataset) -> dict:
    chosen = dict(evaluation_choices(dataset)).get(value)
    if chosen is None:
        raise InvalidInput("Choose which rows to test on.", field="evaluation")
    return chosen


def columns_of_kind(dataset, kind) -> list[tuple[int, str]]:
    """Of identifiers those that repeat: where all rows differ there are no groups."""
    return [
        (position, column["name"])
        for position, column in enumerate(dataset.columns)
        if column["kind"] == kind
        and column["name"] != dataset.target_name
        and (kind == "date" or column["profile"]["distinct"] < column["profile"]["rows"])
    ][:EVALUATION_COLUMNS_MAX]
