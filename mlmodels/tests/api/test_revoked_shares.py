"""A share is revoked while those with whom the model was shared predict with it."""

import threading
import time

import pytest

from accounts.api.tokens import AccessToken
from billing.models import LedgerEntry
from billing.verify import verify_ledger
from mlmodels.models import Prediction
from mlmodels.operations import predictions
from mlmodels.operations.sharing import share_model
from mlmodels.tests.factories import make_model
from mlplatform.tests.described import DescribedClient

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"features": {"size": 70, "rooms": 2, "place": "city"}}
PREDICTORS = 4
SECONDS_MAX = 30
every_path = pytest.mark.parametrize(
    "path", ["/api/v1/models/{}/predict", "/api/v1/models/{}/explain", "/api/predict/{}"]
)


@pytest.fixture
def bob(make_user):
    return make_user("bob@example.com", tokens=100_000)


@pytest.fixture
def model(alice):
    return make_model(alice)


@pytest.fixture
def share(model, bob):
    return share_model(model=model, email=bob.email, site_url="http://testserver/")


def client_of(user):
    return DescribedClient(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(user)}")


def bought(user) -> tuple[int, int]:
    """The number of stored predictions, and the tokens charged."""
    user.refresh_from_db()
    charges = LedgerEntry.objects.filter(account=user, kind="charge").values_list("amount", flat=True)
    assert verify_ledger() == []
    return Prediction.objects.filter(owner=user).count(), -sum(charges)


@every_path
def test_nothing_is_sold_once_the_share_is_revoked_and_what_was_sold_before_is_paid(
    alice, bob, model, share, at_once, path
):
    revoked_at, has_sold = [], threading.Event()

    def revoke():
        assert has_sold.wait(SECONDS_MAX)
        time.sleep(0.3)
        url = f"/api/v1/models/{model.name}/shares/{share.uuid}"
        answer = client_of(alice).delete(url)
        revoked_at.append(time.monotonic())
        return [(0, answer.status_code)]

    def predict():
        """Predicts until refused. Pairs of when a request was sent and the status of its response."""
        client, answers, end = client_of(bob), [], time.monotonic() + SECONDS_MAX
        while time.monotonic() < end and (not answers or answers[-1][1] == 200):
            sent_at = time.monotonic()
            answers.append((sent_at, client.post(path.format(model.name), BODY, format="json").status_code))
            has_sold.set()
        return answers

    [revocation], *predictors = at_once(lambda work: work(), each=[revoke, *[predict] * PREDICTORS])

    assert revocation[1] == 204
    sold = [sent_at for answers in predictors for sent_at, status in answers if status == 200]
    assert sold and {answers[-1][1] for answers in predictors} == {404}
    assert max(sold) < revoked_at[0]
    assert bought(bob) == (len(sold), 5 * len(sold))


@every_path
@pytest.mark.parametrize("accept", ["application/json", "application/json;q=0.9"], ids=["plain", "REST"])
def test_a_share_that_is_revoked_while_the_row_is_predicted_sells_nothing(
    bob, model, share, monkeypatch, path, accept
):
    client, answered = client_of(bob), predictions.answered
    headers = {"Accept": accept}
    assert client.post(path.format(model.name), BODY, format="json", headers=headers).status_code == 200

    def answered_and_revoked(*arguments):
        result = answered(*arguments)
        model.shares.revoke()
        return result

    monkeypatch.setattr(predictions, "answered", answered_and_revoked)
    refused = client.post(path.format(model.name), BODY, format="json", headers=headers)

    assert refused.status_code == 404
    assert bought(bob) == (1, 5)
