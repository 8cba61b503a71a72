"""The API as a browser shows it, and as its documentation describes it."""

import json
import re
from html import unescape

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from mlmodels.snippets import example_row
from mlmodels.tests.factories import make_dataset

pytestmark = pytest.mark.django_db
HTML = {"HTTP_ACCEPT": "text/html"}


@pytest.fixture
def browser(client, alice):
    """Alice in a browser: a session, and the CSRF check that goes with it."""
    client.handler.enforce_csrf_checks = True
    client.force_login(alice)
    return client


def csrf_token_in(page):
    return re.search(r'"csrfToken": "(\w+)"', page.content.decode())[1]


def form_of(page) -> dict:
    """What is in the field for JSON."""
    content = re.search(r'name="_content"[^>]*>(.*?)</textarea>', page.content.decode(), re.DOTALL)[1]
    return json.loads(unescape(content))


@pytest.mark.parametrize(
    ("path", "inputs"),
    [
        ("/api/create", ["model_type", "feature_cols", "csv_file", "optional_params"]),
        ("/api/train", []),
        ("/api/predict", []),
        ("/api/predict/{model}", []),
    ],
)
def test_a_browser_gets_a_form_for_what_can_be_sent(browser, alice, make_model, path, inputs):
    page = browser.get(path.format(model=make_model(alice).name), **HTML)

    text = page.content.decode()
    assert page["Content-Type"].startswith("text/html")
    assert '<form action="' in text or 'data-method="POST"' in text
    for name in inputs:
        assert f'name="{name}"' in text
    if not inputs:
        assert 'name="_content"' in text


@pytest.mark.parametrize("action", ["predict", "explain"])
def test_the_form_of_a_prediction_starts_with_the_typical_row(browser, alice, make_model, action):
    model = make_model(alice)

    form = form_of(browser.get(f"/api/v1/models/{model.name}/{action}", **HTML))

    assert form == {"features": example_row(model)}


def test_the_form_of_a_training_starts_with_the_newest_dataset(browser, alice):
    dataset = make_dataset(alice)

    form = form_of(browser.get("/api/v1/runs", **HTML))

    assert form == {"dataset": str(dataset.uuid), "algorithm": "auto"}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("models/{model}/retrain", {}),
        ("models/{model}/shares", {"email": "grace@example.com"}),
        ("keys", {"name": "nightly report", "scope": "predict", "expires_at": "2099-12-31T00:00:00Z"}),
        ("token-requests", {"amount": 100, "reason": "To predict the prices of next year"}),
    ],
)
def test_a_form_starts_with_an_example_that_can_be_sent_as_it_stands(
    browser, alice, api_as, make_model, path, field
):
    path = "/api/v1/" + path.format(model=make_model(alice).name)

    form = form_of(browser.get(path, **HTML))

    assert form == field
    assert api_as(alice).post(path, form, format="json").status_code in (201, 202)


@pytest.mark.parametrize("path", ["/api/models", "/api/trained", "/api/status", "/api/v1/runs", "/api/v1/"])
def test_a_browser_gets_a_page_for_what_can_be_read(browser, path):
    page = browser.get(path, **HTML)

    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_the_form_for_a_file_starts_without_a_name(browser):
    page = browser.get("/api/v1/datasets", **HTML).content.decode()

    assert 'type="file"' in page and 'value="houses"' not in page


def test_the_root_leads_to_every_list_in_the_order_of_the_work(alice, api_as):
    listed = api_as(alice).get("/api/v1/").json()

    work = ["datasets", "uploads", "algorithms", "runs", "models", "predictions", "batches"]
    assert list(listed)[: len(work)] == work
    assert {api_as(alice).get(url).status_code for url in listed.values()} == {200}
    assert "account" in listed


def test_a_browser_that_is_not_signed_in_gets_a_link_to_do_so(client):
    page = client.get("/api/trained", **HTML)

    assert page.status_code == 401
    assert "Log in</a>" in page.content.decode()


def test_a_session_needs_the_csrf_token(browser):
    token = csrf_token_in(browser.get("/api/train", **HTML))
    body = {"data": '{"algorithm": "oracle"}', "content_type": "application/json"}

    assert browser.post("/api/train", **body).status_code == 403
    assert browser.post("/api/train", **body, HTTP_X_CSRFTOKEN=token).status_code == 400


def test_a_token_in_the_header_needs_no_csrf_token(alice):
    client = APIClient(enforce_csrf_checks=True)
    body = {"username": alice.email, "password": "correct horse battery"}
    token = client.post("/api/request_token", body, format="json").json()["token"]

    answer = client.post("/api/train", {"algorithm": "oracle"}, HTTP_AUTHORIZATION=f"Bearer {token}")

    assert answer.status_code == 400


def test_a_client_that_names_no_type_gets_json(api_as, alice):
    assert api_as(alice).get("/api/trained", HTTP_ACCEPT="*/*")["Content-Type"] == "application/json"


# The documentation


@pytest.mark.sqlite_only  # no row is read
def test_the_schema_is_valid_and_complete(tmp_path):
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(tmp_path / "schema.yml"))

    assert "/api/predict/{model_name}" in (tmp_path / "schema.yml").read_text()


def test_the_schema_is_public_and_knows_how_to_sign_in(api):
    schema = api.get("/api/schema?format=json").json()

    assert schema["openapi"].startswith("3.")
    bearer = schema["components"]["securitySchemes"]["bearer"]
    assert (bearer["type"], bearer["scheme"]) == ("http", "bearer")


@pytest.mark.parametrize("path", ["/api/docs", "/api/redoc"])
def test_the_readers_of_the_schema_take_everything_from_here(client, path):
    page = client.get(path)

    text = page.content.decode()
    assert page.status_code == 200
    assert not re.findall(r'<(?:script|link|img)[^>]*"(?:https?:)?//', text)
    assert "<script>" not in text
    assert "script-src 'self';" in page["Content-Security-Policy"] + ";"


def test_swagger_ui_starts_from_a_script_of_its_own(client):
    script = client.get("/api/docs?script=")

    assert script["Content-Type"].startswith("application/javascript")
    assert "SwaggerUIBundle" in script.content.decode()
    assert '"/api/schema"' in script.content.decode().replace("\\u002D", "-")
