"""Schemathesis sends what the schema allows and what it forbids: nothing may end in a 500 or undescribed.

A long run: API_EXAMPLES=300 pytest --engine postgresql mlplatform/tests/test_schemathesis.py
"""

import os
from io import BytesIO

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from requests.adapters import HTTPAdapter
from schemathesis import checks
from urllib3 import HTTPResponse

from accounts.api.tokens import RefreshToken
from accounts.operations.keys import create_key
from mlmodels.operations.predictions import predict
from mlplatform.tests.described import DescribedClient, openapi

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql_only]  # it refuses texts that SQLite stores

EXAMPLES = int(os.environ.get("API_EXAMPLES", 3))
ROW = {"size": 70, "rooms": 2, "place": "city"}
EXPECTED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
schema = schemathesis.openapi.from_dict(openapi())


class InThisProcess(HTTPAdapter):
    """Requests without a server, in the transaction of the test."""

    def send(self, request, **options):
        headers = {name: as_text(value) for name, value in request.headers.items()}
        answer = DescribedClient().generic(
            request.method,
            request.url.removeprefix("http://testserver"),
            request.body or b"",
            content_type=headers.pop("Content-Type", ""),
            headers=headers,
        )
        sent = {name: str(value) for name, value in answer.items()}
        raw = HTTPResponse(BytesIO(answer.getvalue()), sent, answer.status_code, preload_content=False)
        return self.build_response(request, raw)


def as_text(value) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


@pytest.fixture
def alice(make_user):
    """She may do anything, and pay for it."""
    return make_user("alice@example.com", tokens=1_000_000, is_staff=True, is_superuser=True)


@pytest.fixture
def session(alice):
    session = requests.Session()
    session.mount("http://testserver", InThisProcess())
    session.headers["Authorization"] = f"Bearer {RefreshToken.for_user(alice).access_token}"
    return session


@pytest.fixture
def things(alice, bob, make_model):
    """What the parameters of URLs may name, by the beginning of the URL."""
    model = make_model(alice)
    key, _ = create_key(owner=alice, name="report", scope="all")
    prediction = predict(owner=alice, model=model, features=ROW)
    of_model = {"name": model.name, "model_name": model.name}
    return {
        "/api/v1/datasets": {"uuid": model.dataset.uuid},
        "/api/v1/runs": {"uuid": model.run.uuid},
        "/api/v1/predictions": {"uuid": prediction.uuid},
        "/api/v1/keys": {"id": key.pk},
        "/api/admin/users": {"user_id": bob.pk},
        "/api": of_model,
    }


@pytest.fixture
def nothing_waits(monkeypatch):
    """Answers 202 at once instead of waiting for a worker that is not there."""
    monkeypatch.setattr("mlmodels.api.waiting.wait_for_end", lambda *, job, seconds: job)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < 10,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_is_answered_as_described(case, session, things, nothing_waits):
    of_hers = next(values for path, values in things.items() if case.path.startswith(path))
    for name in case.path_parameters or {}:
        if name in of_hers and not str(case.path_parameters[name]).endswith(("0", "1", "a")):
            case.path_parameters[name] = str(of_hers[name])

    answer = case.call_and_validate(base_url="http://testserver", session=session, checks=EXPECTED)

    assert answer.status_code < 500
