"""What every list under /api/v1/ has in common, asked of each that the router knows.

A new resource needs one line in MAKE.
"""

from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.operations.keys import create_key
from billing import operations as billing
from billing.token_requests import request_tokens, withdraw_request
from mlmodels.operations import jobs, uploads
from mlmodels.operations.predictions import predict
from mlmodels.operations.sharing import share_model
from mlmodels.operations.webhooks import create_webhook
from mlmodels.tests.factories import make_dataset, make_model_row, start_batch, start_run, start_upload
from mlplatform.api_urls import router

pytestmark = pytest.mark.django_db

numbers = count(1)
ROW = {"size": 70, "rooms": 2, "place": "city"}


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


MAKE = {  # one more of what the list shows: its owner, and a model of theirs
    "dataset": lambda alice, model: make_dataset(alice, f"a,b\n1,2\n2,{next(numbers)}\n3,4".encode()),
    "upload": lambda alice, model: uploads.fail(  # few may be open
        upload=uploads.claim_next() if start_upload(alice) else None, error="No table.", code="table_refused"
    ),
    "run": lambda alice, model: start_run(alice, model.dataset),
    "ledger": lambda alice, model: billing.grant(
        user=alice, amount=1, reason="gift", operation=f"gift:{next(numbers)}"
    ),
    "shared-model": lambda alice, model: share_model(
        model=make_model_row(
            User.objects.create_user(f"friend{(n := next(numbers))}@example.com"), name=f"9_{n}"
        ),
        email=alice.email,
        site_url="http://testserver/",
    ),
    "webhook": lambda alice, model: create_webhook(
        owner=alice, url="https://8.8.8.8/hook", events=["run.ended"]
    ),
    "token-request": lambda alice, model: withdraw_request(
        request=request_tokens(user=alice, amount=5, reason="More", site_url="http://testserver/")
    ),
    "key": lambda alice, model: create_key(owner=alice, name="report", scope="all"),
    "model": lambda alice, model: make_model_row(alice, name=f"1_row_{next(numbers)}", dataset=model.dataset),
    "batch": lambda alice, model: jobs.cancel(job=start_batch(alice, model)),  # few may be open
    "prediction": lambda alice, model: predict(owner=alice, model=model, features=ROW),
}
NOT_OWNED = {"algorithm"}  # a constant of the code, and no page of a list
LISTS = {
    basename: f"/api/v1/{prefix}"
    for prefix, view, basename in router.registry
    if hasattr(view, "list") and "<" not in prefix  # lists of one object are tested with it
}
every_list = pytest.mark.parametrize("name", sorted(set(LISTS) - NOT_OWNED))


@every_list
def test_a_longer_list_costs_no_more_queries(name, alice, model, api_as, settings):
    settings.PREDICTION_TOKEN_COST = settings.TRAINING_TOKEN_COST = 0
    client = api_as(alice)

    def queries_of_a_list_of(rows: int):
        while client.get(LISTS[name]).json()["count"] < rows:
            MAKE[name](alice, model)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            listed = client.get(LISTS[name]).json()
        assert len(listed["results"]) == rows
        return len(queries)

    assert queries_of_a_list_of(2) == queries_of_a_list_of(4)


@every_list
def test_a_list_comes_in_pages_of_the_size_that_is_asked_for(name, alice, model, api_as):
    MAKE[name](alice, model)
    MAKE[name](alice, model)

    page = api_as(alice).get(LISTS[name], {"page_size": 1}).json()

    assert page["count"] >= 2 and len(page["results"]) == 1
    assert "page=2" in page["next"] and "page_size=1" in page["next"]


@every_list
@pytest.mark.parametrize("query", [{"no_such_filter": "x"}, {"ordering": "no_such_field"}])
def test_an_unknown_filter_or_order_is_refused_and_the_known_ones_are_named(name, alice, api_as, query):
    answer = api_as(alice).get(LISTS[name], query)

    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == set(query)


@every_list
def test_bob_is_shown_nothing_of_alice(name, alice, bob, model, api_as):
    MAKE[name](alice, model)

    alices, bobs = (
        {str(row) for row in api_as(user).get(LISTS[name]).json()["results"]} for user in (alice, bob)
    )

    assert alices and not alices & bobs


def test_a_parameter_that_the_list_of_deliveries_does_not_have_is_refused(alice, api_as):
    webhook = create_webhook(owner=alice, url="https://8.8.8.8/", events=["run.ended"])

    refused = api_as(alice).get(f"/api/v1/webhooks/{webhook.uuid}/deliveries?status=failed")

    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["status"])
