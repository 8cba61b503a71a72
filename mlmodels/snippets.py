"""Code that predicts with a model over the API, with its URL, its columns and a typical row."""

import json
import shlex

from mlmodels.models import TrainedModel
from mlplatform.core.formats import iso_date

CURL = r"""curl {url} \
  -H "Authorization: Bearer $KEY" \
  -H 'Content-Type: application/json' \
  -d {body}"""
PYTHON = """import os
import requests

answer = requests.post(
    {url!r},
    headers={{'Authorization': f"Bearer {{os.environ['KEY']}}"}},
    json={{'features': {{
{features}
    }}}},
)
answer.raise_for_status()
print(answer.json()['prediction'])"""


def snippets_for(model: TrainedModel, site: str) -> dict[str, str]:
    """curl and Python for one prediction; `site` such as https://example.com."""
    url = f"{site}/api/predict/{model.name}"
    body = {"features": example_row(model)}
    return {"curl": curl(url, body), "python": python(url, body)}


def example_row(model: TrainedModel) -> dict:
    """The typical row as a JSON client would send it: numbers, true and false, texts; dates as ISO text."""
    kinds = {column["name"]: column["format"]["type"] for column in model.features}
    return {
        name: iso_date(value) if kinds[name] == "date" and value is not None else value
        for name, value in typical_row(model).items()
    }


def typical_row(model: TrainedModel) -> dict:
    """The same with dates in seconds since 1970, as the pipeline takes them."""
    kinds = {column["name"]: column["format"]["type"] for column in model.features}
    return {
        feature["name"]: json_value(feature["typical"], kinds[feature["name"]])
        for feature in model.report["features"]
    }


def json_value(value, kind: str):
    if kind == "boolean" and value is not None:
        return bool(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def curl(url: str, body: dict) -> str:
    return CURL.format(url=shlex.quote(url), body=shlex.quote(json.dumps(body, ensure_ascii=False)))


def python(url: str, body: dict) -> str:
    features = "\n".join(f"        {name!r}: {value!r}," for name, value in body["features"].items())
    return PYTHON.format(url=url, features=features)
