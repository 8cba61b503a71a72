"""POST /api/v1/shop/grants: a shop grants tokens by a signed webhook."""

import json
import re
import subprocess
import time

import pytest
from django.core.checks import run_checks

from billing.models import LedgerEntry, ShopEvent
from mlplatform.core.webhook_signatures import sign
from mlplatform.settings import BASE_DIR

pytestmark = pytest.mark.django_db

URL = "/api/v1/shop/grants"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GRANT = {"email": "Alice@example.com", "amount": 100, "reason": "Order 1042"}


@pytest.fixture(autouse=True)
def shop(settings):
    settings.TOKENS_WEBHOOK_SECRET = SECRET


@pytest.fixture
def send(api):
    """`send(GRANT, event="order-1")`: the webhook of the shop; what is given replaces what it signs."""

    def send(grant=GRANT, event="order-1", *, age=0, secret=SECRET, body=None, **headers):
        signed = json.dumps(grant).encode()
        at = int(time.time()) - age
        signature = sign(secret=secret, event_id=event, timestamp=at, body=signed)
        headers = {
            "webhook_id": event,
            "webhook_timestamp": str(at),
            "webhook_signature": signature,
        } | headers
        return api.generic("POST", URL, body or signed, content_type="application/json", headers=headers)

    return send


def test_a_signed_event_grants(alice, send, books):
    answer = send()

    assert answer.status_code == 200
    assert answer.json() == {"event": "order-1", "number": 2, "amount": 100, "balance_after": 115}
    assert books(alice) == (115, [15, 100])
    assert LedgerEntry.objects.get(account=alice, seq=2).reason == "Order 1042"


def test_the_same_event_again_answers_the_same_and_grants_nothing(alice, send, books):
    first, again = send(), send(age=60)

    assert (again.status_code, again.json()) == (200, first.json())
    assert books(alice) == (115, [15, 100])


@pytest.mark.parametrize("change", [{"amount": 200}, {"reason": "Order 1043"}, {"email": "bob@example.com"}])
def test_another_body_with_the_same_id_is_refused(alice, bob, send, books, change):
    send()

    answer = send(GRANT | change)

    assert (answer.status_code, answer.json()["code"]) == (422, "event_reused")
    assert books(alice) == (115, [15, 100])
    assert books(bob) == (15, [15])


@pytest.mark.parametrize(
    "wrong",
    [
        {"age": 301},
        {"age": -330},  # leaves room for a slow test
        {"secret": "whsec_" + "A" * 32},
        {"body": json.dumps(GRANT | {"amount": 10_000}).encode()},
        {"webhook_id": "order-2"},
        {"webhook_timestamp": "0"},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": "9" * 30},
        {"webhook_signature": ""},
        {"webhook_signature": "v1,é"},
        {"webhook_signature": "v1,"},
    ],
    ids=str,
)
def test_what_is_not_signed_by_the_shop_just_now_is_refused(alice, send, books, wrong):
    answer = send(**wrong)

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_signature")
    assert books(alice) == (15, [15])
    assert not ShopEvent.objects.exists()


def test_one_good_signature_among_several_is_enough_while_secrets_change(alice, send, books):
    at = int(time.time())
    body = json.dumps(GRANT).encode()
    new = sign(secret=SECRET, event_id="order-1", timestamp=at, body=body)

    answer = send(webhook_timestamp=str(at), webhook_signature=f"v1,b2xk {new}")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("grant", "status", "field"),
    [
        (GRANT | {"amount": 0}, 400, "amount"),
        (GRANT | {"amount": 1.5}, 400, "amount"),
        (GRANT | {"reason": ""}, 400, "reason"),
        ({"email": "alice@example.com"}, 400, "amount"),
        (GRANT | {"email": "nobody@example.com"}, 404, None),
    ],
)
def test_a_signed_event_that_cannot_be_booked_is_refused_and_may_come_again(
    alice, send, books, grant, status, field
):
    answer = send(grant)

    assert answer.status_code == status
    assert field is None or field in answer.json()["fields"]
    assert books(alice) == (15, [15])
    assert send().status_code == 200


@pytest.mark.parametrize("event", ["", "x" * 65, "two words"])
def test_an_event_needs_an_id(alice, send, books, event):
    assert send(event=event).status_code == 400
    assert books(alice) == (15, [15])


def test_a_closed_account_gets_nothing(alice, send):
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)

    assert send().json()["code"] == "no_such_account"


def test_without_a_secret_there_is_no_such_call(alice, send, settings, books):
    settings.TOKENS_WEBHOOK_SECRET = ""

    assert send().status_code == 404
    assert books(alice) == (15, [15])


@pytest.mark.django_db(transaction=True)
def test_one_event_twenty_times_at_once_is_booked_once(alice, send, books, at_once):
    outcomes = at_once(lambda: send(), times=20)

    assert {answer.status_code for answer in outcomes} == {200}
    assert len({answer.content for answer in outcomes}) == 1
    assert books(alice) == (115, [15, 100])


@pytest.mark.django_db(transaction=True)
def test_one_id_for_two_accounts_at_once_is_booked_for_one(alice, bob, send, books, at_once):
    grants = [GRANT, GRANT | {"email": "bob@example.com"}] * 4

    outcomes = at_once(send, each=grants)

    assert {answer.status_code for answer in outcomes} == {200, 422}
    assert sorted([books(alice)[0], books(bob)[0]]) == [15, 115]


@pytest.mark.parametrize(
    ("secret", "is_wrong"), [("", False), (SECRET, False), ("whsec_short", True), ("not base64!", True)]
)
def test_a_secret_that_cannot_sign_is_an_error_at_the_start(settings, secret, is_wrong):
    settings.TOKENS_WEBHOOK_SECRET = secret

    found = [check for check in run_checks(tags=["security"]) if check.id == "billing.E001"]

    assert bool(found) == is_wrong


def test_the_example_of_the_documentation_grants(make_user, live_server, books):
    ada = make_user("ada@example.com")
    section = (BASE_DIR / "docs/api.md").read_text().partition("### Grants from a shop")[2]
    example = re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]
    names = {"API": f"{live_server}/api", "JSON": "Content-Type: application/json"}

    ended = subprocess.run(
        ["sh", "-ec", example],
        env={"PATH": "/usr/bin:/bin", "TOKENS_WEBHOOK_SECRET": SECRET, **names},
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["balance_after"] == 115
    assert books(ada) == (115, [15, 100])
