"""Requests with a key: accepted wherever an access token is, limited by the scope, ended by revoking."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import limits
from accounts.models import ApiKey, User
from accounts.operations import keys, users
from accounts.tests.conftest import PASSWORD
from mlplatform.tests.plans import plan_of

pytestmark = pytest.mark.django_db

KEYS = "/api/v1/keys"
BALANCE = "/api/user/tokens"


# What a request with a key may do


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_is_accepted_where_an_access_token_is(alice, make_key, scheme):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {make_key(alice).text}")

    for url in (BALANCE, "/api/trained", "/api/v1/runs", "/api/v1/ledger", "/api/v1/account", KEYS):
        assert client.get(url).status_code == 200, url


def test_a_key_predicts_and_its_owner_pays(alice, make_key, make_model):
    model = make_model(alice)
    client = make_key(alice, scope="predict")

    answer = client.post(
        f"/api/predict/{model.name}", {"features": {"size": 70, "rooms": 2, "place": "city"}}
    )

    alice.refresh_from_db()
    assert answer.status_code == 200, answer.content
    assert (alice.token_balance, alice.ledger_entries.latest_first()[0].amount) == (10, -5)


def api_patterns(resolver=None, beginning=""):
    """Each URL below /api/ with its name: ("api/v1/keys", "key-list")."""
    for pattern in (resolver or get_resolver(settings.ROOT_URLCONF)).url_patterns:
        route = beginning + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from api_patterns(pattern, route)
        elif isinstance(pattern, URLPattern) and route.startswith("api/"):
            yield route, pattern


def example_of(route: str) -> str:
    """The route with something in place of its parameters."""
    route = re.sub(r"\(\?P<format>.*", "json", route.replace("\\.", "."))
    route = re.sub(r"<drf_format_suffix:format>", ".json", route)
    route = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)", "1", route)
    route = re.sub(r"<uuid:\w+>", "00000000-0000-4000-8000-000000000000", route)
    return "/" + re.sub(r"<\w+:\w+>", "1", route).replace("/?", "")


def takes_credentials(pattern) -> bool:
    view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
    return bool(getattr(view, "authentication_classes", None))


CLOSED = [
    (route, pattern.name)
    for route, pattern in api_patterns()
    if takes_credentials(pattern) and pattern.name not in settings.PREDICT_KEY_URL_NAMES
]


def test_the_urls_closed_to_predict_keys_are_found():
    routes = {route for route, _ in CLOSED}

    assert {"api/create", "api/v1/ledger", "api/admin/users", "api/user/reset_password"} <= routes
    assert not any(route.startswith("api/predict") for route in routes)
    assert "api/schema" not in routes  # public, so it takes no credentials


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_a_key_for_predictions_opens_nothing_else(admin_user, make_key, method):
    client = make_key(admin_user, scope="predict")

    answers = {route: getattr(client, method)(example_of(route), {}) for route, _ in CLOSED}

    assert {route for route, answer in answers.items() if answer.status_code != 403} == set()
    assert {answer.json()["code"] for answer in answers.values()} == {"key_scope"}
    assert (
        answers["api/create"].json()["detail"] == 'This key may only predict. Use one with the scope "all".'
    )


@pytest.mark.parametrize("scope", ["predict", "all"])
def test_no_key_makes_what_would_outlive_it(admin_user, alice, make_key, scope):
    client = make_key(admin_user, scope=scope)
    password = {"email": admin_user.email, "new_password": "quite another phrase"}

    answers = [
        client.post(KEYS, {"name": "another", "scope": "all"}),
        client.post("/api/user/reset_password", password),
        client.post(f"/api/admin/users/{admin_user.pk}/reset_password", password),
    ]

    admin_user.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert ApiKey.objects.count() == 1
    assert admin_user.check_password(PASSWORD)


def test_an_administrators_key_administers(admin_user, alice, make_key):
    assert make_key(admin_user).get("/api/admin/users").json()["count"] == 2
    assert make_key(alice).get("/api/admin/users").status_code == 403


def test_a_key_opens_no_page(alice, make_key):
    assert make_key(alice).get("/tokens/").status_code == 302


# What ends a key


def revoke_one(client):
    client.key.owner.api_keys.filter(pk=client.key.pk).revoke()


def deactivate(client):
    User.objects.filter(pk=client.key.owner_id).update(is_active=False)


def close(client):
    users.close_own_account(user=client.key.owner)


def remove(client):
    users.remove_user(user=client.key.owner, by=User(pk=0, is_staff=True, is_superuser=True))


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (revoke_one, "key_revoked"),
        (deactivate, "account_closed"),
        (close, "key_unknown"),
        (remove, "key_unknown"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_key_ends_with_its_account_or_by_revoking(alice, make_key, end, code):
    client = make_key(alice)
    assert client.get(BALANCE).status_code == 200

    end(client)

    answer = client.get(BALANCE)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_key_works_until_the_second_it_expires(alice, make_key, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    client = make_key(alice, expires_at=timezone.now() + timedelta(days=1))
    time_machine.move_to("2026-03-02T09:59:59Z", tick=False)
    still = client.get(BALANCE)
    time_machine.move_to("2026-03-02T10:00:00Z", tick=False)

    over = client.get(BALANCE)

    assert (still.status_code, over.status_code) == (200, 401)
    assert over.json()["code"] == "key_expired"


def test_a_new_password_ends_no_key(alice, make_key, pages_of):
    client = make_key(alice)

    pages_of(alice).post(
        "/accounts/password/", {"change-password": PASSWORD, "change-new_password": "another long one"}
    )

    assert client.get(BALANCE).status_code == 200


def test_whoever_becomes_administrator_by_the_environment_has_no_keys_of_before(alice, make_key):
    client = make_key(alice)

    users.ensure_administrator(email=alice.email, password="a long passphrase")

    assert client.get(BALANCE).status_code == 401


# What comes in the header


@pytest.mark.parametrize(
    "sent",
    [
        "mlp_",
        "mlp_" + "0" * 64,
        "mlp_" + "0" * 63,
        "mlp_" + "0" * 65,
        "mlp_" + "F" * 64,
        "mlp_" + "x" * 100_000,
        "mlp_\x00",
        "mlp_é",
        "mlp_' OR 1=1 --",
        "mlp_" + "0" * 64 + " more",
        "mlp_%s",
    ],
)
def test_what_is_no_key_is_401(alice, make_key, bearer, sent):
    make_key(alice)

    assert bearer(sent).get(BALANCE).status_code == 401


def test_a_key_is_not_taken_from_elsewhere(alice, make_key):
    text = make_key(alice).text
    client = APIClient()

    answers = [
        client.get(BALANCE, {"key": text, "token": text, "access_token": text}),
        client.get(BALANCE, headers={"X-API-Key": text}),
        client.get(BALANCE, headers={"Authorization": f"Token {text}"}),
        client.get(BALANCE, headers={"Authorization": text}),
        client.get(BALANCE, headers={"Cookie": f"sessionid={text}"}),
    ]

    assert {answer.status_code for answer in answers} == {401}


def test_a_change_of_any_character_is_another_key(alice, make_key, bearer):
    text = make_key(alice).text
    other = {"a": "b"}

    changed = [text[:n] + other.get(text[n], "a") + text[n + 1 :] for n in range(4, len(text), 7)]

    assert {bearer(each).get(BALANCE).status_code for each in changed} == {401}


def test_a_key_is_looked_up_by_its_hash_so_that_time_tells_nothing_about_it(alice, make_key, bearer):
    text = make_key(alice).text
    unknown = "mlp_" + "0" * 64

    for sent in (text, unknown):
        with CaptureQueriesContext(connection) as asked:
            bearer(sent).get(BALANCE)

        assert keys.hash_of(sent) in asked[0]["sql"]
        assert sent[:16] not in str([query["sql"] for query in asked])


def test_a_request_with_a_key_costs_one_query_by_an_index(alice, make_key, django_assert_num_queries):
    client = make_key(alice)
    ApiKey.objects.bulk_create(
        ApiKey(owner=alice, name="other", hash=keys.hash_of(str(n))) for n in range(300)
    )
    client.get(BALANCE)

    with django_assert_num_queries(1) as asked:
        assert client.get(BALANCE).status_code == 200

    plan = plan_of(asked[0]["sql"])
    assert re.search(r"hash=\?|Index Scan using accounts_apikey_hash_", plan), plan


# When it was last used


def test_the_last_use_is_written_at_most_once_a_minute(alice, make_key, time_machine):
    client = make_key(alice)
    seen = []

    for moment in ("10:00:00", "10:00:59", "10:01:00"):
        time_machine.move_to(f"2026-03-01T{moment}Z", tick=False)
        client.get(BALANCE)
        client.key.refresh_from_db()
        seen.append(f"{client.key.last_used_at:%H:%M:%S}")

    assert seen == ["10:00:00", "10:00:00", "10:01:00"]


def test_a_request_that_lost_the_race_writes_no_earlier_time(alice, make_key, time_machine):
    time_machine.move_to("2026-03-01T10:00:30Z", tick=False)
    client = make_key(alice)
    client.get(BALANCE)
    time_machine.move_to("2026-03-01T10:00:29Z", tick=False)

    ApiKey.objects.note_use()

    client.key.refresh_from_db()
    assert f"{client.key.last_used_at:%S}" == "30"


# Guessing


def test_unknown_keys_are_counted_per_ip_address_and_a_good_key_still_works(
    alice, make_key, bearer, guarded, monkeypatch
):
    monkeypatch.setattr(limits, "UNKNOWN_KEYS_PER_IP_ADDRESS", 3)
    guess, good = bearer("mlp_" + "0" * 64), make_key(alice)

    guesses = [guess.get(BALANCE) for _ in range(5)]
    elsewhere = guess.get(BALANCE, REMOTE_ADDR="192.0.2.99")

    assert [answer.status_code for answer in guesses] == [401, 401, 401, 429, 429]
    assert int(guesses[-1]["Retry-After"]) > 0
    assert "Too many requests from your IP address" in guesses[-1].json()["detail"]
    assert elsewhere.status_code == 401
    assert good.get(BALANCE).status_code == 200


def test_a_key_that_ended_is_no_guess(alice, make_key, guarded, monkeypatch):
    monkeypatch.setattr(limits, "UNKNOWN_KEYS_PER_IP_ADDRESS", 3)
    client = make_key(alice)
    alice.api_keys.revoke()

    assert {client.get(BALANCE).status_code for _ in range(6)} == {401}


def test_a_refused_key_is_said_in_the_browser_too(alice, make_key):
    client = make_key(alice)
    alice.api_keys.revoke()

    answer = client.get(BALANCE, headers={"Accept": "text/html"})

    assert answer.status_code == 401
    assert "This key was revoked" in answer.content.decode()
