"""Whatever is sent: a refusal that says what is wrong, and nothing written."""

import json

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import LimitWindow, TokenFamily, User
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

GOOD = {
    "/api/user/create": {"email": "dora@example.com", "pwd": PASSWORD},
    "/api/user/login": {"email": "alice@example.com", "pwd": PASSWORD},
    "/api/request_token": {"username": "alice@example.com", "password": PASSWORD},
    "/api/user/reset_password": {"email": "alice@example.com", "token": "x", "new_password": PASSWORD},
    "/api/v1/token": {"email": "alice@example.com", "password": PASSWORD},
    "/api/v1/token/refresh": {"refresh": "x"},
    "/api/v1/token/verify": {"token": "x"},
    "/api/v1/token/blacklist": {"refresh": "x"},
}
FIELDS = [(path, field) for path, body in GOOD.items() for field in body]

OPTIONAL = [("/api/user/reset_password", "token"), ("/api/user/reset_password", "new_password")]


def send(path, body, content_type="application/json"):
    return APIClient().generic("POST", path, body, content_type=content_type)


def nothing_was_written():
    return (User.objects.count(), TokenFamily.objects.count(), LimitWindow.objects.count()) == (1, 0, 0)


@pytest.mark.parametrize(("path", "field"), FIELDS)
@pytest.mark.parametrize(
    "value",
    [None, True, [], {}, ["x"], {"x": "y"}, "", "nul\x00byte", "\ud800", "x" * 5_000],
    ids=["null", "true", "list", "object", "words", "pair", "empty", "nul", "surrogate", "long"],
)
def test_a_value_of_the_wrong_kind_is_400(alice, path, field, value):
    answer = send(path, json.dumps(GOOD[path] | {field: value}))

    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"]
    assert nothing_was_written()


@pytest.mark.parametrize(("path", "field"), [pair for pair in FIELDS if pair not in OPTIONAL])
def test_a_field_that_is_missing_is_named(alice, path, field):
    body = {name: value for name, value in GOOD[path].items() if name != field}

    answer = send(path, json.dumps(body))

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert field in answer.json()["detail"]


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"7",
        b"\xff\xfe",
        b'{"email": NaN}',
        b"[" * 10_000,
        b'{"a":' * 25 + b"1" + b"}" * 25,
    ],
    ids=["empty", "cut", "list", "null", "text", "number", "latin", "nan", "brackets", "deep"],
)
def test_a_body_that_is_no_object_is_400(alice, path, body):
    answer = send(path, body)

    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"]
    assert nothing_was_written()


@pytest.mark.parametrize("path", GOOD)
def test_five_megabytes_are_too_large(alice, path):
    body = GOOD[path] | {"more": "x" * 5_000_000}

    answer = send(path, json.dumps(body))

    assert answer.status_code == 413
    assert nothing_was_written()


@pytest.mark.parametrize("path", GOOD)
def test_other_media_types_are_415(alice, path):
    assert send(path, "<x/>", content_type="application/xml").status_code == 415


@pytest.mark.parametrize("path", ["/api/user/create", "/api/user/login"])
def test_a_form_that_is_broken_is_400(alice, path):
    answer = send(path, b"--x\r\nContent-Disposition: form-data\r\n\r\n", "multipart/form-data; boundary=x")

    assert answer.status_code == 400
    assert nothing_was_written()


@pytest.mark.parametrize("path", GOOD)
def test_reading_them_is_405(path):
    assert APIClient().get(path).status_code == 405


@pytest.mark.parametrize("user_id", ["0", "9" * 40, "-1", "x", "%00"])
def test_odd_ids_in_a_url_are_404_or_400(admin_user, api_as, user_id):
    answer = api_as(admin_user).delete(f"/api/admin/users/{user_id}")

    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/admin/", "/api/user/tokens", "/api/models"])
@pytest.mark.parametrize(
    "key",
    ['"\\000a"', '"\\000' + "a" * 31 + '"', "\u00fc" * 32, "a" * 4_000, "A" * 32],
    ids=["short NUL", "NUL", "accents", "long", "capitals"],
)
def test_a_cookie_that_cannot_be_a_session_is_no_session(path, key):
    client = Client()
    plain = client.get(path)

    answer = client.generic("GET", path, HTTP_COOKIE=f"sessionid={key}")

    assert (answer.status_code, answer.headers.get("Location")) == (
        plain.status_code,
        plain.headers.get("Location"),
    )


def test_a_cookie_that_cannot_be_a_session_is_not_looked_up(django_assert_num_queries):
    with django_assert_num_queries(0):
        Client().generic("GET", "/tokens/", HTTP_COOKIE='sessionid="\\000' + "a" * 31 + '"')
