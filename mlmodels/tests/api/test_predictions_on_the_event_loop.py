"""Plain predictions need no thread. They are answered as in one, or by one."""

import asyncio
import json

import pytest
from django.db import OperationalError, ProgrammingError, connections

from accounts.operations import keys
from billing import operations as billing
from billing import purchases_on_postgresql, purchases_on_sqlite
from billing.models import IdempotencyKey
from billing.verify import verify_ledger
from mlmodels.api import plain
from mlmodels.models import Prediction
from mlmodels.operations import predictions
from mlmodels.tests.api.test_plain_requests import (
    BODIES,
    BODY,
    HEADERS,
    REFUSED_AFTER,
    ROW,
    bearer,
    classic,
    outcome_of,
    post,
    purchases_of,
    resource,
)
from mlplatform.core import event_loop
from mlplatform.request_buffering import BufferedApplication
from mlplatform.wsgi import application

pytestmark = pytest.mark.django_db(transaction=True)


class Answer:
    """With what tests ask of a response of Django."""

    def __init__(self, start: dict, content: bytes):
        self.status_code = start["status"]
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.headers = {name: headers[name] for name in headers if name != "Set-Cookie"}
        self.content = content

    def __getitem__(self, name):
        return self.headers[name]

    def json(self):
        return json.loads(self.content)


class Loop:
    """Answers requests that arrive at the same time, as the web server does. Counts who needed a thread."""

    def __init__(self):
        self.in_threads = 0
        self.buffered = BufferedApplication(
            self.call, threads=1, body_bytes_max=10_000_000, is_quick=plain.is_sale
        )

    def call(self, environ, start_response):
        if event_loop.is_running():
            return application(environ, start_response)
        self.in_threads += 1
        try:
            return [b"".join(application(environ, start_response))]
        finally:
            connections.close_all()  # the database of the tests has to be dropped

    def post(self, *requests) -> list[Answer]:
        async def all_of_them():
            return await asyncio.gather(*(self.send(*request) for request in requests))

        return asyncio.run(all_of_them())

    async def send(self, path, body, headers) -> Answer:
        content, sent = body if isinstance(body, bytes) else json.dumps(body).encode(), []
        headers = {"Content-Type": "application/json", "Host": "testserver", **headers}
        headers["Content-Length"] = str(len(content))
        scope = {
            "method": "POST",
            "raw_path": path.partition("?")[0].encode(),
            "query_string": path.partition("?")[2].encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "server": ("testserver", 80),
            "client": ("127.0.0.1", 4711),
            "http_version": "1.1",
            "scheme": "http",
        }

        async def receive():
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.buffered(scope, receive, send)
        return Answer(sent[0], b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def model(alice, make_model):
    billing.grant(user=alice, amount=10_000, reason="test", operation="test:1")
    return make_model(alice)


@pytest.fixture
def headers(alice):
    return bearer(alice)


@pytest.fixture
def warm(loop, model, headers):
    """The caller and the model are in memory."""
    [answer] = loop.post((classic(model), BODY, headers))
    assert answer.status_code == 200
    assert loop.in_threads == 1
    return loop


def test_only_the_first_request_of_a_caller_needs_a_thread(warm, alice, model, headers):
    answers = warm.post(*[(classic(model), BODY, headers)] * 3)

    assert [answer.status_code for answer in answers] == [200] * 3
    assert warm.in_threads == 1
    assert purchases_of(alice)[1] == 4
    assert verify_ledger() == []


@pytest.mark.parametrize("path_of", [classic, resource])
def test_requests_are_answered_as_in_a_thread(warm, model, headers, monkeypatch, path_of):
    path = path_of(model)
    requests = {name: (path, body, headers) for name, body in BODIES.items()}
    # The client of the tests sends headers as Latin-1, a browser sends them as UTF-8
    requests |= {name: (path, BODY, headers | HEADERS[name]) for name in HEADERS if "strange" not in name}
    requests["an unknown model"] = (path.replace(model.name, "1_unknown"), BODY, headers)
    requests["a query"] = (f"{path}?format=json", BODY, headers)
    warm.post((path, BODY, headers))  # callers are remembered for each view
    on_loop, not_in_threads = {}, []
    for name, request in requests.items():
        before = warm.in_threads
        [answer] = warm.post(request)
        on_loop[name] = outcome_of(answer)
        if warm.in_threads == before:
            not_in_threads.append(name)
    IdempotencyKey.objects.all().delete()
    monkeypatch.setattr(plain, "is_plain", lambda environ: False)
    usual = {name: outcome_of(post(*request)) for name, request in requests.items()}

    for name, outcome in on_loop.items():
        assert outcome == usual[name], name
    assert {"a row", "an escaped row", "accepts JSON", "has a key"} <= {*not_in_threads}
    assert verify_ledger() == []


@pytest.mark.parametrize(("change", "credential", "status", "code"), REFUSED_AFTER)
def test_what_has_changed_since_the_last_request_is_noticed(
    loop, alice, model, change, credential, status, code
):
    stored, text = keys.create_key(owner=alice, name="script", scope="predict")
    headers = bearer(alice) if credential == "token" else {"Authorization": f"Bearer {text}"}
    request = classic(model), BODY, headers
    loop.post(request)
    loop.post(request)
    assert loop.in_threads == 1

    change(alice, model, stored)
    [answer] = loop.post(request)

    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert purchases_of(alice)[1] == (3 if status == 200 else 2)


def test_a_repeated_request_is_answered_from_the_first(warm, alice, model, headers):
    request = classic(model), BODY, headers | {"Idempotency-Key": "k"}

    [first], [again] = warm.post(request), warm.post(request)

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert purchases_of(alice)[1] == 2


def test_of_two_equal_requests_with_one_key_at_the_same_time_one_is_charged(warm, alice, model, headers):
    request = classic(model), BODY, headers | {"Idempotency-Key": "k"}

    first, second = warm.post(request, request)

    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert purchases_of(alice)[1] == 2


def test_many_rows_need_a_thread_and_are_charged_once(warm, alice, model, headers):
    rows = [ROW] * 20

    [answer] = warm.post((resource(model), {"rows": rows}, headers))

    assert len(answer.json()["predictions"]) == 20
    assert purchases_of(alice)[1] == 21
    assert warm.in_threads == 2


@pytest.mark.parametrize("why", ["is not compiled", "is large"])
def test_a_model_that_takes_long_needs_a_thread(warm, alice, model, headers, monkeypatch, why):
    served = predictions.load(model)
    if why == "is large":
        monkeypatch.setattr(served, "nbytes", 100_000_000)
    else:
        monkeypatch.setattr(served, "is_compiled", False)
    [answer] = warm.post((classic(model), BODY, headers))

    assert answer.status_code == 200
    assert warm.in_threads == 2
    assert purchases_of(alice)[1] == 2


def test_an_error_of_the_application_is_not_repeated_in_a_thread(warm, model, headers, monkeypatch):
    request = classic(model), BODY, headers
    monkeypatch.setattr(plain, "response_of", lambda *response: 1 // 0)

    [answer] = warm.post(request)

    assert answer.status_code == 500
    assert warm.in_threads == 1
    assert Prediction.objects.count() == 2
    assert verify_ledger() == []


@pytest.mark.parametrize(
    ("code", "status"), [("57P01", 503), ("42P01", 500)], ids=["the server stops", "a bug"]
)
@pytest.mark.postgresql_only
def test_a_purchase_that_may_have_been_booked_is_not_repeated_in_a_thread(
    warm, model, headers, monkeypatch, code, status
):
    async def fail(orders):
        lost = OperationalError("lost") if status == 503 else ProgrammingError("no such table")
        lost.__cause__ = Cause(code)
        raise lost

    monkeypatch.setattr(purchases_on_postgresql.together, "_commit", fail)

    answers = warm.post(*[(classic(model), BODY, headers)] * 2)

    assert [answer.status_code for answer in answers] == [status] * 2
    assert warm.in_threads == 1
    assert Prediction.objects.count() == 1


class Cause(Exception):
    """An error of the driver."""

    def __init__(self, code):
        self.pgcode = code


@pytest.mark.sqlite_only
def test_on_sqlite_one_that_cannot_be_stored_does_not_fail_those_that_came_with_it(
    warm, alice, model, headers, monkeypatch
):
    monkeypatch.setattr(purchases_on_sqlite, "_book_in_thread", lambda purchases: json.dumps(object()))

    answers = warm.post(*[(classic(model), BODY, headers)] * 3)

    assert [answer.status_code for answer in answers] == [200] * 3
    assert warm.in_threads == 4
    assert purchases_of(alice)[1] == 4


@pytest.mark.sqlite_only
def test_on_sqlite_requests_that_come_together_are_committed_together(warm, model, headers, monkeypatch):
    groups, book = [], purchases_on_sqlite._book_in_thread

    def count(purchases):
        groups.append(len(purchases))
        return book(purchases)

    monkeypatch.setattr(purchases_on_sqlite, "_book_in_thread", count)

    warm.post(*[(classic(model), BODY, headers)] * 5)

    assert groups == [5]


def test_a_query_after_the_charge_is_an_error_and_no_second_charge(warm, model, headers, monkeypatch):
    request = classic(model), BODY, headers
    monkeypatch.setattr(plain, "response_of", lambda *response: Prediction.objects.first())

    with pytest.raises(RuntimeError):
        warm.post(request)

    assert warm.in_threads == 1
    assert Prediction.objects.count() == 2
    assert verify_ledger() == []
