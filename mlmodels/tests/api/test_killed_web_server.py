"""`kill -9` of web servers while they sell predictions: real processes, cut off wherever they are."""

import http.client
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from accounts.api.tokens import AccessToken
from billing import operations as billing
from billing.models import LedgerEntry
from billing.verify import verify_ledger
from mlmodels.models import Prediction
from mlmodels.tests.web_server import WebServer
from mlmodels.tests.worker.conftest import url_of_test_database
from mlplatform.tests.processes import until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

ROW = {"size": 70, "rooms": 2, "place": "city"}
CLIENTS = 6
REQUESTS = 60
KILLS = 3
ANSWERS_BETWEEN_KILLS = 3


@pytest.fixture
def server(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    made = WebServer(tmp_path, url_of_test_database())
    yield made
    made.end()


def test_killed_again_and_again_a_web_server_sells_each_prediction_once(alice, bob, make_model, server):
    """Alice's clients are careful, Bob's are not: they send a request once, without a key."""
    tokens, paths = {}, {}
    for user in (alice, bob):
        billing.grant(user=user, amount=5 * REQUESTS, reason="for the test", operation=f"test:{user.pk}")
        tokens[user], paths[user] = AccessToken.for_user(user), f"/api/predict/{make_model(user).name}"
    server.start()
    answers, cut_off, bought_by_bob = [], [], []

    def send(user, headers):
        headers = {"Authorization": f"Bearer {tokens[user]}", "Content-Type": "application/json", **headers}
        try:
            return server.ask("POST", paths[user], {"features": ROW}, headers)
        except (OSError, http.client.HTTPException) as error:
            cut_off.append(error)

    def buy(number):
        """Alice sends the same request with the same key until there is an answer."""
        bought_by_bob.append(send(bob, {}))
        key = {"Idempotency-Key": f"request {number}"}
        answers.append(until(lambda: send(alice, key), what="for an answer"))

    with ThreadPoolExecutor(CLIENTS) as clients:
        buying = [clients.submit(buy, number) for number in range(REQUESTS)]
        for number in range(1, KILLS + 1):
            until(lambda due=number * ANSWERS_BETWEEN_KILLS: len(answers) >= due, what="for buyers")
            server.kill() if number % 2 else server.kill_serving_processes()
        for bought in buying:
            bought.result()

    connections.close_all()
    assert any(isinstance(error, http.client.RemoteDisconnected | ConnectionResetError) for error in cut_off)
    answered = list(filter(None, bought_by_bob))
    assert {status for status, _ in [*answers, *answered]} == {200}
    assert (charges_of(alice), len(answers)) == (REQUESTS, REQUESTS)
    assert len(answered) <= charges_of(bob) <= REQUESTS
    for user in (alice, bob):
        user.refresh_from_db()
        assert Prediction.objects.filter(owner=user).count() == charges_of(user)
        assert user.token_balance == 15 + 5 * (REQUESTS - charges_of(user))
    assert verify_ledger() == []


def charges_of(user):
    return LedgerEntry.objects.filter(account=user, kind="charge").count()
