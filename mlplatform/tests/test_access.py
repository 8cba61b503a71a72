"""Who gets in where: every URL that the resolver knows, asked as nobody, as Bob, and as Alice who owns.

A new URL needs one line in URLS.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import get_resolver

from accounts.operations.keys import create_key
from billing.models import LedgerEntry
from billing.token_requests import request_tokens
from mlmodels.operations.aliases import promote
from mlmodels.operations.predictions import predict
from mlmodels.operations.sharing import create_report_link, share_model
from mlmodels.operations.webhooks import create_webhook, send_test
from mlmodels.tests.factories import houses_csv, make_model_row, start_batch, start_upload

pytestmark = pytest.mark.django_db

METHODS = ["get", "post", "put", "patch", "delete"]
ROW = {"size": 70, "rooms": 2, "place": "city"}
CLOSED = {401, 302}
ADMIN_SITE = "admin/"  # Django's own, checked as a whole


@dataclass(frozen=True)
class Rule:
    """Whose URL it is, the values of its parameters, and a body that its operation would take."""

    to: str
    parameters: dict = field(default_factory=dict)
    body: dict = field(default_factory=dict)


def public(**parameters) -> Rule:
    """Anybody is served: they are about nobody in particular, or the way to sign in."""
    return Rule("public", parameters)


def own(**parameters) -> Rule:
    """Everybody who is signed in is served, with what is their own."""
    return Rule("own", parameters)


def administrators(**parameters) -> Rule:
    return Rule("administrators", parameters)


def new_file() -> SimpleUploadedFile:
    return SimpleUploadedFile("rows.csv", houses_csv())


def of(thing: str, body: dict | None = None, **parameters) -> Rule:
    """The owner of the thing is served, and for anybody else there is no such thing. See `alices`."""
    return Rule(thing, parameters, body or {})


URLS = {
    # Pages
    "": public(),
    "datasets/": own(),
    "datasets/samples/<slug:sample>/": own(sample="houses"),
    "datasets/<uuid:uuid>/": of("dataset"),
    "datasets/<uuid:uuid>/change/": of("dataset"),
    "datasets/<uuid:uuid>/versions/": of("dataset"),
    "datasets/<uuid:uuid>/train/": of("dataset"),
    "datasets/<uuid:uuid>/columns/<int:position>/": of("dataset", position=0),
    "datasets/<uuid:uuid>/delete/": of("dataset"),
    "uploads/<uuid:uuid>/": of("upload"),
    "uploads/<uuid:uuid>/delete/": of("upload"),
    "runs/<uuid:uuid>/": of("run"),
    "runs/<uuid:uuid>/cancel/": of("run"),
    "models/": own(),
    "models/compare/": own(),
    "models/<str:name>/": of("model"),
    "models/<str:name>/quality/": of("model"),
    "models/<str:name>/drivers/": of("model"),
    "models/<str:name>/code/": of("model"),
    "models/<str:name>/details/": of("model"),
    "models/<str:name>/monitoring/": of("model"),
    "models/<str:name>/predictions.csv": of("model"),
    "models/<str:name>/actuals/": of("model"),
    "models/<str:name>/retrain/": of("model"),
    "models/<str:name>/promote/": of("model", {"alias": "stable"}),
    "models/<str:name>/names/remove/": of("alias", {"alias": "production"}),
    "models/<str:name>/predict/": of("model"),
    "models/<str:name>/threshold/": of("model"),
    "models/<str:name>/predict/<uuid:uuid>/vary/": of("prediction"),
    "models/<str:name>/card/": of("model"),
    "models/<str:name>/card.<str:file_format>": of("model", file_format="md"),
    "models/<str:name>/download/<str:file_format>/": of("model", file_format="joblib"),
    "models/<str:name>/rename/": of("model"),
    "models/<str:name>/delete/": of("model"),
    "models/<str:name>/files/": of("model"),
    "batches/": own(),
    "batches/<uuid:uuid>/": of("batch"),
    "batches/<uuid:uuid>/start/": of("batch"),
    "batches/<uuid:uuid>/cancel/": of("batch"),
    "batches/<uuid:uuid>/delete/": of("batch"),
    "batches/<uuid:uuid>/answer.csv": of("batch"),
    "batches/<uuid:uuid>/unreadable.csv": of("batch"),
    "models/<str:name>/report/": of("model"),
    "models/<str:name>/share/": of("model"),
    "models/<str:name>/share/account/": of("model"),
    "models/<str:name>/share/link/": of("model"),
    "models/<str:name>/share/account/<uuid:uuid>/revoke/": of("share"),
    "models/<str:name>/share/link/<uuid:uuid>/revoke/": of("report link"),
    "shared/<uuid:uuid>/leave/": of("share with alice"),
    "reports/<str:token>/": public(token="no-such-token"),
    "webhooks/": own(),
    "webhooks/<uuid:uuid>/": of("webhook"),
    "webhooks/<uuid:uuid>/test/": of("webhook"),
    "webhooks/<uuid:uuid>/delete/": of("webhook"),
    "webhooks/<uuid:uuid>/deliveries/<uuid:delivery>/again/": of("webhook"),
    "predictions/": own(),
    "predictions/<uuid:uuid>/": of("prediction"),
    "predictions/<uuid:uuid>/actual/": of("prediction"),
    "predictions/<uuid:uuid>/delete/": of("prediction"),
    "accounts/": own(),
    "accounts/signup/": public(),
    "accounts/login/": public(),
    "accounts/logout/": public(),
    "accounts/forgotten/": public(),
    "accounts/reset/<str:uid>/<str:token>/": public(uid="MQ", token="set-password"),
    "accounts/password/": own(),
    "accounts/sessions/": own(),
    "accounts/keys/": own(),
    "accounts/keys/revoke/": own(),
    "accounts/keys/<uuid:key_id>/revoke/": of("key"),
    "accounts/theme/": public(),
    "accounts/export/": own(),
    "accounts/close/": own(),
    "tokens/": own(),
    "tokens/requests/": own(),
    "tokens/requests/<uuid:request_id>/withdraw/": of("token request"),
    "tokens/ledger.csv": own(),
    "help/": public(),
    "favicon.ico": public(),
    # Probes
    "healthz": public(),
    "readyz": public(),
    # The documentation of the API
    "api": public(),
    "api/": public(),
    "api/schema": public(),
    "api/docs": public(),
    "api/redoc": public(),
    # Classic endpoints
    "api/predict/<str:model_name>": of("model", {"features": ROW}),
    "api/predict": own(),
    "api/train": own(),
    "api/status": own(),
    "api/models": public(),
    "api/create": own(),
    "api/trained": own(),
    "api/trained/<str:model_name>": of("model"),
    "api/delete/<str:model_name>": of("model"),
    "api/user/create": public(),
    "api/user/login": public(),
    "api/user/tokens": own(),
    "api/user/reset_password": public(),
    "api/user/remove_user": administrators(),
    "api/request_token": public(),
    "api/admin/users": administrators(),
    "api/admin/users/<int:user_id>": administrators(user_id=1),
    "api/admin/users/<int:user_id>/tokens": administrators(user_id=1),
    "api/admin/users/<int:user_id>/reset_password": administrators(user_id=1),
    # Resources
    "api/v1/": own(),
    "api/v1/account": own(),
    "api/v1/token": public(),
    "api/v1/token/refresh": public(),
    "api/v1/token/verify": public(),
    "api/v1/token/blacklist": public(),
    "api/v1/datasets": own(),
    "api/v1/datasets/<uuid:uuid>": of("dataset"),
    "api/v1/datasets/<uuid:uuid>/versions": of("dataset"),
    "api/v1/uploads": own(),
    "api/v1/uploads/<uuid:uuid>": of("upload"),
    "api/v1/algorithms": public(),
    "api/v1/algorithms/<str:name>": public(name="linear"),
    "api/v1/runs": own(),
    "api/v1/runs/<uuid:uuid>": of("run"),
    "api/v1/runs/<uuid:uuid>/cancel": of("run"),
    "api/v1/ledger": own(),
    "api/v1/token-requests": own(),
    "api/v1/token-requests/<uuid:pk>": of("token request"),
    "api/v1/token-requests/<uuid:pk>/withdraw": of("token request"),
    "api/v1/shop/grants": public(),  # not there without a secret
    "api/v1/keys": own(),
    "api/v1/keys/<uuid:pk>": of("key"),
    "api/v1/models": own(),
    "api/v1/models/<str:name>": of("model"),
    "api/v1/models/<str:name>/predict": of("model", {"features": ROW}),
    "api/v1/models/<str:name>/explain": of("model", {"features": ROW}),
    "api/v1/models/<str:name>/batches": of("model", {"file": new_file}),
    "api/v1/batches": own(),
    "api/v1/batches/<uuid:uuid>": of("batch"),
    "api/v1/batches/<uuid:uuid>/cancel": of("batch"),
    "api/v1/batches/<uuid:uuid>/result": of("batch"),
    "api/v1/batches/<uuid:uuid>/unreadable": of("batch"),
    "api/v1/models/<str:name>/schema": of("model"),
    "api/v1/models/<str:name>/retrain": of("model"),
    "api/v1/models/<str:name>/monitoring": of("model"),
    "api/v1/models/<str:name>/card": of("model"),
    "api/v1/models/<str:name>/download": of("model"),
    "api/v1/models/<str:name>/aliases": of("model"),
    "api/v1/models/<str:name>/aliases/<str:alias>": of("alias"),
    "api/v1/models/<str:name>/shares": of("model"),
    "api/v1/models/<str:name>/shares/<uuid:uuid>": of("share"),
    "api/v1/models/<str:name>/report-links": of("model"),
    "api/v1/models/<str:name>/report-links/<uuid:uuid>": of("report link"),
    "api/v1/shared-models": own(),
    "api/v1/shared-models/<uuid:uuid>": of("share with alice"),
    "api/v1/webhooks": own(),
    "api/v1/webhooks/<uuid:uuid>": of("webhook"),
    "api/v1/webhooks/<uuid:uuid>/test": of("webhook"),
    "api/v1/webhooks/<uuid:uuid>/deliveries": of("webhook"),
    "api/v1/webhooks/<uuid:uuid>/deliveries/<uuid:delivery>/send-again": of("webhook"),
    "api/v1/predictions": own(),
    "api/v1/predictions/<uuid:uuid>": of("prediction"),
    "api/v1/predictions/<uuid:uuid>/actual": of("prediction"),
}  # fmt: skip
ONLY_ALICES = {
    route: rule for route, rule in URLS.items() if rule.to not in ("public", "own", "administrators")
}


@pytest.fixture
def alices(alice, admin_user, make_model):
    """Her things, by the parameters that URLs know them by."""
    model = make_model(alice)
    prediction = predict(owner=alice, model=model, features=ROW)
    key, _ = create_key(owner=alice, name="report", scope="all")
    share = share_model(model=model, email="charlie@example.com", site_url="http://testserver/")
    shared = share_model(model=make_model_row(admin_user), email=alice.email, site_url="http://testserver/")
    link, _ = create_report_link(model=model)
    webhook = create_webhook(owner=alice, url="https://8.8.8.8/hook", events=["run.ended"])
    asked = request_tokens(user=alice, amount=5, reason="More", site_url="http://testserver/")
    names = {"name": model.name, "model_name": model.name}
    return {
        "dataset": {"uuid": model.dataset.uuid},
        "upload": {"uuid": start_upload(alice).uuid},
        "run": {"uuid": model.run.uuid},
        "model": names,
        "alias": {"alias": promote(model=model, name="production").name, **names},
        "prediction": {"uuid": prediction.uuid, **names},
        "share": {"uuid": share.uuid, **names},
        "report link": {"uuid": link.uuid, **names},
        "share with alice": {"uuid": shared.uuid},
        "webhook": {"uuid": webhook.uuid, "delivery": send_test(webhook=webhook).uuid},
        "token request": {"pk": asked.pk, "request_id": asked.pk},
        "batch": {"uuid": start_batch(alice, model).uuid},
        "key": {"pk": key.pk, "key_id": key.pk},
    }


def routes(resolver=None, beginning: str = ""):
    """Every route of the project, as its patterns are written."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = beginning + str(pattern.pattern)
        yield from routes(pattern, route) if hasattr(pattern, "url_patterns") else [route]


def url_of(route: str, parameters: dict) -> str:
    """`datasets/<uuid:uuid>/` with its value."""
    for name, value in parameters.items():
        for converter in ("int", "slug", "str", "uuid"):
            route = route.replace(f"<{converter}:{name}>", str(value))
    assert "<" not in route, f"{route}: give a value for each parameter in URLS"
    return f"/{route}"


@contextmanager
def undone():
    """What the request changed is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def statuses(client, url: str, body: dict | None = None) -> dict[str, int]:
    """The status by method."""
    found, body = {}, body or {}
    for method in METHODS:
        is_file = "file" in body and method != "get"
        sent = {"file": body["file"]()} if is_file else body
        with undone():
            response = getattr(client, method)(url, sent, **({"format": "multipart"} if is_file else {}))
        found[method] = response.status_code
    return found


@pytest.fixture
def statuses_for(api_as, pages_of):
    """`statuses_for(bob, url)`: by the token of a program, or in the session of a browser."""
    clients = {}

    def ask(user, url, body=None):
        sign_in = api_as if url.startswith("/api/") else pages_of
        if (user, sign_in) not in clients:
            clients[user, sign_in] = sign_in(user)
        return statuses(clients[user, sign_in], url, body)

    return ask


def test_every_url_has_a_rule_and_every_rule_a_url():
    known = {route for route in routes() if not route.startswith(ADMIN_SITE)}

    assert known - set(URLS) == set(), "say in URLS of this file who may open these"
    assert set(URLS) - known == set(), "these are gone: remove them from URLS"


def test_nobody_gets_in_without_signing_in(client, alices):
    closed = {route: rule for route, rule in URLS.items() if rule.to != "public"}
    open_doors = {}

    for route, rule in closed.items():
        found = statuses(client, url_of(route, {**alices.get(rule.to, {}), **rule.parameters}))
        if not set(found.values()) <= CLOSED:
            open_doors[route] = found

    assert open_doors == {}


def test_the_public_urls_answer_nobody_without_an_error(client):
    public = [route for route, rule in URLS.items() if rule.to == "public"]

    assert public
    for route in public:
        found = statuses(client, url_of(route, URLS[route].parameters))

        assert max(status for status in found.values() if status != 503) < 500, route
        assert set(found.values()) - {405, 401}, f"{route} is closed: say so in URLS"


def test_for_bob_alices_things_are_as_if_they_never_were(bob, alices, statuses_for):
    entries = LedgerEntry.objects.count()
    wrong = {}

    for route, rule in ONLY_ALICES.items():
        url = url_of(route, {**alices[rule.to], **rule.parameters})
        found = set(statuses_for(bob, url, rule.body).values())
        if 404 not in found or not found <= {404, 405}:
            wrong[route] = found

    assert wrong == {}
    assert LedgerEntry.objects.count() == entries


def test_for_alice_they_are_there(alice, alices, statuses_for):
    """Or the 404 of Bob would prove nothing."""
    for route, rule in ONLY_ALICES.items():
        url = url_of(route, {**alices[rule.to], **rule.parameters})
        found = set(statuses_for(alice, url, rule.body).values())

        assert 404 not in found, route
        assert found - {405}, route


def test_administration_is_closed_to_everybody_else(client, bob, statuses_for, pages_of):
    bobs_browser = pages_of(bob)

    of_the_api = [route for route, rule in URLS.items() if rule.to == "administrators"]
    of_the_site = [route for route in routes() if route.startswith(ADMIN_SITE) and route != "admin/login/"]

    assert len(of_the_api) > 1
    for route in of_the_api:
        found = statuses_for(bob, url_of(route, URLS[route].parameters))
        assert set(found.values()) <= {403, 405}, route
    assert len(of_the_site) > 20
    for route in of_the_site:
        url = "/" + re.sub(r"<[^>]+>|\(\?P.*", "1", route)
        assert (client.get(url).status_code, bobs_browser.get(url).status_code) == (302, 302), route
