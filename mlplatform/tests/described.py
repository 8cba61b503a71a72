"""A client of the API that holds every answer against the OpenAPI schema: its status, its shape, its headers.

Shapes are closed: a key that the schema does not name is an error, as a missing one is.
"""

import json
import re
from functools import cache
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from mlplatform.core.api_schema import OneAtATimeGenerator

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
UNDESCRIBED = ("/api/schema", "/api/docs", "/api/redoc", "/api/v1/")  # they are or contain the description


@cache
def openapi() -> dict:
    return OneAtATimeGenerator().get_schema(request=None, public=True)


@cache
def components() -> dict:
    return closed(openapi()["components"])


def closed(schema):
    """The same with no room for keys that are not named."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        shut["additionalProperties"] = False
    return shut


def operation_at(path: str, method: str) -> dict | None:
    """What the schema says of a request; None for a URL or method that does not exist."""
    try:
        route = resolve(path).route
    except Resolver404:
        return None
    return openapi()["paths"].get("/" + PARAMETER.sub(r"{\1}", route), {}).get(method.lower())


@cache
def validator_of(path: str, method: str, status: str):
    content = operation_at(path, method)["responses"][status].get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return schema and Draft202012Validator({**closed(schema), "components": components()})


def check(response, path: str, method: str) -> None:
    operation = operation_at(path, method)
    if operation is None or path in UNDESCRIBED or method == "OPTIONS":
        return
    call, responses = f"{method} {path}", operation["responses"]
    status = str(response.status_code)
    if status not in responses:
        assert response.status_code in (405, 406), f"{call}: the schema does not name the status {status}"
        status = "default"
    for header in responses[status].get("headers", {}):
        assert header in response.headers or header in OPTIONAL_HEADERS, f"{call} {status}: no {header}"
    if response.headers.get("Content-Type", "").startswith("application/json"):
        validator = validator_of(path, method, status)
        assert validator, f"{call}: the schema has no JSON for the status {status}"
        wrong = [
            f"{error.json_path}: {error.message[:300]}"
            for error in validator.iter_errors(json.loads(response.content))
        ]
        assert not wrong, f"{call} {status}: {wrong[:5]}"


OPTIONAL_HEADERS = {  # depend on the request, and on whether requests are counted
    "Idempotency-Replayed", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
}  # fmt: skip


class DescribedClient(APIClient):
    def request(self, **request):
        response = super().request(**request)
        path = urlsplit(request["PATH_INFO"]).path
        if path.startswith("/api/") and not getattr(response, "streaming", False):
            check(response, path, request["REQUEST_METHOD"])
        return response
