"""Training runs under /api/v1/: start, wait, cancel."""

import threading
import time

import pytest

from billing.verify import verify_ledger
from mlmodels.models import TrainingRun
from mlmodels.tests.factories import make_dataset
from mlmodels.tests.quick import train_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice, api_as):
    return api_as(alice)


@pytest.fixture
def dataset(alice):
    return make_dataset(alice)


def start(client, dataset, **options):
    headers = {"HTTP_IDEMPOTENCY_KEY": options.pop("key")} if "key" in options else {}
    return client.post("/api/v1/runs", {"dataset": str(dataset.uuid), **options}, **headers)


def tokens_of(user):
    user.refresh_from_db()
    assert verify_ledger() == []
    return user.token_balance


def test_a_run_is_accepted_charged_and_says_where_to_look(client, alice, dataset):
    answer = start(client, dataset, algorithm="linear", name="houses")

    assert answer.status_code == 202
    assert answer["Location"] == answer.json()["url"]
    assert answer.json()["status"] == "queued"
    assert TrainingRun.objects.get().model_name == f"{alice.pk}_houses"
    assert tokens_of(alice) == 14


def test_all_options_reach_the_plan(client, dataset):
    start(
        client,
        dataset,
        algorithm="ridge",
        target="size",
        features=["rooms", "price"],
        parameters={"alpha": 2},
        evaluation={"kind": "k_fold", "folds": 4},
        learning_curve=True,
    )

    plan = TrainingRun.objects.get().plan
    assert (plan["algorithm"], plan["target"], plan["parameters"]["alpha"]) == ("ridge", "size", 2)
    assert [feature["name"] for feature in plan["features"]] == ["rooms", "price"]
    assert (plan["evaluation"]["kind"], plan["evaluation"]["folds"], plan["learning_curve"]) == (
        "k_fold",
        4,
        True,
    )


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"algorithm": "magic"}, "algorithm"),
        ({"target": "garden"}, "target"),
        ({"features": ["garden"]}, "features"),
        ({"algorithm": "ridge", "parameters": {"alpha": -1}}, "alpha"),
        ({"evaluation": {"kind": "luck"}}, "evaluation"),
        ({"budget_seconds": -5}, "budget_seconds"),
        ({"name": "n" * 101}, "name"),
    ],
)
def test_a_wrong_option_is_named_and_costs_nothing(client, alice, dataset, options, field):
    answer = start(client, dataset, **options)

    assert answer.status_code == 400
    assert field in answer.json()["fields"]
    assert not TrainingRun.objects.exists()
    assert tokens_of(alice) == 15


def test_another_users_dataset_is_unknown(api_as, bob, dataset):
    assert start(api_as(bob), dataset).status_code == 404


def test_a_repeated_request_starts_one_run(client, alice, dataset):
    first, again = (start(client, dataset, algorithm="linear", key="once") for _ in range(2))

    assert first.json()["id"] == again.json()["id"]
    assert again["Idempotency-Replayed"] == "true"
    assert TrainingRun.objects.count() == 1
    assert tokens_of(alice) == 14


def test_a_run_that_ended_shows_its_model_and_figures(client, dataset):
    url = start(client, dataset, algorithm="linear").json()["url"]
    train_now(TrainingRun.objects.get())

    body = client.get(url).json()

    assert body["status"] == "succeeded"
    assert body["metrics"]["r2_score"] == pytest.approx(1, abs=0.01)
    assert client.get(f"/api/v1/models/{body['model_name']}").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_prefer_wait_answers_when_the_run_ends(client, dataset):
    url = start(client, dataset, algorithm="linear").json()["url"]
    timer = threading.Timer(0.5, TrainingRun.objects.update, kwargs={"status": "cancelled"})

    timer.start()
    started = time.monotonic()
    body = client.get(url, HTTP_PREFER="wait=20").json()
    timer.join()

    assert body["status"] == "cancelled"
    assert time.monotonic() - started < 15


def test_an_unknown_filter_is_refused(client):
    assert client.get("/api/v1/runs?state=failed").status_code == 400


def test_runs_are_filtered_by_status(client, dataset):
    start(client, dataset, algorithm="linear")

    assert client.get("/api/v1/runs?status=queued").json()["count"] == 1
    assert client.get("/api/v1/runs?status=failed").json()["count"] == 0
