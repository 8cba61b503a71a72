"""JSON Schema (2020-12) of the row that a model takes, for clients that check or generate code."""

from mlmodels.models import TrainedModel
from mlmodels.snippets import example_row
from mlplatform.core.formats import iso_date

TYPES = {
    "number": ["number", "string"],
    "date": ["string", "number"],
    "boolean": ["boolean", "number", "string"],
    "text": ["string", "number", "boolean"],
}


def row_schema(model: TrainedModel) -> dict:
    """Every column is required; a blank is null, or the empty text."""
    seen = {feature["name"]: feature for feature in model.report["features"]}
    properties = {
        column["name"]: property_of(column, seen.get(column["name"], {})) for column in model.features
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A row for {model}",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "examples": [example_row(model)],
    }


def property_of(column: dict, seen: dict) -> dict:
    """Ranges and categories of training are no limits: the model predicts outside them as well."""
    kind = column["format"]["type"]
    described = {"type": [*TYPES[kind], "null"], "description": description(column, seen)}
    if seen.get("categories"):
        described["examples"] = [category for category, _ in seen["categories"]]
    elif kind == "date" and seen.get("typical") is not None:
        described["examples"] = [iso_date(seen["typical"])]
    elif seen.get("typical") is not None:
        described["examples"] = [bool(seen["typical"]) if kind == "boolean" else seen["typical"]]
    return described


def description(column: dict, seen: dict) -> str:
    if column["format"]["type"] == "date":
        return "A date: ISO text such as 2026-07-20, or seconds since 1970."
    if seen.get("minimum") is not None and column["format"]["type"] == "number":
        return f"A number; {seen['minimum']:g} to {seen['maximum']:g} in training."
    return {"boolean": "Yes or no.", "number": "A number."}.get(column["format"]["type"], "A text.")
