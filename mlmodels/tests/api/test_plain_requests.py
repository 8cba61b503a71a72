"""Predictions that are answered without REST framework: as with it, and never by what has changed since."""

import json
import time
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.api.tokens import AccessToken
from accounts.models import ApiKey, User
from accounts.operations import keys
from billing import operations as billing
from billing.models import IdempotencyKey
from billing.verify import verify_ledger
from mlmodels.api import plain
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations import predictions
from mlmodels.operations.aliases import promote
from mlmodels.tests.factories import make_dataset
from mlplatform.wsgi import application

pytestmark = pytest.mark.django_db

ROW = {"size": 70, "rooms": 2, "place": "city"}
BODY = {"features": ROW}
CHANGING = {"X-Request-ID"}


def classic(model):
    return f"/api/predict/{model.name}"


def resource(model):
    return f"/api/v1/models/{model.name}/predict"


def bearer(user):
    return {"Authorization": f"Bearer {AccessToken.for_user(user)}"}


def post(path, body, headers, content_type="application/json"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(path, content, content_type=content_type, headers=headers)


def purchases_of(user):
    """Balance and number of predictions; the ledger agrees with both."""
    user.refresh_from_db()
    charges = user.ledger_entries.filter(kind="charge", reason="prediction")
    assert charges.count() == Prediction.objects.filter(owner=user).count()
    assert user.token_balance == sum(user.ledger_entries.values_list("amount", flat=True))
    return user.token_balance, charges.count()


@pytest.fixture
def model(alice, make_model):
    billing.grant(user=alice, amount=10_000, reason="test", operation="test:1")
    return make_model(alice)


@pytest.fixture
def seen(monkeypatch):
    """How many requests were answered without REST framework."""
    answered = []

    def count(request, name, offer, answer=plain.plain_response):
        response = answer(request, name, offer)
        answered.append(response is not None)
        return response

    monkeypatch.setattr(plain, "plain_response", count)
    return answered


# Bodies that both URLs take, or refuse
BODIES = {
    "a row": BODY,
    "unknown keys": {**BODY, "note": "ignored", "features": {**ROW, "garden": True}},
    "words out of the ordinary": {"features": {**ROW, "place": "Bielefeld\u2028 ß"}},
    "an escaped row": b'{"features": {"size": 70, "rooms": 2, "place": "\\u00df"}}',
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(BODY).encode(),
    "missing columns": {"features": {"size": 70}},
    "an unusable value": {"features": {**ROW, "size": "large"}},
    "a value that is too large": {"features": {**ROW, "size": 1.7e308}},
    "no row": {},
    "a list": {"features": [1, 2]},
    "a row as text": {"features": json.dumps(ROW)},
    "null": {"features": None},
    "not an object": [BODY],
    "null alone": b"null",
    "not JSON": b"{",
    "nothing": b"",
    "not UTF-8": b'{"features": "\xff"}',
    "NUL": b'{"features": {"size": 70, "rooms": 2, "place": "a\\u0000"}}',
    "half a character": b'{"features": {"size": 70, "rooms": 2, "place": "\\ud800"}}',
    "NaN": b'{"features": {"size": NaN, "rooms": 2, "place": "city"}}',
    "too deep": b'{"features": ' + b"[" * 30 + b"]" * 30 + b"}",
    "too large": b'{"features": "' + b"x" * 1_000_001 + b'"}',
    "rows": {"rows": [ROW, {**ROW, "size": 50}]},
    "a row that is refused": {"rows": [ROW, {"size": 1}]},
    "no rows": {"rows": []},
    "too many rows": {"rows": [ROW] * 101},
    "rows that are none": {"rows": [ROW, 1]},
    "one row as rows": {"rows": ROW},
    "rows and a row": {"rows": [ROW], **BODY},
    "another level": {**BODY, "level": 0.8},
    "a level as text": {**BODY, "level": "0.8"},
    "a level that is too high": {**BODY, "level": 1},
    "a level that is true": {**BODY, "level": True},
}
HEADERS = {
    "accepts JSON": {"Accept": "application/json"},
    "accepts what axios does": {"Accept": "application/json, text/plain, */*"},
    "accepts indented JSON": {"Accept": "application/json; indent=4"},
    "accepts a page": {"Accept": "text/html"},
    "accepts XML": {"Accept": "application/xml"},
    "comes from elsewhere": {"Origin": "https://elsewhere.example"},
    "has another host": {"Host": "elsewhere.example"},
    "is compressed": {"Content-Encoding": "gzip"},
    "is said not to be compressed": {"Content-Encoding": "identity"},
    "has a cookie": {"Cookie": "sessionid=nonsense"},
    "has a key": {"Idempotency-Key": "1"},
    "has a blank key": {"Idempotency-Key": ""},
    "has a strange key": {"Idempotency-Key": "ü"},
    "no credentials": {"Authorization": ""},
    "another scheme": {"Authorization": "Basic YTpi"},
    "no token": {"Authorization": "Bearer"},
    "two tokens": {"Authorization": "Bearer a b"},
    "no real token": {"Authorization": "Bearer abc"},
    "an unknown key": {"Authorization": f"Bearer mlp_{'0' * 64}"},
}


def outcome_of(response):
    """Everything but what differs between two equal requests: ids, and nothing else."""
    body = json.loads(response.content) if "json" in response["Content-Type"] else None
    if body and "predictions" in body:
        assert [uuid.UUID(row.pop("id")) for row in body["predictions"]]
    headers = {name: value for name, value in response.headers.items() if name not in CHANGING}
    return response.status_code, body, headers


def both_ways(monkeypatch, *request):
    """What REST framework answers, and what is answered now; of each the second answer as well."""
    outcomes = []
    for is_plain in (lambda environ: False, plain.is_plain):
        with monkeypatch.context() as patch:
            patch.setattr(plain, "is_plain", is_plain)
            outcomes.append([outcome_of(post(*request)) for _ in range(2)])
        IdempotencyKey.objects.all().delete()
    return outcomes


@pytest.mark.parametrize("path_of", [classic, resource])
def test_odd_requests_are_answered_as_rest_framework_answers_them(alice, model, monkeypatch, path_of, seen):
    path, signed_in = path_of(model), bearer(alice)
    requests = {name: (path, body, signed_in) for name, body in BODIES.items()}
    requests |= {name: (path, BODY, signed_in | headers) for name, headers in HEADERS.items()}
    requests["an unknown model"] = (path.replace(model.name, "1_unknown"), BODY, signed_in)
    requests["a query"] = (f"{path}?format=json", BODY, signed_in)
    requests["an unknown query"] = (f"{path}?x=1", BODY, signed_in)

    outcomes = {name: both_ways(monkeypatch, *request) for name, request in requests.items()}

    for name, (with_it, without) in outcomes.items():
        assert with_it == without, name
    assert {without[0][0] for _, without in outcomes.values()} >= {200, 400, 401, 404, 406, 413}
    assert seen.count(True) > 20  # refusals are always answered by REST framework
    assert verify_ledger() == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_behind_https_plain_requests_are_answered_as_rest_framework_answers_them(
    alice, model, monkeypatch, settings, seen, scheme
):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = bearer(alice) | {"X-Forwarded-Proto": scheme}

    with_it, without = both_ways(monkeypatch, classic(model), BODY, headers)

    assert with_it == without
    status, _, headers = without[0]
    assert (status, "Strict-Transport-Security" in headers) == ((200, True) if seen else (301, False))
    assert bool(seen) == (scheme == "https")


def test_an_error_has_the_headers_of_an_answer(alice, model, monkeypatch):
    client, headers = Client(raise_request_exception=False), bearer(alice)
    usual = post(classic(model), BODY, headers).headers

    monkeypatch.setattr(plain, "sell", lambda *sale: 1 // 0)
    error = client.post(classic(model), BODY, content_type="application/json", headers=headers)

    assert error.status_code == 500
    of_every_response = usual.keys() - {"Content-Type", "Content-Length", "Vary", "Allow", "X-Request-ID"}
    assert {"Content-Security-Policy", "X-Content-Type-Options", "Cache-Control"} <= of_every_response
    for name in of_every_response:
        assert error.headers[name] == usual[name]


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "text/plain", "multipart/form-data"]
)
def test_content_types_are_answered_as_rest_framework_answers_them(alice, model, monkeypatch, content_type):
    with_it, without = both_ways(monkeypatch, classic(model), BODY, bearer(alice), content_type)

    assert with_it == without


def test_a_plain_request_of_a_caller_who_was_seen_reads_nothing(alice, model, seen):
    headers = bearer(alice)
    post(classic(model), BODY, headers)

    with CaptureQueriesContext(connection) as queries:
        assert post(classic(model), BODY, headers).status_code == 200
        assert post(classic(model), BODY, headers | {"Idempotency-Key": "k"}).status_code == 200

    assert not [query for query in queries if query["sql"].lstrip().startswith("SELECT")]
    assert seen == [True] * 3
    assert purchases_of(alice)[1] == 3


def over_wsgi(path, body, headers):
    """As a web server asks: status, headers and body."""
    environ = RequestFactory().post(path, body, content_type="application/json", headers=headers).environ
    head = []
    response = application(environ, lambda status, headers: head.extend((status, dict(headers))))
    try:
        return int(head[0].split()[0]), head[1], b"".join(response)
    finally:
        if hasattr(response, "close"):
            response.close()


@pytest.mark.parametrize(
    ("body", "more_headers"),
    [
        (BODY, {}),
        ({"features": {"size": 70}}, {}),
        (BODY, {"Authorization": "Bearer abc"}),
        (BODY, {"Host": "elsewhere.example"}),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_the_handler_of_the_web_server_answers_as_djangos_does(alice, model, body, more_headers):
    headers = bearer(alice) | more_headers
    usual = post(classic(model), body, headers)

    status, headers, content = over_wsgi(classic(model), body, headers)

    assert (status, headers.keys(), content) == (usual.status_code, usual.headers.keys(), usual.content)


@pytest.mark.django_db(transaction=True)
def test_the_handler_of_the_web_server_uses_no_connection_that_has_failed(alice, model, monkeypatch):
    failed, headers = connection.connection, bearer(alice)
    monkeypatch.setattr(connection, "errors_occurred", True)
    monkeypatch.setattr(connection, "is_usable", lambda: connection.connection is not failed)

    status, _, _ = over_wsgi(classic(model), BODY, headers)

    assert status == 200
    assert connection.connection is not failed
    assert verify_ledger() == []


# What was remembered is not believed


@pytest.fixture
def key(alice):
    return keys.create_key(owner=alice, name="script", scope="predict")


def delete(alice, model, key):
    TrainedModel.objects.get(pk=model.pk).delete()


def close(alice, model, key):
    User.objects.filter(pk=alice.pk).update(is_active=False)


def change_password(alice, model, key):
    alice.set_password("another horse battery")
    alice.save()


def revoke(alice, model, key):
    ApiKey.objects.filter(pk=key.pk).revoke()


def let_expire(alice, model, key):
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=2))


def remove_key(alice, model, key):
    ApiKey.objects.filter(pk=key.pk).delete()


def spend(alice, model, key):
    billing.adjust(user=alice, amount=-purchases_of(alice)[0], reason="test", operation="test:2", by=alice)


REFUSED_AFTER = [
    (delete, "token", 404, "not_found"),
    (close, "token", 401, "account_closed"),
    (close, "key", 401, "account_closed"),
    (change_password, "token", 401, "password_changed"),
    (change_password, "key", 200, None),
    (revoke, "key", 401, "key_revoked"),
    (let_expire, "key", 401, "key_expired"),
    (remove_key, "key", 401, "key_unknown"),
    (spend, "token", 402, "insufficient_tokens"),
]


@pytest.mark.parametrize("idempotency", [{}, {"Idempotency-Key": "k"}], ids=["plain", "keyed"])
@pytest.mark.parametrize(("change", "credential", "status", "code"), REFUSED_AFTER)
def test_what_has_changed_since_the_last_request_is_noticed_by_the_next_one(
    alice, model, key, change, credential, status, code, idempotency
):
    stored, text = key
    headers = bearer(alice) if credential == "token" else {"Authorization": f"Bearer {text}"}
    assert post(classic(model), BODY, headers).status_code == 200
    assert post(resource(model), BODY, headers).status_code == 200

    change(alice, model, stored)
    answers = [post(path_of(model), BODY, headers | idempotency) for path_of in (classic, resource)]

    assert [answer.status_code for answer in answers] == [status] * 2
    assert [answer.json().get("code") for answer in answers] == [code] * 2
    assert purchases_of(alice)[1] == (4 if status == 200 else 2)


@pytest.mark.parametrize(("change", "credential", "status", "code"), REFUSED_AFTER)
def test_what_changes_between_the_look_up_and_the_charge_is_noticed_by_the_charge(
    alice, model, key, change, credential, status, code, monkeypatch
):
    stored, text = key
    headers = bearer(alice) if credential == "token" else {"Authorization": f"Bearer {text}"}
    assert post(classic(model), BODY, headers).status_code == 200
    loaded, changes = predictions.load(model), []

    def change_meanwhile(looked_up):
        if not changes:
            changes.append(change(alice, model, stored))
        return loaded

    monkeypatch.setattr(predictions, "load", change_meanwhile)
    answer = post(classic(model), BODY, headers)

    assert changes
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert purchases_of(alice)[1] == (2 if status == 200 else 1)


def test_a_promotion_by_another_process_is_noticed_at_once(alice, model, make_model):
    headers = bearer(alice)
    better = make_model(alice, model.dataset, algorithm="decision_tree")
    assert post(classic(model), BODY, headers).status_code == 200

    promote(model=better, name=model.name)
    assert post(classic(model), BODY, headers).status_code == 200

    sold = Prediction.objects.order_by("id").values_list("model", flat=True)
    assert list(sold) == [model.pk, better.pk]


def test_a_threshold_set_by_another_process_is_noticed_at_once(alice, make_model):
    rows = [f"{n},{'yes' if n % 3 else 'no'}" for n in range(90)]
    billing.grant(user=alice, amount=100, reason="test", operation="test:1")
    dataset = make_dataset(alice, "\n".join(["number,answer", *rows]).encode())
    model = make_model(alice, dataset, target="answer", algorithm="logistic")
    label = TrainedModel.objects.get(pk=model.pk).report["thresholds"]["label"]
    headers, body = bearer(alice), {"features": {"number": 3}}
    before = [post(classic(model), body, headers).json()["prediction"] for _ in range(2)]

    for threshold in (0.001, 0.999):
        TrainedModel.objects.filter(pk=model.pk).update(threshold=threshold)
        answer = post(classic(model), body, headers).json()["prediction"]
        assert (answer == label) == (threshold == 0.001)

    assert len(set(before)) == 1


def test_a_token_that_has_expired_is_refused_although_it_was_seen(alice, model):
    token = AccessToken.for_user(alice)
    token["exp"] = expires_at = int(time.time()) + 2
    headers = {"Authorization": f"Bearer {token}"}
    first = post(classic(model), BODY, headers)
    time.sleep(expires_at - time.time())

    assert (first.status_code, post(classic(model), BODY, headers).status_code) == (200, 401)
    assert purchases_of(alice)[1] == 1


def test_a_key_whose_answer_is_stored_answers_after_the_tokens_are_gone(alice, model):
    headers = bearer(alice) | {"Idempotency-Key": "k"}
    first = post(classic(model), BODY, headers)
    spend(alice, model, None)

    again = post(classic(model), BODY, headers)

    assert (again.status_code, again.content) == (200, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert purchases_of(alice)[1] == 1
