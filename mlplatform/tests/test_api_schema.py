"""The OpenAPI schema describes what is answered. Every test of the API checks that: see described.py."""

import os
import subprocess
import sys

import pytest
from django.http import JsonResponse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from mlmodels.tests.factories import make_dataset
from mlplatform.core.api import StrictBody
from mlplatform.core.api_schema import OneAtATimeGenerator
from mlplatform.settings import BASE_DIR
from mlplatform.tests import described

BALANCE = ("/api/user/tokens", "GET")
RICH = "\n".join(
    ["day,size,place,is_new,kept,price"]
    + [
        f"2024-0{1 + n % 9}-1{n % 10},{40 + n * 7 % 60},{('city', 'village', 'coast')[n % 3]},"
        f"{('yes', 'no')[n % 2]},{('yes', 'no', 'perhaps')[n % 3 if n % 7 else 0]},"
        f"{1000 * (n * 7 % 60) + n % 13}"
        for n in range(90)
    ]
).encode()


def test_the_schema_is_made_without_a_warning():
    GENERATOR_STATS.reset()

    SchemaGenerator().get_schema(request=None, public=True)

    assert not GENERATOR_STATS


def test_no_part_is_described_by_what_its_base_class_is_for():
    schemas = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]

    described_by_base = [
        name for name, schema in schemas.items() if schema.get("description") == StrictBody.__doc__
    ]

    assert not described_by_base


ASKED_AT_ONCE = """
import os
import threading

os.environ["DJANGO_SETTINGS_MODULE"] = "mlplatform.settings"
import django

django.setup()
from django.test import Client

statuses, together = [], threading.Barrier(4)


def ask():
    together.wait()
    statuses.append(Client(raise_request_exception=False).get("/api/schema").status_code)


threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(statuses)
"""


def test_the_first_requests_for_the_schema_may_come_at_once(tmp_path):
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DEBUG": "on", "ALLOWED_HOSTS": "*"}

    asked = subprocess.run(
        [sys.executable, "-c", ASKED_AT_ONCE], cwd=BASE_DIR, env=environment, capture_output=True, text=True
    )

    assert asked.stdout.splitlines()[-1] == "[200, 200, 200, 200]", asked.stderr


@pytest.mark.parametrize("media_type", ["application/vnd.oai.openapi", "application/json"])
def test_the_schema_is_made_once_in_a_process(client, monkeypatch, media_type):
    first = client.get("/api/schema", headers={"Accept": media_type})
    monkeypatch.setattr(OneAtATimeGenerator, "get_schema", None)

    again = client.get("/api/schema", headers={"Accept": media_type})

    assert again.headers["Content-Type"].partition(";")[0] == media_type
    assert again.headers["Content-Disposition"] == first.headers["Content-Disposition"]
    assert again.content == first.content


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "a@example.com", "tokens": 15}, 418),
        ({"username": "a@example.com"}, 200),
        ({"username": "a@example.com", "tokens": "15"}, 200),
        ({"username": "a@example.com", "tokens": 15, "more": 1}, 200),
        ({"detail": "Wait."}, 401),
    ],
)
def test_an_answer_that_is_not_as_described_is_noticed(body, status):
    with pytest.raises(AssertionError):
        described.check(JsonResponse(body, status=status), *BALANCE)


def test_an_answer_as_described_is_fine():
    described.check(JsonResponse({"username": "a@example.com", "tokens": 15}), *BALANCE)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("order", "parts"),
    [
        ({"target": "price", "learning_curve": True}, {"residuals", "learning_curve"}),
        ({"target": "price", "algorithm": "auto", "budget_seconds": 2}, {"candidates"}),
        ({"target": "is_new", "algorithm": "logistic"}, {"thresholds", "confusion_matrix", "roc"}),
        ({"target": "kept", "algorithm": "knn", "grid": {"n_neighbors": [3, 5]}}, {"calibration"}),
        ({"target": "price", "evaluation": {"kind": "k_fold", "folds": 3}}, {"evaluation"}),
        ({"target": "price", "evaluation": {"kind": "time", "by": "day"}}, {"reliability"}),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_every_part_of_a_dataset_a_run_and_a_report_is_described(alice, api_as, make_model, order, parts):
    client = api_as(alice)
    dataset = make_dataset(alice, RICH)
    model = make_model(alice, dataset, **order)

    report = client.get(f"/api/v1/models/{model.name}").json()["report"]

    assert {part for part in parts if report[part]} == parts
    assert client.get(f"/api/v1/datasets/{dataset.uuid}").json()["columns"]
    assert client.get(f"/api/v1/runs/{model.run.uuid}").json()["status"] == "succeeded"
