"""Whole files over the API: price, start, status, result, cancel, delete."""

import pytest

from billing.verify import verify_ledger
from mlmodels.models import Batch
from mlmodels.tests.new_rows import NEW, send_by_api
from mlmodels.tests.quick import predict_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def test_a_dry_run_tells_the_price_and_leaves_nothing(alice, model, api_as, files_folder):
    answer = send_by_api(api_as(alice), model, dry_run="true")

    assert answer.status_code == 200
    assert answer.json() == {
        "name": "new.csv",
        "rows": 3,
        "unreadable_rows": 1,
        "cost_tokens": 5,
        "header_names": {"size": "Size"},
        "faults": [{"row": 3, "reason": '"size": "ca. 90" is not a number.'}],
    }
    assert balance_of(alice) == 15
    assert not Batch.objects.exists() and not (files_folder / "batches").exists()


def test_a_file_is_accepted_predicted_and_fetched(alice, model, api_as):
    client = api_as(alice)

    accepted = send_by_api(client, model)
    assert accepted.status_code == 202
    assert accepted["Location"] == accepted.json()["url"]
    path = f"/api/v1/batches/{accepted.json()['id']}"
    assert client.get(path).json()["status"] == "queued"
    assert client.get(f"{path}/result").status_code == 409

    predict_now(Batch.objects.get())
    shown = client.get(path).json()
    assert (shown["status"], shown["rows"], shown["unreadable_rows"]) == ("succeeded", 3, 1)
    result = client.get(shown["result"], headers={"Accept": "text/csv"})
    assert result["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(result).startswith(b"Size;rooms;place;agent;prediction;")
    assert client.delete(path).status_code == 204
    assert client.get(path).json()["result"] is None
    assert balance_of(alice) == 10
    assert verify_ledger() == []


def test_the_rows_that_cannot_be_read_are_fetched_with_their_reasons(alice, model, api_as):
    client = api_as(alice)

    batch = send_by_api(client, model).json()
    unread = client.get(batch["unreadable"], headers={"Accept": "text/csv"})

    assert unread["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(unread).decode().splitlines() == [
        "Size;rooms;place;agent;row;reason",
        'ca. 90;2;city;Bob;3;"""size"": ""ca. 90"" is not a number."',
    ]
    assert balance_of(alice) == 10
    assert client.delete(f"/api/v1/batches/{batch['id']}").status_code == 409  # still open
    predict_now(Batch.objects.get())
    client.delete(f"/api/v1/batches/{batch['id']}")
    assert client.get(f"/api/v1/batches/{batch['id']}").json()["unreadable"] is None
    assert client.get(batch["unreadable"]).status_code == 409


def test_a_batch_that_was_cancelled_says_why_it_has_no_result(alice, model, api_as):
    client = api_as(alice)
    url = send_by_api(client, model).json()["url"]
    client.post(f"{url}/cancel")

    refused = client.get(f"{url}/result")

    assert (refused.status_code, refused.json()["code"]) == (409, "no_result")
    assert refused.json()["detail"] == "This batch was cancelled and was refunded, so it has no result."


def test_sent_again_with_its_key_it_is_charged_once(alice, model, api_as):
    client = api_as(alice)

    first, again = send_by_api(client, model, key="one"), send_by_api(client, model, key="one")

    assert (again.status_code, again["Idempotency-Replayed"]) == (202, "true")
    assert again.json()["id"] == first.json()["id"]
    assert send_by_api(client, model, NEW + b"80;1;city;Zoe\n", key="one").status_code == 422
    assert balance_of(alice) == 10


def test_with_too_few_tokens_it_is_a_402_and_nothing_is_left(charlie, make_model, api_as):
    answer = send_by_api(api_as(charlie), make_model(charlie))

    assert answer.status_code == 402
    assert not Batch.objects.exists()


def test_a_wrong_file_is_a_400_that_names_each_missing_column(alice, model, api_as):
    answer = send_by_api(api_as(alice), model, b"place\ncity\n")

    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == {"size", "rooms"}
    assert balance_of(alice) == 15
