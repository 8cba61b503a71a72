"""The examples in the OpenAPI schema: each body is sent as it stands, each answer is held against the schema.

A call that takes a body and shows none fails.
"""

import json
import time

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core.files.uploadedfile import SimpleUploadedFile
from jsonschema import Draft202012Validator

from accounts.api.tokens import RefreshToken
from mlmodels.api.examples import EXAMPLE_DATASET, EXAMPLE_PREDICTION, HOUSES
from mlmodels.models import Dataset, Prediction
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import make_dataset
from mlplatform.core import outbound
from mlplatform.core.api_schema import FORM, JSON
from mlplatform.core.webhook_signatures import sign
from mlplatform.tests.described import DescribedClient, closed, components, openapi

pytestmark = pytest.mark.django_db

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def operations():
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def examples_of(content: dict) -> dict:
    return {name: example["value"] for name, example in content.get("examples", {}).items()}


def bodies() -> list:
    """Every body of a request that the schema shows; None where there should be one."""
    return [
        pytest.param(path, method, operation, media_type, body, id=f"{operation['operationId']}: {name}")
        for path, method, operation in operations()
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
        for name, body in (examples_of(content) or {"none": None}).items()
    ]


def answers() -> list:
    return [
        pytest.param(content["schema"], body, id=f"{operation['operationId']} {status}: {name}")
        for _, _, operation in operations()
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
        for name, body in examples_of(content).items()
    ]


def complaints(schema: dict, body) -> list[str]:
    validator = Draft202012Validator({**closed(schema), "components": components()})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]


@pytest.fixture
def ada(make_user):
    """With the password of the examples, and tokens for all of them."""
    ada = make_user("ada@example.com", tokens=1000)
    ada.set_password("a-long-pass-phrase")
    ada.save()
    return ada


@pytest.fixture
def model(ada, make_model):
    Dataset.objects.filter(pk=make_dataset(ada, HOUSES.encode()).pk).update(uuid=EXAMPLE_DATASET)
    model = make_model(ada, Dataset.objects.get(uuid=EXAMPLE_DATASET), model_name="prices")
    prediction = predict(owner=ada, model=model, features={"area": 95, "district": "Hill"})
    Prediction.objects.filter(pk=prediction.pk).update(uuid=EXAMPLE_PREDICTION)
    return model


@pytest.fixture
def issued(ada):
    """By operation, what only the installation itself can sign, in place of an example that ends in "…"."""
    refresh = str(RefreshToken.for_user(ada))
    return {
        "refresh_tokens": {"refresh": refresh},
        "verify_token": {"token": refresh},
        "revoke_tokens": {"refresh": refresh},
        "classic_reset_password": {"token": default_token_generator.make_token(ada)},
    }


@pytest.fixture
def receiver(monkeypatch, settings):
    """The names of the examples lead to the public internet, and there is a shop."""
    monkeypatch.setattr(outbound, "resolve", lambda host, port: ["8.8.8.8"])
    settings.TOKENS_WEBHOOK_SECRET = SECRET


def as_form(schema: dict, body: dict) -> dict:
    """Files are uploaded, and objects are sent as JSON, as OpenAPI says of forms."""
    described = components()["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    files = {name for name, field in described.items() if field.get("format") == "binary"}
    return {
        name: SimpleUploadedFile("new.csv", value.encode(), "text/csv")
        if name in files
        else json.dumps(value)
        if isinstance(value, dict)
        else value
        for name, value in body.items()
    }


def signed(body: dict) -> dict:
    at, content = int(time.time()), json.dumps(body).encode()
    signature = sign(secret=SECRET, event_id="order-1042", timestamp=at, body=content)
    headers = {"webhook-id": "order-1042", "webhook-timestamp": str(at), "webhook-signature": signature}
    return {"data": content, "content_type": JSON, "headers": headers}


@pytest.mark.parametrize(("path", "method", "operation", "media_type", "body"), bodies())
def test_the_example_of_a_body_is_accepted(
    path, method, operation, media_type, body, ada, admin_user, model, issued, receiver, trains_at_once
):
    called = operation["operationId"]
    assert body is not None, f"{called} takes a body and shows no example of it"
    schema = operation["requestBody"]["content"][media_type]["schema"]
    assert not complaints(schema, body)
    body = body | {name: value for name, value in issued.get(called, {}).items() if name in body}
    caller = admin_user if "administration" in operation["tags"] else ada
    client = DescribedClient(HTTP_AUTHORIZATION=f"Bearer {RefreshToken.for_user(caller).access_token}")
    if called == "classic_predict_last":
        client.post("/api/train", {"algorithm": "decision_tree", "params": {"max_depth": [2]}}, format="json")
    of_path = path.split("/")[3] if path.startswith("/api/v1/") else ""
    uuid = EXAMPLE_PREDICTION if of_path == "predictions" else EXAMPLE_DATASET
    url = path.format(name=model.name, model_name=model.name, user_id=ada.pk, uuid=uuid)

    if called == "shop_grant":
        sent = signed(body)
    elif media_type == FORM:
        sent = {"data": as_form(schema, body), "format": "multipart"}
    else:
        sent = {"data": body, "format": "json"}
    answer = getattr(client, method)(url, **sent)

    successes = {status for status in operation["responses"] if status.startswith("2")}
    assert str(answer.status_code) in successes, answer.content


@pytest.mark.parametrize(("schema", "body"), answers())
def test_the_example_of_an_answer_is_as_described(schema, body):
    assert not complaints(schema, body)
