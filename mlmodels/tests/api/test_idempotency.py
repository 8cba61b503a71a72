"""One logical request is charged once, however often it is sent, and each time gets the same answer."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from mlmodels.models import Batch, Dataset, Prediction, TrainingRun
from mlmodels.operations import jobs
from mlmodels.operations.sharing import share_model
from mlmodels.operations.trained_models import delete_model
from mlmodels.tests.factories import classic_order, houses_csv
from mlmodels.tests.quick import predict_now

ROW = {"features": {"size": 70, "rooms": 2, "place": "city"}}
SEARCH = {"algorithm": "knn", "params": {"n_neighbors": [3]}}
KEY = {"Idempotency-Key": "order 66"}


def balance_of(user):
    user.refresh_from_db()
    entries = user.ledger_entries.values_list("amount", flat=True)
    assert sum(entries) == user.token_balance
    return user.token_balance


def send_create(client, headers=KEY, **changes):
    return client.post("/api/create", classic_order(**changes), format="multipart", headers=headers)


@pytest.mark.django_db
def test_a_prediction_sent_again_is_replayed(alice, api_as, make_model):
    client, path = api_as(alice), f"/api/predict/{make_model(alice).name}"

    first = client.post(path, ROW, headers=KEY)
    again = client.post(path, ROW, headers=KEY)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert balance_of(alice) == 10
    assert Prediction.objects.count() == 1


@pytest.mark.django_db
def test_the_order_of_the_features_makes_no_other_request(alice, api_as, make_model):
    client, path = api_as(alice), f"/api/predict/{make_model(alice).name}"
    reordered = {"features": dict(reversed(ROW["features"].items()))}

    client.post(path, ROW, headers=KEY)

    assert client.post(path, reordered, headers=KEY)["Idempotency-Replayed"] == "true"


@pytest.mark.django_db
def test_another_body_under_the_same_key_is_refused(alice, api_as, make_model):
    client, path = api_as(alice), f"/api/predict/{make_model(alice).name}"
    client.post(path, ROW, headers=KEY)

    answer = client.post(path, {"features": {**ROW["features"], "size": 71}}, headers=KEY)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert balance_of(alice) == 10


@pytest.mark.django_db
def test_the_same_key_of_somebody_else_is_another_key(alice, bob, api_as, make_model):
    models = {user: make_model(user) for user in (alice, bob)}

    for user, model in models.items():
        answer = api_as(user).post(f"/api/predict/{model.name}", ROW, headers=KEY)
        assert "Idempotency-Replayed" not in answer
        assert balance_of(user) == 10


@pytest.mark.django_db
def test_a_refusal_leaves_the_key_free(alice, api_as, make_model):
    client, path = api_as(alice), f"/api/predict/{make_model(alice).name}"
    refused = client.post(path, {"features": {"size": 70}}, headers=KEY)

    answer = client.post(path, ROW, headers=KEY)

    assert (refused.status_code, answer.status_code) == (400, 200)
    assert "Idempotency-Replayed" not in answer


@pytest.mark.django_db
def test_the_last_model_replays_its_answer_even_when_there_is_a_newer_one(alice, api_as, trains_at_once):
    client = api_as(alice)
    client.post("/api/train", SEARCH)
    first = client.post("/api/predict", {"input": [5.1, 3.5, 1.4, 0.2]}, headers=KEY)
    client.post("/api/train", {"algorithm": "decision_tree", "params": {"max_depth": [1]}})

    again = client.post("/api/predict", {"input": [5.1, 3.5, 1.4, 0.2]}, headers=KEY)

    assert again.json() == first.json()
    assert balance_of(alice) == 15 - 1 - 5 - 1


@pytest.mark.django_db
def test_a_training_sent_again_is_answered_from_the_first(alice, api_as, trains_at_once):
    client = api_as(alice)

    first = send_create(client)
    again = send_create(client)

    assert first.status_code == 200
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert balance_of(alice) == 14
    assert TrainingRun.objects.count() == Dataset.objects.count() == 1


@pytest.mark.django_db
def test_the_answer_to_a_training_outlives_its_model(alice, api_as, trains_at_once):
    client = api_as(alice)
    first = send_create(client)
    delete_model(model=alice.trained_models.get())

    assert send_create(client).json() == first.json()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["predict/{}", "v1/models/{}/predict", "v1/models/{}/explain"])
def test_the_answer_to_a_prediction_outlives_its_model(alice, api_as, make_model, path):
    model, client = make_model(alice), api_as(alice)
    path = f"/api/{path.format(model.name)}"
    first = client.post(path, ROW, headers=KEY)
    delete_model(model=model)

    again, another = (
        client.post(path, ROW, headers=KEY),
        client.post(path, ROW, headers={"Idempotency-Key": "2"}),
    )

    assert (again.status_code, again.json()) == (200, first.json())
    assert (another.status_code, balance_of(alice)) == (404, 10)


@pytest.mark.django_db
def test_the_answer_of_a_shared_model_outlives_the_share(alice, bob, api_as, make_model):
    model, client = make_model(alice), api_as(bob)
    share_model(model=model, email=bob.email, site_url="https://example.com/")
    first = client.post(f"/api/predict/{model.name}", ROW, headers=KEY)
    model.shares.all().delete()

    again = client.post(f"/api/predict/{model.name}", ROW, headers=KEY)

    assert (again.status_code, again.json(), balance_of(bob)) == (200, first.json(), 10)


@pytest.mark.django_db
def test_the_answer_of_the_last_model_outlives_it(alice, api_as, trains_at_once):
    client = api_as(alice)
    name = client.post("/api/train", SEARCH).json()["model_name"]
    first = client.post("/api/predict", {"input": [5.1, 3.5, 1.4, 0.2]}, headers=KEY)
    delete_model(model=alice.trained_models.get(name=name))

    again = client.post("/api/predict", {"input": [5.1, 3.5, 1.4, 0.2]}, headers=KEY)

    assert (again.status_code, again.json(), balance_of(alice)) == (200, first.json(), 9)


@pytest.mark.django_db
def test_the_answer_to_a_file_or_a_training_with_a_model_outlives_it(alice, api_as, make_model):
    model, client = make_model(alice), api_as(alice)
    path = f"/api/v1/models/{model.name}"
    send = {
        "batches": lambda: client.post(
            f"{path}/batches",
            {"file": SimpleUploadedFile("a.csv", houses_csv())},
            format="multipart",
            headers=KEY,
        ),
        "retrain": lambda: client.post(f"{path}/retrain", headers=KEY),
    }
    first = {name: post().json()["id"] for name, post in send.items()}
    predict_now(Batch.objects.get())
    delete_model(model=model)

    again = {name: post() for name, post in send.items()}

    assert {name: answer.json()["id"] for name, answer in again.items()} == first
    assert balance_of(alice) == 9


@pytest.mark.django_db
def test_another_file_under_the_same_key_is_refused(alice, api_as, trains_at_once):
    client = api_as(alice)
    send_create(client)

    answer = send_create(client, table=b"size,rooms,place,price\n" + b"1,2,Bonn,3\n4,5,Kiel,6\n" * 20)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Dataset.objects.count() == 1


@pytest.mark.django_db
def test_a_training_that_goes_on_is_answered_with_the_same_address(alice, api_as):
    client, headers = api_as(alice), {**KEY, "Prefer": "respond-async"}

    first = send_create(client, headers)
    again = send_create(client, headers)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert balance_of(alice) == 14


@pytest.mark.django_db
def test_a_failed_training_sent_again_tells_why_once_more(alice, api_as, monkeypatch):
    def fail(*, job, seconds):
        if job.is_open:
            claimed = jobs.claim(job=job, worker="test")
            jobs.fail(job=claimed, error="All rows are alike.", code="data_refused")
        job.refresh_from_db()
        return job

    monkeypatch.setattr("mlmodels.api.waiting.wait_for_end", fail)
    client = api_as(alice)

    answers = [send_create(client), send_create(client)]

    for answer in answers:
        assert answer.status_code == 422
        assert answer.json() == {
            "detail": "The training run failed and was refunded: All rows are alike.",
            "code": "data_refused",
            "fields": {},
        }
    assert balance_of(alice) == 15
    assert TrainingRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_equal_predictions_at_once_are_one_charge_and_twenty_equal_answers(
    alice, api_as, make_model, at_once
):
    path = f"/api/predict/{make_model(alice).name}"

    answers = at_once(lambda: api_as(alice).post(path, ROW, headers=KEY), times=20)

    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({json.dumps(answer.json(), sort_keys=True) for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == 19
    assert balance_of(alice) == 10
    assert Prediction.objects.count() == 1


def send_search(client, headers):
    return client.post("/api/train", SEARCH, headers=headers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("send", [send_create, send_search])
def test_twenty_equal_orders_at_once_are_one_run_one_charge_and_one_file(
    alice, api_as, at_once, files_folder, send
):
    """A search is on a sample, which the first one adds as a dataset."""
    headers = {**KEY, "Prefer": "respond-async"}

    answers = at_once(lambda: send(api_as(alice), headers), times=20)

    assert [answer.status_code for answer in answers] == [202] * 20
    assert len({answer.json()["run"] for answer in answers}) == 1
    assert balance_of(alice) == 14
    assert TrainingRun.objects.count() == Dataset.objects.count() == 1
    assert len(list(files_folder.glob("datasets/*"))) == 1


@pytest.mark.django_db(transaction=True)
def test_fifty_predictions_at_once_with_tokens_for_three_are_three(alice, api_as, make_model, at_once):
    path = f"/api/predict/{make_model(alice).name}"

    answers = at_once(lambda: api_as(alice).post(path, ROW), times=50)

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [402] * 47
    assert balance_of(alice) == 0
    assert Prediction.objects.count() == 3


@pytest.mark.django_db
def test_a_retry_with_a_renewed_token_is_the_same_request(alice, make_model):
    path, client = f"/api/predict/{make_model(alice).name}", APIClient()
    log_in = {"email": alice.email, "pwd": "correct horse battery"}

    answers = []
    for _ in range(2):
        token = client.post("/api/user/login", log_in).json()["access_token"]
        answers.append(client.post(path, ROW, headers={**KEY, "Authorization": f"Bearer {token}"}))

    assert answers[0].json() == answers[1].json()
    assert balance_of(alice) == 10
