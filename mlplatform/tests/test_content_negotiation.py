"""Bodies without a media type, as old clients send them; and no way around the CSRF check for it."""

import json

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NAMES_NOTHING = pytest.mark.parametrize("content_type", ["", "text/plain", "Text/Plain;charset=UTF-8"])
SEARCH = {"algorithm": "no such thing"}


def post(address, body, content_type, client=None):
    return (client or APIClient()).generic("POST", address, json.dumps(body), content_type)


@NAMES_NOTHING
def test_a_body_that_is_called_nothing_is_read_as_json(alice, content_type):
    login = {"email": alice.email, "pwd": PASSWORD}

    assert post("/api/user/login", login, content_type).json()["status"] == "OK"


@NAMES_NOTHING
def test_it_is_read_as_strictly_as_any_other(alice, content_type):
    response = APIClient().generic("POST", "/api/user/login", b"email=alice", content_type)

    assert response.status_code == 400
    assert response.json()["code"] == "parse_error"


@NAMES_NOTHING
def test_where_a_form_is_asked_for_it_is_refused_as_before(api_as, alice, content_type):
    assert post("/api/create", {"model_type": "linear"}, content_type, api_as(alice)).status_code == 415


@pytest.mark.parametrize("content_type", ["application/xml", "text/html", "text/plainly"])
def test_a_body_that_is_called_something_else_is_refused(content_type):
    assert post("/api/user/login", {}, content_type).status_code == 415


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json"])
def test_a_session_without_its_csrf_token_is_refused_whatever_the_body_is_called(alice, content_type):
    """A form of another site can send text/plain with the cookies of this one."""
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice)

    refused = post("/api/train", SEARCH, content_type, browser)

    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert "CSRF" in refused.json()["detail"]


def test_a_session_with_its_csrf_token_is_served(alice):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice)
    browser.cookies["csrftoken"] = token = "x" * 32
    browser.credentials(HTTP_X_CSRFTOKEN=token)

    assert "algorithm" in post("/api/train", SEARCH, "text/plain", browser).json()["fields"]
