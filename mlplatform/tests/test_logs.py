import json
import logging
import time

import pytest
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from mlmodels.tests.factories import start_run
from mlmodels.worker.loop import log_context
from mlplatform.core import database_time
from mlplatform.logs import JsonFormatter, TextFormatter, output, user_id_of
from mlplatform.urls import handler400, handler404, handler500  # noqa: F401
from mlplatform.urls import urlpatterns as urls_of_the_project

logger = logging.getLogger(__name__)


@login_not_required
def page(request):
    logger.info("a step of the work")
    return HttpResponse("fine")


@login_not_required
def greeting(request):
    return HttpResponse(f"Hello {request.user}")


@login_not_required
def reset(request, uidb64, token):
    return HttpResponse("fine")


@login_not_required
def bug(request):
    try:
        {}[request.GET["card"]]
    except KeyError as error:
        raise ValueError(f"row of alice@example.com: {request.GET['card']}") from error


@login_not_required
def not_just_now(request):
    return HttpResponse("come back later", status=503)


@api_view(["POST"])
@permission_classes([AllowAny])
def endpoint(request):
    return Response({})


urlpatterns = [
    path("page", page),
    path("greeting", greeting),
    path("reset/<uidb64>/<token>/", reset),
    path("bug", bug),
    path("not-just-now", not_just_now),
    path("endpoint", endpoint),
    *urls_of_the_project,
]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def lines(capsys):
    """The lines that were logged since the last call, each as a dictionary."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def line_of_request(lines):
    return next(line for line in lines if line["message"] == "request")


def test_every_request_is_one_line_of_json(client, lines):
    client.get("/page")

    line = line_of_request(lines())
    assert {key: line[key] for key in ("level", "method", "path", "route", "status", "user_id")} == {
        "level": "info",
        "method": "GET",
        "path": "/page",
        "route": "page",
        "status": 200,
        "user_id": None,
    }
    assert line["ms"] >= line["database_ms"] >= 0
    assert line["time"].endswith("+00:00")


def test_the_line_says_the_pattern_of_the_url_and_how_long_the_database_took(
    client, alice, lines, monkeypatch
):
    from django.db.backends.utils import CursorWrapper

    execute = CursorWrapper._execute

    def slow(*arguments):
        time.sleep(0.02)
        return execute(*arguments)

    client.force_login(alice)
    lines()
    monkeypatch.setattr(CursorWrapper, "_execute", slow)
    client.get("/datasets/0b0f5a0e-6c1f-4f0e-9b60-3f8f7f1f2a11/")

    line = line_of_request(lines())
    assert (line["status"], line["route"]) == (404, "datasets/<uuid:uuid>/")
    assert 40 <= line["database_ms"] <= line["ms"]


def test_time_that_is_measured_inside_of_measured_time_counts_once():
    database_started, started = database_time.start(), time.perf_counter()

    with database_time.measured(), database_time.measured():
        time.sleep(0.01)

    assert 0.01 <= database_time.since(database_started) <= time.perf_counter() - started


def test_a_url_that_is_no_page_has_no_route(client, lines):
    client.get("/wp-login.php")

    assert line_of_request(lines())["route"] is None


def test_what_a_worker_logs_during_a_run_carries_its_id(alice, lines):
    run = start_run(alice)
    lines()

    with log_context(run):
        logger.info("a step of the run")
    logger.info("afterwards")

    during, afterwards = lines()
    assert during["run"] == str(run.uuid)
    assert "run" not in afterwards


def test_lines_for_a_terminal_are_plain_text():
    def line(message, error=None, **fields):
        trace = (type(error), error, error.__traceback__) if error else None
        name = "mlplatform.requests" if message == "request" else "mlmodels"
        record = logging.LogRecord(name, logging.INFO, __file__, 1, message, (), trace)
        record.fields = fields
        return TextFormatter().format(record)[9:]

    assert line("request", method="GET", path="/a", status=200, ms=1.5) == "info GET /a 200 in 1.5 ms"
    assert line("Training", worker="w", attempt=1) == "info Training worker=w attempt=1"
    try:
        raise ValueError("4111")
    except ValueError as error:
        text = line("broken", error)
    assert text.startswith("info broken\n    builtins.ValueError at ")
    assert "4111" not in text


@pytest.mark.parametrize(
    ("arguments", "stream"),
    [
        (["manage.py", "housekeeping", "--json"], "stderr"),
        (["manage.py", "run_worker"], "stdout"),
        (["/srv/mlplatform/web_server.py"], "stdout"),
    ],
)
def test_a_command_that_reports_logs_to_standard_error(arguments, stream):
    assert output("json", arguments)["handlers"]["output"]["name"] == stream


def test_all_log_context_a_request_carry_its_id_and_so_does_the_answer(client, lines):
    response = client.get("/page")

    logged = lines()
    assert {line["request_id"] for line in logged} == {response["X-Request-ID"]}
    assert "a step of the work" in [line["message"] for line in logged]


def test_two_requests_have_two_ids(client):
    assert client.get("/page")["X-Request-ID"] != client.get("/page")["X-Request-ID"]


def test_the_id_of_a_proxy_is_taken_over(client, lines):
    response = client.get("/page", headers={"X-Request-ID": "edge-17.abc_D"})

    assert response["X-Request-ID"] == "edge-17.abc_D"
    assert line_of_request(lines())["request_id"] == "edge-17.abc_D"


@pytest.mark.parametrize("given", ["", "with space", "x" * 65, 'quote"', "line\nbreak", "ümlaut"])
def test_an_id_that_could_forge_a_line_is_replaced(client, given):
    response = client.get("/page", headers={"X-Request-ID": given})

    assert response["X-Request-ID"] != given
    assert len(response["X-Request-ID"]) == 32


def test_the_user_of_a_session_is_named_by_number(client, alice, lines):
    client.force_login(alice)

    client.get("/greeting")

    assert line_of_request(lines())["user_id"] == alice.pk


def test_the_user_of_a_token_is_named_where_a_page_rule_has_looked_for_a_session(rf, alice):
    request = rf.get("/page")
    request.user, request._cached_user = alice, AnonymousUser()

    assert user_id_of(request) == alice.pk


def test_the_user_of_an_api_call_is_named_by_number(api_as, alice, lines):
    api_as(alice).post("/endpoint", {})

    assert line_of_request(lines())["user_id"] == alice.pk


def test_nothing_of_query_body_headers_or_one_time_link_is_logged(client, capsys):
    client.get("/page?password=hunter2")
    client.post("/endpoint", {"credit_card": "hunter2"}, content_type="application/json")
    client.get("/page", headers={"Authorization": "Bearer hunter2", "Cookie": "sessionid=hunter2"})
    client.get("/reset/hunter2/hunter2")  # is redirected
    client.get("/reset/hunter2/hunter2/")

    logged = capsys.readouterr().out
    assert "hunter2" not in logged
    assert "/reset/…/…/" in json.loads(logged.splitlines()[-1])["path"]


def test_no_one_time_link_is_logged_where_it_is_redirected_or_refused(client, lines, settings):
    client.get("/reset/Mg/secret/", HTTP_HOST="another.example")
    settings.SECURE_SSL_REDIRECT = True
    Client().get("/reset/Mg/secret/")

    assert [line["path"] for line in lines() if "path" in line] == ["/reset/…/…/"] * 2


@pytest.mark.parametrize(
    ("request_of", "message"),
    [
        (
            {"method": "get", "path": "/page", "HTTP_HOST": "secret.example"},
            "Refused by Django: DisallowedHost, which is none of ALLOWED_HOSTS",
        ),
        (
            {"path": "/reset/Mg/secret/", "HTTP_ORIGIN": "https://secret.example"},
            "Refused by Django: csrf Origin checking failed",
        ),
        (
            {"path": "/reset/Mg/secret/", "secure": True, "HTTP_REFERER": "https://secret.example/?a=secret"},
            "Refused by Django: csrf Referer checking failed",
        ),
    ],
)
def test_what_django_refuses_is_a_warning_without_words_of_the_request(capsys, request_of, message):
    client, method = Client(enforce_csrf_checks=True), request_of.pop("method", "post")

    getattr(client, method)(request_of.pop("path"), **request_of)

    printed = capsys.readouterr().out
    refused, _ = map(json.loads, printed.splitlines())
    assert (refused["level"], refused["message"]) == ("warning", message)
    assert "secret" not in printed


def test_a_bug_is_logged_with_its_place_and_its_cause_but_not_its_message(client, lines, capsys):
    client.raise_request_exception = False

    client.get("/bug?card=4111111111111111")

    logged = capsys.readouterr().out
    line = next(json.loads(line) for line in logged.splitlines() if "exception" in line)
    assert [step["class"] for step in line["exception"]] == ["builtins.KeyError", "builtins.ValueError"]
    assert any("test_logs.py" in frame and frame.endswith(" bug") for frame in line["exception"][1]["frames"])
    assert "4111" not in logged
    assert "alice" not in logged


def test_a_failed_request_is_an_error_line(client, lines):
    client.raise_request_exception = False

    client.get("/bug?card=1")

    assert line_of_request(lines())["level"] == "error"


def test_what_is_not_there_just_now_is_one_line_and_a_warning(client, lines):
    client.get("/not-just-now")

    assert [(line["level"], line["status"]) for line in lines()] == [("warning", 503)]


def test_a_line_outside_of_requests_has_no_request():
    record = logging.LogRecord("worker", logging.WARNING, __file__, 1, "run %s is late", (7,), None)
    record.fields = {"run": 7}

    line = json.loads(JsonFormatter().format(record))

    assert (line["message"], line["request_id"], line["user_id"], line["run"]) == (
        "run 7 is late",
        None,
        None,
        7,
    )
