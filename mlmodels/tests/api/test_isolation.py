"""Another's object is as unknown as one that never was, on every route, and nothing happens to it."""

import pytest

from mlmodels.models import Prediction, TrainedModel, TrainingRun
from mlmodels.tests.factories import classic_order, make_dataset, start_run

pytestmark = pytest.mark.django_db

ROW = {"features": {"size": 70, "rooms": 2, "place": "city"}}


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


@pytest.fixture
def run(alice, model):
    return start_run(alice, model.dataset)


def ask(client, route, model, run):
    method, path, body = route
    return getattr(client, method)(path.format(model=model.name, run=run.uuid), body)


ROUTES = [
    ("get", "/api/trained/{model}", None),
    ("post", "/api/predict/{model}", ROW),
    ("delete", "/api/delete/{model}", None),
    ("get", "/api/v1/runs/{run}", None),
    ("post", "/api/v1/runs/{run}/cancel", None),
    ("get", "/api/v1/models/{model}", None),
    ("patch", "/api/v1/models/{model}", {"label": "renamed"}),
    ("post", "/api/v1/models/{model}/predict", ROW),
    ("post", "/api/v1/models/{model}/explain", ROW),
    ("get", "/api/v1/models/{model}/schema", None),
    ("get", "/api/v1/models/{model}/card", None),
    ("get", "/api/v1/models/{model}/download", None),
    ("get", "/api/v1/models/{model}/aliases", None),
    ("put", "/api/v1/models/{model}/aliases/production", None),
]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route[1])
def test_bob_gets_the_404_of_a_thing_that_never_was(route, api_as, bob, model, run):
    unknown = TrainedModel(name=model.name[:-1] + "x"), TrainingRun()

    for_alices = ask(api_as(bob), route, model, run)
    for_nothing = ask(api_as(bob), route, *unknown)

    assert (for_alices.status_code, for_nothing.status_code) == (404, 404)
    words = [
        answer.json()["detail"].replace(unknown[0].name, model.name) for answer in (for_alices, for_nothing)
    ]
    assert words[0] == words[1]
    run.refresh_from_db()
    assert run.status == "queued" and run.cancel_requested_at is None
    assert TrainedModel.objects.filter(pk=model.pk).exists()
    assert not Prediction.objects.exists()
    bob.refresh_from_db()
    assert bob.token_balance == 15


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route[1])
def test_alice_gets_her_own(route, api_as, alice, model, run):
    assert ask(api_as(alice), route, model, run).status_code == 200


def test_lists_show_the_own_things_only(api_as, bob, run):
    client = api_as(bob)

    assert client.get("/api/trained").json() == []
    assert client.get("/api/v1/runs").json()["results"] == []
    assert client.get("/api/status").json()["is_trained"] is False


def test_a_search_on_anothers_data_set_is_a_search_on_an_unknown_one(api_as, alice, bob):
    dataset = make_dataset(alice, name="secret houses")

    for name in ("secret houses", str(dataset.uuid)):
        answer = api_as(bob).post("/api/train", {"algorithm": "knn", "dataset": name, "target": "price"})
        assert answer.status_code == 400
        assert answer.json()["detail"] == f'You have no dataset called "{name}".'


def test_the_last_search_is_per_person(api_as, alice, bob, trains_at_once):
    search = {"algorithm": "knn", "params": {"n_neighbors": [3]}}
    api_as(alice).post("/api/train", search)

    answer = api_as(bob).post("/api/predict", {"input": [5.1, 3.5, 1.4, 0.2]})

    assert (answer.status_code, answer.json()["code"]) == (400, "not_trained")


def test_a_search_from_a_page_is_not_the_last_one_of_the_classic_calls(api_as, alice, make_model):
    make_model(alice, algorithm="knn", grid={"n_neighbors": [3, 5]})

    client = api_as(alice)

    assert client.get("/api/status").json()["is_trained"] is False
    assert client.post("/api/predict", {"input": [1, 2, 3]}).json()["code"] == "not_trained"


def test_the_same_file_of_another_person_is_not_shared(api_as, alice, bob, trains_at_once):
    for user in (alice, bob):
        answer = api_as(user).post("/api/create", classic_order(), format="multipart")
        assert answer.status_code == 200

    assert alice.datasets.count() == bob.datasets.count() == 1


def test_a_run_tells_how_it_goes_and_can_be_stopped(api_as, alice, run):
    client, url = api_as(alice), f"/api/v1/runs/{run.uuid}"

    assert client.get(url).json() == {
        "id": str(run.uuid),
        "url": f"http://testserver{url}",
        "status": "queued",
        "progress": 0.0,
        "progress_note": "",
        "error": "",
        "error_code": "",
        "model_name": run.model_name,
        "model_url": None,
        "metrics": None,
        "algorithm": "linear",
        "task": "regression",
        "target": "price",
        "cost_tokens": 1,
        "created_at": run.created_at.isoformat().replace("+00:00", "Z"),
        "started_at": None,
        "finished_at": None,
        "features": ["size", "rooms", "place"],
        "dataset": str(run.dataset.uuid),
        "dataset_url": f"http://testserver/api/v1/datasets/{run.dataset.uuid}",
        "repeats": None,
        "repeats_url": None,
        "notes": [],
        "candidates": [],
    }
    assert client.post(f"{url}/cancel").json()["status"] == "cancelled"
    assert client.post(f"{url}/cancel").status_code == 409
    alice.refresh_from_db()
    assert alice.token_balance == 15


def test_a_run_that_succeeded_tells_the_metrics(api_as, alice, model):
    answer = api_as(alice).get(f"/api/v1/runs/{model.run.uuid}").json()

    assert (answer["status"], answer["progress"], answer["metrics"]) == ("succeeded", 1.0, model.metrics)


def test_the_list_of_runs_takes_two_queries_however_long_it_is(
    api_as, alice, model, run, django_assert_num_queries
):
    client = api_as(alice)

    with django_assert_num_queries(2):
        assert client.get("/api/v1/runs").json()["count"] == 2
