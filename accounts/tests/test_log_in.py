from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import limits
from accounts.models import User
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def log_in_as(email, pwd=PASSWORD, **extra):
    return APIClient().post("/api/user/login", {"email": email, "pwd": pwd}, **extra)


def guess(times, email="alice@example.com", **extra):
    return [log_in_as(email, f"wrong {n}", **extra).status_code for n in range(times)]


def test_log_in_answers_the_tokens_that_clients_know(alice, bearer):
    answer = log_in_as("alice@example.com")

    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"status", "access_token", "token_type", "refresh_token"}
    assert (body["status"], body["token_type"]) == ("OK", "bearer")
    balance = bearer(body["access_token"]).get("/api/user/tokens")
    assert balance.json() == {"username": "alice@example.com", "tokens": 15}


def test_the_second_service_s_name_for_it_answers_the_token_alone(alice, bearer):
    answer = APIClient().post("/api/request_token", {"username": "alice@example.com", "password": PASSWORD})

    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    assert bearer(answer.json()["token"]).get("/api/user/tokens").status_code == 200


def test_the_case_of_the_email_address_does_not_matter(alice):
    assert log_in_as("ALICE@example.COM").status_code == 200


def test_log_in_is_noted(alice):
    log_in_as("alice@example.com")

    alice.refresh_from_db()
    assert timezone.now() - alice.last_login < timedelta(minutes=1)


def test_a_wrong_password_and_an_unknown_email_address_look_alike(alice):
    wrong = log_in_as("alice@example.com", "wrong")
    unknown = log_in_as("nobody@example.com", "wrong")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "wrong_credentials"
    assert wrong["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
def test_a_closed_account_cannot_log_in(alice, change):
    User.objects.filter(pk=alice.pk).update(**change)

    assert log_in_as("alice@example.com").status_code == 401


def test_the_second_service_s_log_in_refuses_as_well(alice):
    answer = APIClient().post("/api/request_token", {"username": "alice@example.com", "password": "wrong"})

    assert answer.status_code == 401


def test_an_old_token_in_the_header_does_not_get_in_the_way(alice, bearer):
    answer = bearer("old").post("/api/user/login", {"email": "alice@example.com", "pwd": PASSWORD})

    assert answer.status_code == 200


# 401 on what needs a token


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Bearer a.b.c", "Token x", "Bearer a b"])
def test_without_a_good_token_there_is_no_balance(header):
    extra = {"HTTP_AUTHORIZATION": header} if header else {}

    answer = APIClient().get("/api/user/tokens", **extra)

    assert answer.status_code == 401
    assert answer.json()["detail"]
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_token_and_its_user_cost_one_query(alice, log_in, bearer, django_assert_num_queries):
    client = bearer(log_in(alice)["access"])

    with django_assert_num_queries(1):
        answer = client.get("/api/user/tokens")

    assert answer.json()["tokens"] == 15


# Guessing


def test_ten_wrong_passwords_lock_the_account_for_this_ip_address(guarded, alice):
    codes = guess(10)

    refused = log_in_as("alice@example.com")
    assert codes == [401] * 9 + [429]
    assert refused.status_code == 429
    assert refused.json()["code"] == "locked_out"
    assert 0 < int(refused["Retry-After"]) <= 15 * 60


def test_nobody_is_locked_out_by_somebody_else(guarded, alice, bob):
    guess(12, REMOTE_ADDR="192.0.2.66")

    assert log_in_as("alice@example.com", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert log_in_as("bob@example.com", REMOTE_ADDR="192.0.2.66").status_code == 200


def test_every_door_counts_and_every_door_locks(guarded, alice):
    codes = set()
    for _ in range(4):
        codes |= set(guess(1))
        body = {"username": "ALICE@example.com", "password": "wrong"}
        codes.add(APIClient().post("/api/request_token", body).status_code)
        body = {"email": "alice@example.com", "password": "wrong"}
        codes.add(APIClient().post("/api/v1/token", body).status_code)

    last = APIClient().post("/api/v1/token", {"email": "alice@example.com", "password": PASSWORD})
    assert codes == {401, 429}
    assert last.status_code == 429


def test_another_browser_name_is_the_same_guesser(guarded, alice):
    for n in range(10):
        guess(1, HTTP_USER_AGENT=f"browser {n}")

    assert log_in_as("alice@example.com").status_code == 429


def test_trying_on_does_not_make_the_rest_longer(guarded, alice, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    guess(10)
    time_machine.move_to("2026-03-01T10:14:00Z", tick=False)
    still = log_in_as("alice@example.com")
    time_machine.move_to("2026-03-01T10:15:01Z", tick=False)

    free = log_in_as("alice@example.com")

    assert (still.status_code, still["Retry-After"]) == (429, "60")
    assert free.status_code == 200


def test_the_right_password_makes_up_for_earlier_mistakes(guarded, alice):
    guess(9)
    log_in_as("alice@example.com")

    assert guess(9) == [401] * 9


def test_what_was_typed_is_kept_nowhere(guarded, alice):
    APIClient().post(
        "/api/user/login", {"email": "alice@example.com", "pwd": "nearly my password"}, format="multipart"
    )

    attempt = AccessAttempt.objects.get()
    assert "nearly" not in str(vars(attempt))


def test_without_throttling_nobody_is_locked_out(alice):
    assert guess(12) == [401] * 12
    assert log_in_as("alice@example.com").status_code == 200


# One password tried on many names


def try_many(times, start=0, **extra):
    codes = []
    for n in range(start, start + times):
        codes.append(log_in_as(f"user{n}@example.com", "Summer2026", **extra).status_code)
    return codes


DOORS = {
    "/api/user/login": ("email", "pwd"),
    "/api/request_token": ("username", "password"),
    "/api/v1/token": ("email", "password"),
    "/accounts/login/": ("username", "password"),
    "/admin/login/": ("username", "password"),
}


@pytest.mark.parametrize("door", DOORS)
def test_failures_are_counted_per_ip_address_at_every_door(guarded, alice, monkeypatch, door):
    monkeypatch.setattr(limits, "FAILED_LOG_INS_PER_IP_ADDRESS", 3)
    name, password = DOORS[door]

    def try_name(email, typed="Summer2026", **extra):
        client = APIClient() if door.startswith("/api") else Client()
        return client.post(door, {name: email, password: typed}, **extra)

    first = [try_name(f"user{n}@example.com").status_code for n in range(3)]
    refused = try_name("alice@example.com", PASSWORD)
    elsewhere = try_name("alice@example.com", PASSWORD, REMOTE_ADDR="192.0.2.7")

    assert 429 not in first
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert elsewhere.status_code in (200, 302)


def test_past_the_limit_no_password_is_hashed(guarded, alice, monkeypatch):
    monkeypatch.setattr(limits, "FAILED_LOG_INS_PER_IP_ADDRESS", 2)
    try_many(2)
    monkeypatch.setattr("accounts.operations.sign_in.authenticate", None)  # calling it would fail

    assert try_many(2, start=2) == [429, 429]


def test_right_passwords_do_not_use_up_the_limit(guarded, alice, monkeypatch):
    monkeypatch.setattr(limits, "FAILED_LOG_INS_PER_IP_ADDRESS", 2)

    assert [log_in_as("alice@example.com").status_code for _ in range(4)] == [200] * 4
    assert try_many(3) == [401, 401, 429]


def test_a_locked_account_that_keeps_trying_does_not_lock_the_whole_office(guarded, alice, bob, monkeypatch):
    monkeypatch.setattr(limits, "FAILED_LOG_INS_PER_IP_ADDRESS", 12)
    guess(20)

    assert log_in_as("bob@example.com").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_no_race_gets_past_the_limit_of_failures(guarded, monkeypatch, at_once):
    monkeypatch.setattr(limits, "FAILED_LOG_INS_PER_IP_ADDRESS", 3)

    answers = at_once(lambda n: log_in_as(f"user{n}@example.com", "Summer2026"), each=range(8))

    assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 5
