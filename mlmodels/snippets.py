"""Code that predicts with a model from elsewhere: its real address, its real columns, a typical row."""

import json
import shlex

from mlmodels.models import TrainedModel


def snippets_for(model: TrainedModel, site: str) -> dict[str, str]:
    """curl and Python for one prediction; `site` such as https://example.com."""
    address = f"{site}/api/predict/{model.name}"
    body = {"features": example_row(model)}
    return {"curl": curl(address, body), "python": python(address, body)}


def example_row(model: TrainedModel) -> dict:
    """The typical row as a JSON client would send it: numbers, true and false, texts; dates as timestamps."""
    kinds = {column["name"]: column["format"]["type"] for column in model.features}
    return {
        feature["name"]: json_value(feature["typical"], kinds[feature["name"]])
        for feature in model.report["features"]
    }


def json_value(value, kind: str):
    if kind == "boolean" and value is not None:
        return bool(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def curl(address: str, body: dict) -> str:
    data = shlex.quote(json.dumps(body, ensure_ascii=False))
    return (
        f"curl {shlex.quote(address)} \\\n"
        '  -H "Authorization: Bearer $TOKEN" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {data}"
    )


def python(address: str, body: dict) -> str:
    features = ",\n".join(f"        {name!r}: {value!r}" for name, value in body["features"].items())
    return (
        "import os\n"
        "import requests\n\n"
        "answer = requests.post(\n"
        f"    {address!r},\n"
        "    headers={'Authorization': f\"Bearer {os.environ['TOKEN']}\"},\n"
        "    json={'features': {\n"
        f"{features},\n"
        "    }},\n"
        ")\n"
        "answer.raise_for_status()\n"
        "print(answer.json()['prediction'])"
    )
