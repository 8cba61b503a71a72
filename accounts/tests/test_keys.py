"""/api/v1/keys and /api/v1/account: keys are shown once, listed and revoked."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import limits
from accounts.models import ApiKey

pytestmark = pytest.mark.django_db

KEYS = "/api/v1/keys"
BALANCE = "/api/user/tokens"


# Creating


def test_a_key_is_shown_once_and_opens_the_account(alice, api_as, bearer):
    answer = api_as(alice).post(KEYS, {"name": "nightly report", "scope": "all"})

    created = answer.json()
    assert answer.status_code == 201
    assert re.fullmatch(r"mlp_[0-9a-f]{64}", created["key"])
    assert created["prefix"] == created["key"][:12]
    assert (created["name"], created["scope"], created["expires_at"]) == ("nightly report", "all", None)
    assert bearer(created["key"]).get(BALANCE).json() == {"username": alice.email, "tokens": 15}
    [listed] = api_as(alice).get(KEYS).json()["results"]
    assert listed.pop("last_used_at")
    assert listed == {name: created[name] for name in listed}
    assert "key" not in listed


def test_no_key_can_be_read_from_the_database(alice, make_key):
    text = make_key(alice).text

    stored = str(ApiKey.objects.values().get())
    assert text not in stored
    assert text.removeprefix("mlp_")[8:] not in stored


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "scope"}),
        ({"name": "", "scope": "all"}, {"name"}),
        ({"name": " \t ", "scope": "all"}, {"name"}),
        ({"name": "x" * 101, "scope": "all"}, {"name"}),
        ({"name": "x", "scope": "admin"}, {"scope"}),
        ({"name": ["x"], "scope": {"all": True}}, {"name", "scope"}),
        ({"name": "x", "scope": "all", "expires_at": "2020-01-01"}, {"expires_at"}),
        ({"name": "x", "scope": "all", "expires_at": "tomorrow"}, {"expires_at"}),
        ({"name": "x", "scope": "all", "expires_at": "9999-12-31T23:59:59-14:00"}, {"expires_at"}),
        ({"name": "x", "scope": "all", "expires": "2099-01-01"}, {"expires"}),
        ({"name": "x", "scope": "all", "owner": 1, "key": "mlp_mine"}, {"owner"}),
    ],
)
def test_a_key_that_cannot_be_is_refused_at_its_fields(alice, api_as, body, fields):
    answer = api_as(alice).post(KEYS, body)

    assert answer.status_code == 400
    assert fields <= set(answer.json()["fields"])
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("body", [[], "x", None, 1, [{"name": "x", "scope": "all"}]])
def test_a_body_that_is_no_object_is_refused(alice, api_as, body):
    assert api_as(alice).post(KEYS, body, format="json").status_code == 400


def test_twenty_keys_are_the_most_and_a_revoked_one_makes_room(alice, api_as, make_key):
    made = [make_key(alice, name=f"script {n}") for n in range(limits.OPEN_KEYS_MAX)]

    refused = api_as(alice).post(KEYS, {"name": "one more", "scope": "all"})
    api_as(alice).delete(f"{KEYS}/{made[0].key.pk}")
    accepted = api_as(alice).post(KEYS, {"name": "one more", "scope": "all"})

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
    assert accepted.status_code == 201


def test_an_expired_key_makes_room_too(alice, make_key, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    for n in range(limits.OPEN_KEYS_MAX):
        make_key(alice, name=f"script {n}", expires_at=timezone.now() + timedelta(hours=1))
    time_machine.move_to("2026-03-01T11:00:00Z", tick=False)

    assert make_key(alice).get(BALANCE).status_code == 200


def test_keys_created_and_revoked_in_a_loop_come_to_an_end(alice, api_as, monkeypatch, make_key):
    monkeypatch.setattr(limits, "NEW_KEYS_PER_DAY_MAX", 3)
    for _ in range(3):
        make_key(alice)
        alice.api_keys.revoke()

    answer = api_as(alice).post(KEYS, {"name": "one more", "scope": "all"})

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_new_keys")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
def test_of_many_creations_at_once_no_more_than_allowed_succeed(alice, at_once, make_key):
    for _ in range(limits.OPEN_KEYS_MAX - 2):
        make_key(alice)

    results = at_once(lambda: make_key(alice), times=8)

    assert sum(isinstance(result, APIClient) for result in results) == 2
    assert alice.api_keys.open().count() == limits.OPEN_KEYS_MAX


# Listing and revoking


def test_a_revoked_key_is_gone_and_others_stay(alice, api_as, make_key):
    first, second = make_key(alice, name="first"), make_key(alice, name="second")

    answer = api_as(alice).delete(f"{KEYS}/{first.key.pk}")

    assert answer.status_code == 204
    assert [key["name"] for key in api_as(alice).get(KEYS).json()["results"]] == ["second"]
    assert (first.get(BALANCE).status_code, second.get(BALANCE).status_code) == (401, 200)
    assert api_as(alice).delete(f"{KEYS}/{first.key.pk}").status_code == 404


def test_a_key_can_revoke_itself(alice, make_key):
    client = make_key(alice)

    assert client.delete(f"{KEYS}/{client.key.pk}").status_code == 204
    assert client.get(BALANCE).status_code == 401


def test_anothers_key_is_neither_listed_nor_revoked(alice, bob, api_as, make_key):
    client = make_key(alice)

    listed = api_as(bob).get(KEYS).json()["results"]
    anothers = api_as(bob).delete(f"{KEYS}/{client.key.pk}")
    unknown = api_as(bob).delete(f"{KEYS}/00000000-0000-4000-8000-000000000000")

    assert listed == []
    assert anothers.status_code == unknown.status_code == 404
    assert anothers.json() == unknown.json()
    assert client.get(BALANCE).status_code == 200


@pytest.mark.parametrize("method", ["get", "post"])
def test_keys_are_private(api, db, method):
    assert getattr(api, method)(KEYS, {"name": "x", "scope": "all"}).status_code == 401


def test_keys_are_listed_in_the_same_number_of_queries(alice, api_as, make_key, django_assert_num_queries):
    for n in range(12):
        make_key(alice, name=f"script {n}")
    client = api_as(alice)

    with django_assert_num_queries(2):
        listed = client.get(KEYS, {"ordering": "name", "page_size": 3}).json()

    assert listed["count"] == 12
    assert [key["name"] for key in listed["results"]] == ["script 0", "script 1", "script 10"]


def test_an_order_that_the_list_does_not_have_is_refused(alice, api_as):
    answer = api_as(alice).get(KEYS, {"ordering": "-hash"})

    assert answer.status_code == 400
    assert "-hash" in answer.json()["fields"]["ordering"]


# The account


def test_the_account_tells_balance_prices_and_limits(alice, make_key, django_assert_num_queries):
    client = make_key(alice)
    client.get(BALANCE)

    with django_assert_num_queries(1):
        answer = client.get("/api/v1/account")

    assert answer.json() == {
        "email": alice.email,
        "balance": 15,
        "prices": {"training": 1, "prediction": 5, "batch": 5},
        "limits": {
            "open_keys": 20,
            "datasets": 100,
            "dataset_bytes": 1_000_000_000,
            "models": 500,
            "open_runs": 3,
            "open_batches": 3,
            "upload_megabytes": 50,
        },
    }


def test_the_account_is_private(api, db):
    assert api.get("/api/v1/account").status_code == 401
