import json

import jwt
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.api.tokens import RefreshToken
from accounts.models import TokenFamily, User
from accounts.operations import passwords, sign_in, users
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def post(call, **body):
    return APIClient().post(f"/api/v1/{call}", body)


def refresh(token):
    return post("token/refresh", refresh=token)


def close(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


def erase(user):
    """What no door does, and an operator's SQL may."""
    TokenFamily.objects.all().delete()
    User.objects.filter(pk=user.pk).delete()


def change_password(user):
    passwords.change_password(user=user, new_password="another long pass phrase", by=user)


def remove(user):
    users.remove_user(user=user, by=User(pk=0, is_staff=True, is_superuser=True))


# token


def test_tokens_are_obtained_with_email_address_and_password(alice, bearer):
    answer = post("token", email="Alice@example.com", password=PASSWORD)

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert bearer(answer.json()["access"]).get("/api/user/tokens").status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_the_header_counts_in_any_case(alice, log_in, scheme):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {log_in(alice)['access']}")

    assert client.get("/api/user/tokens").status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "bearer ", "Basic YTpi", "Bearer a b", "Token abc"])
def test_a_header_that_brings_no_token_is_401(db, header):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)

    assert client.get("/api/user/tokens").status_code == 401


def test_wrong_credentials_are_401(alice):
    assert post("token", email="alice@example.com", password="wrong").status_code == 401


def test_an_access_token_lives_as_long_as_the_setting_says(alice, log_in, bearer, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    client = bearer(log_in(alice)["access"])
    time_machine.move_to("2026-03-01T10:59:59Z", tick=False)
    still = client.get("/api/user/tokens")
    time_machine.move_to("2026-03-01T11:00:00Z", tick=False)

    over = client.get("/api/user/tokens")

    assert (still.status_code, over.status_code) == (200, 401)
    assert over.json()["code"] == "token_not_valid"


def test_a_refresh_token_opens_nothing_else(alice, log_in, bearer):
    assert bearer(log_in(alice)["refresh"]).get("/api/user/tokens").status_code == 401


def test_a_token_that_others_signed_opens_nothing(alice, log_in, bearer):
    payload = jwt.decode(log_in(alice)["access"], options={"verify_signature": False})
    forged = [
        jwt.encode(payload, "a key of somebody else, long enough", algorithm="HS256"),
        jwt.encode(payload, None, algorithm="none"),
        jwt.encode({**payload, "user_id": "1"}, "x" * 64, algorithm="HS512"),
    ]

    codes = {bearer(token).get("/api/user/tokens").status_code for token in forged}

    assert codes == {401}


def test_tokens_tell_neither_email_address_nor_password(alice, log_in):
    for token in log_in(alice).values():
        payload = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
        assert "alice" not in str(payload)
        assert alice.password not in str(payload)


def test_no_token_can_be_read_from_the_database(alice, log_in):
    token = log_in(alice)["refresh"]

    family = TokenFamily.objects.get()
    assert token not in str(vars(family))


# token/refresh


def test_a_refresh_token_is_exchanged_for_a_new_pair(alice, log_in, bearer):
    old = log_in(alice)["refresh"]

    answer = refresh(old)

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert answer.json()["refresh"] != old
    assert bearer(answer.json()["access"]).get("/api/user/tokens").status_code == 200
    assert refresh(answer.json()["refresh"]).status_code == 200


def test_a_reused_refresh_token_ends_its_whole_family(alice, log_in):
    stolen = log_in(alice)["refresh"]
    newest = refresh(refresh(stolen).json()["refresh"]).json()["refresh"]

    reused = refresh(stolen)

    assert reused.status_code == 401
    assert reused.json()["code"] == "token_not_valid"
    assert refresh(newest).status_code == 401


def test_another_sign_in_is_another_family(alice, log_in):
    phone, laptop = log_in(alice)["refresh"], log_in(alice)["refresh"]
    refresh(phone)
    refresh(phone)

    assert refresh(laptop).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_twenty_refreshes_of_one_token_at_once_exactly_one_succeeds(alice, log_in, at_once):
    token = log_in(alice)["refresh"]

    answers = at_once(lambda: refresh(token), times=20)

    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


def test_a_refresh_token_runs_out(alice, log_in, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    token = log_in(alice)["refresh"]
    time_machine.move_to("2026-03-15T10:00:00Z", tick=False)

    assert refresh(token).status_code == 401


def test_families_that_ran_out_are_cleared(alice, bob, log_in, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    log_in(alice)
    log_in(bob)
    time_machine.move_to("2026-03-15T10:00:00Z", tick=False)

    log_in(alice)

    sign_in.clear_expired()

    assert (alice.token_families.count(), bob.token_families.count()) == (1, 0)


# What ends tokens: each of them, at each door


@pytest.mark.parametrize("end", [close, erase, change_password, remove], ids=lambda end: end.__name__)
def test_tokens_end_with_the_account_or_its_password(charlie, log_in, bearer, end):
    pair = log_in(charlie)

    end(charlie)

    assert bearer(pair["access"]).get("/api/user/tokens").status_code == 401
    assert refresh(pair["refresh"]).status_code == 401
    assert post("token/verify", token=pair["access"]).status_code == 401
    assert post("token/verify", token=pair["refresh"]).status_code == 401


def test_tokens_of_a_new_password_work(alice, log_in, bearer):
    change_password(alice)

    pair = log_in(alice, "another long pass phrase")

    assert bearer(pair["access"]).get("/api/user/tokens").status_code == 200


# token/verify


def test_good_tokens_of_both_kinds_are_verified(alice, log_in):
    pair = log_in(alice)

    for token in pair.values():
        answer = post("token/verify", token=token)
        assert (answer.status_code, answer.json()) == (200, {})


def test_a_used_refresh_token_is_not_verified_and_does_no_harm(alice, log_in):
    used = log_in(alice)["refresh"]
    newest = refresh(used).json()["refresh"]

    assert post("token/verify", token=used).status_code == 401
    assert post("token/verify", token=newest).status_code == 200


# token/blacklist


def test_logging_out_ends_the_family(alice, log_in):
    token = log_in(alice)["refresh"]
    newest = refresh(token).json()["refresh"]

    answer = post("token/blacklist", refresh=newest)

    assert (answer.status_code, answer.json()) == (200, {})
    assert refresh(newest).status_code == 401
    assert post("token/blacklist", refresh=newest).status_code == 401


def test_logging_out_with_an_earlier_token_works_too(alice, log_in):
    earlier = log_in(alice)["refresh"]
    newest = refresh(earlier).json()["refresh"]

    post("token/blacklist", refresh=earlier)

    assert refresh(newest).status_code == 401


def test_a_token_without_a_family_is_refused(alice, log_in):
    token = RefreshToken(log_in(alice)["refresh"])
    del token["family"]

    assert refresh(str(token)).status_code == 401
    assert post("token/verify", token=str(token)).status_code == 401
    assert post("token/blacklist", refresh=str(token)).status_code == 401


@pytest.mark.parametrize(
    ("call", "field"),
    [("token/refresh", "refresh"), ("token/verify", "token"), ("token/blacklist", "refresh")],
)
@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "x" * 2_000])
def test_what_is_no_token_is_401(call, field, token):
    answer = post(call, **{field: token})

    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"


# Tokens that we signed and whose contents are not ours


def signed_with(token, **claims):
    payload = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
    payload = {name: value for name, value in (payload | claims).items() if value is not MISSING}
    return jwt.api_jws.encode(json.dumps(payload).encode(), settings.SECRET_KEY, algorithm="HS256")


MISSING = object()
ODD_VALUES = {
    "text": "alice",
    "empty": "",
    "list": [1],
    "object": {"id": 1},
    "missing": MISSING,
    "null": None,
    "true": True,
    "huge": 10**30,
    "huge text": "9" * 30,
    "negative": -1,
    "fraction": 1.5,
    "infinite": 1e999,
    "nul": "1\x00",
    "digits of another script": "\u0661",
}


@pytest.mark.parametrize("claim", ["user_id", "exp", "iat", "jti", "token_type", "family", "hash_password"])
@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES)
def test_a_signed_token_with_an_odd_claim_never_fails(alice, log_in, bearer, claim, value):
    pair = log_in(alice)
    access = signed_with(pair["access"], **{claim: value})
    old = signed_with(pair["refresh"], **{claim: value})

    answers = [
        bearer(access).get("/api/user/tokens"),
        bearer(access).get("/api/trained"),
        post("token/verify", token=access),
        post("token/verify", token=old),
        post("token/refresh", refresh=old),
        post("token/blacklist", refresh=old),
    ]

    assert {answer.status_code for answer in answers} <= {200, 401}
    if claim == "user_id":
        assert [answer.status_code for answer in answers[:5]] == [401] * 5
