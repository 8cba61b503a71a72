import errno
import json
import logging
import sqlite3

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import Http404, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.response import Response

import accounts.errors  # noqa: F401 - so that their refusals are walked
import billing.operations  # noqa: F401
import mlmodels.errors  # noqa: F401
from mlplatform.core import errors
from mlplatform.error_responses import STATUS, flatten, status_of
from mlplatform.urls import handler400, handler403, handler404, handler500  # noqa: F401
from mlplatform.urls import urlpatterns as urls_of_the_project

STATUSES = [(kind, status) for kind, (status, _) in STATUS.items()]
RAISED = {}  # what the views of this module raise


@login_not_required
def page(request):
    raise RAISED["error"]


@api_view(["GET", "POST"])
@authentication_classes([])
@permission_classes([])
def endpoint(request):
    if error := RAISED.get("error"):
        raise error
    return Response(request.data)


@login_not_required
def ok(request):
    return HttpResponse("fine")


urlpatterns = [
    path("page", page),
    path("api/plain", page),
    path("api/endpoint", endpoint),
    path("ok", ok),
    *urls_of_the_project,
]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.fixture
def get(client):
    def get(address, error, **headers):
        RAISED["error"] = error
        return client.get(address, headers=headers)

    yield get
    RAISED.clear()


def every_refusal(base=errors.DomainError):
    for kind in base.__subclasses__():
        yield kind
        yield from every_refusal(kind)


@pytest.mark.parametrize(
    "kind", sorted(set(every_refusal()), key=lambda kind: (kind.__module__, kind.__name__))
)
def test_every_refusal_has_a_status_and_a_code(kind):
    refusal = kind.__new__(kind)

    assert status_of(refusal) in dict(STATUS.values())
    assert kind.code != errors.DomainError.code


def test_a_refusal_without_a_line_in_the_table_is_noticed():
    class Unlisted(errors.DomainError):
        pass

    with pytest.raises(StopIteration):
        status_of(Unlisted("no"))


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint"])
@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_the_api_answers_a_refusal_in_json_whoever_serves_it(get, address, kind, status):
    response = get(address, kind("Not like that.", field="area", code="special"))

    body = response.json()
    assert response.status_code == status
    assert ("links" in body) == (kind is errors.PaymentRequired)
    body.pop("links", None)
    assert body == {"detail": "Not like that.", "code": "special", "fields": {"area": "Not like that."}}


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint"])
def test_who_has_too_few_tokens_is_told_where_to_get_more(get, address, settings):
    without_shop = get(address, errors.PaymentRequired("Too few.")).json()
    settings.TOKENS_URL = "https://shop.example.com/"
    with_shop = get(address, errors.PaymentRequired("Too few.")).json()

    assert without_shop["links"] == {"request_tokens": "http://testserver/tokens/"}
    assert with_shop["links"] == {**without_shop["links"], "buy_tokens": "https://shop.example.com/"}


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_a_page_answers_a_refusal_with_its_words(get, kind, status):
    response = get("/page", kind("Not <like> that."))

    assert response.status_code == status
    assert "Not &lt;like&gt; that." in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()


def test_htmx_gets_a_partial(get):
    response = get("/page", errors.Conflict("Not now."), hx_request="true")

    assert response.status_code == 409
    assert "<html" not in response.content.decode()
    assert "Not now." in response.content.decode()


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint", "/page"])
def test_who_must_wait_is_told_how_long(get, address):
    response = get(address, errors.TooManyRequests("Slowly.", retry_after_seconds=17))

    assert response.status_code == 429
    assert response["Retry-After"] == "17"


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint"])
def test_who_is_not_signed_in_is_told_how(get, address):
    response = get(address, errors.NotSignedIn("Log in first."))

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


class Address(serializers.Serializer):
    email = serializers.EmailField()
    lines = serializers.ListField(child=serializers.IntegerField(), required=False)


def test_a_wrong_field_is_named(get):
    form = Address(data={"email": "nobody"})
    form.is_valid()

    response = get("/api/endpoint", exceptions.ValidationError(form.errors))

    assert response.status_code == 400
    assert response.json() == {
        "detail": "email: Enter a valid email address.",
        "code": "invalid",
        "fields": {"email": "Enter a valid email address."},
    }


def test_nested_and_general_errors_are_flattened():
    data = {
        "non_field_errors": ["One of both."],
        "lines": {"1": ["A valid integer is required."]},
        "items": [{}, {"price": ["Too low.", "Not whole."]}],
    }

    assert dict(flatten(data)) == {
        "": "One of both.",
        "lines.1": "A valid integer is required.",
        "items[1].price": "Too low. Not whole.",
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exceptions.PermissionDenied(), 403, "permission_denied"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (exceptions.ValidationError("Neither nor."), 400, "invalid"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (SuspiciousOperation("odd"), 400, "invalid"),
    ],
)
def test_errors_of_the_framework_have_the_same_form(get, error, status, code):
    response = get("/api/endpoint", error)

    assert response.status_code == status
    assert response.json()["code"] == code
    assert response.json()["fields"] == {}
    assert isinstance(response.json()["detail"], str)
    assert response.json()["detail"]


def test_a_throttled_caller_is_told_when_to_come_back(get):
    response = get("/api/endpoint", exceptions.Throttled(wait=30))

    assert response.status_code == 429
    assert response["Retry-After"] == "30"
    assert response.json()["code"] == "throttled"


def database_error(kind=OperationalError, **attributes):
    """As Django raises it: the error of the driver, with its code, is the cause."""
    error = kind("server said: secret=1")
    error.__cause__ = Exception()
    vars(error.__cause__).update(attributes)
    return error


def sqlite_error(name):
    return database_error(sqlite_errorcode=getattr(sqlite3, name), sqlite_errorname=name)


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint", "/page"])
@pytest.mark.parametrize(
    ("error", "outage", "code"),
    [
        (database_error(), "unreachable", None),
        (database_error(InterfaceError), "unreachable", None),
        (database_error(pgcode="57P01"), "unreachable", "57P01"),
        (database_error(pgcode="53300"), "unreachable", "53300"),
        (database_error(pgcode="55P03"), "busy", "55P03"),
        (database_error(pgcode="40P01"), "busy", "40P01"),
        (database_error(pgcode="53100"), "full", "53100"),
        (OperationalError("database is locked"), "busy", None),
        (sqlite_error("SQLITE_BUSY"), "busy", "SQLITE_BUSY"),
        (sqlite_error("SQLITE_FULL"), "full", "SQLITE_FULL"),
        (sqlite_error("SQLITE_CANTOPEN"), "unreachable", "SQLITE_CANTOPEN"),
    ],
)
def test_a_database_outage_is_a_503_and_is_logged_with_its_code(get, address, error, outage, code, caplog):
    with caplog.at_level(logging.ERROR, logger="mlplatform.error_responses"):
        response = get(address, error)

    words = response.content.decode()
    logged = next(record for record in caplog.records if record.getMessage() == "database outage")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "Try again" in words
    assert "secret" not in words
    assert "charged" not in words
    assert logged.fields == {"outage": outage, "database_code": code}


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint", "/page"])
def test_a_full_disk_of_files_is_a_503_and_is_logged(get, address, caplog):
    with caplog.at_level(logging.ERROR, logger="mlplatform.error_responses"):
        response = get(address, OSError(errno.ENOSPC, "No space left on device", "/srv/secret"))

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "There is no space left for files at the moment." in response.content.decode()
    assert "secret" not in response.content.decode()
    assert "no space left for files" in caplog.messages


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint", "/page"])
@pytest.mark.parametrize("error", [sqlite_error("SQLITE_ERROR"), ProgrammingError("no such table")])
def test_a_missing_table_is_a_bug_and_no_outage(get, address, error):
    response = get(address, error)

    assert response.status_code == 500
    assert "charged" not in response.content.decode()


@pytest.mark.parametrize("address", ["/", "/datasets/", "/ok", "/healthz"])
def test_with_the_database_away_a_session_cookie_gets_an_answer_and_a_log_line(
    client, address, monkeypatch, capfd
):
    def gone(*_):
        raise database_error()

    client.cookies["sessionid"] = "x" * 32
    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", gone)
    response = client.get(address)

    output = capfd.readouterr()
    lines = [json.loads(line) for line in output.out.splitlines()]
    assert response.status_code == (200 if address in ("/ok", "/healthz") else 503)
    assert response.status_code == 200 or response["Retry-After"] == "5"
    assert "Traceback" not in output.err
    assert [line["status"] for line in lines if line["message"] == "request"] == [response.status_code]


@pytest.mark.parametrize("address", ["/api/plain", "/api/endpoint"])
def test_a_bug_is_a_500_in_json_without_its_message(get, address):
    response = get(address, ZeroDivisionError("of row 17, alice@example.com"))

    assert response.status_code == 500
    assert response.json()["code"] == "server_error"
    assert "alice" not in response.content.decode()


def test_a_bug_in_a_page_is_a_page_with_the_request_id(get):
    response = get("/page", ZeroDivisionError("of row 17"))

    assert response.status_code == 500
    assert "row 17" not in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()


def test_an_unknown_address_is_json_below_api_and_a_page_elsewhere(client):
    below_api, elsewhere = client.get("/api/nothing"), client.get("/nothing")

    assert (below_api.status_code, elsewhere.status_code) == (404, 404)
    assert below_api.json()["code"] == "not_found"
    assert "<h1>Page not found</h1>" in elsewhere.content.decode()


@pytest.mark.parametrize("address", ["/ok", "/api/endpoint"])
def test_a_host_that_is_not_ours_is_refused(client, address):
    response = client.get(address, headers={"host": "evil.example"})

    assert response.status_code == 400
    assert "The request is malformed." in response.content.decode()


@pytest.mark.parametrize("address", ["/ok?name=a%00b", "/ok%00"])
def test_an_address_with_nul_is_refused(client, address):
    assert client.get(address).status_code == 400


def test_a_form_without_its_token_is_refused_in_words():
    client = Client(enforce_csrf_checks=True)

    response = client.post("/ok")

    assert response.status_code == 403
    assert "Reload the page" in response.content.decode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"features": {"area": 70}}', 200),
        (b'{"features": {"area": NaN}}', 400),
        (b'{"features": "\\u0000"}', 400),
        (b"[" * 21 + b"]" * 21, 400),
        (b'"' + b"x" * 1_000_001 + b'"', 413),
    ],
)
def test_every_endpoint_reads_json_strictly(client, body, status):
    response = client.post("/api/endpoint", body, content_type="application/json")

    assert response.status_code == status
    assert status == 200 or set(json.loads(response.content)) == {"detail", "code", "fields"}


def test_answers_of_the_api_are_not_stored_by_any_cache(client):
    for address in ("/api/endpoint", "/api/models", "/api/nothing"):
        assert client.get(address)["Cache-Control"] == "no-store"


def test_scripts_of_other_sites_may_send_the_headers_of_the_api(client, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    headers = {"origin": "https://app.example.com", "access-control-request-method": "POST"}

    allowed = client.options("/api/endpoint", headers=headers)["Access-Control-Allow-Headers"]

    assert {"idempotency-key", "if-match", "if-none-match", "prefer", "x-request-id"} <= set(
        allowed.split(", ")
    )
