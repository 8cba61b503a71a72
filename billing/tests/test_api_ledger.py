"""GET /api/v1/ledger: the caller's entries, page by page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import operations
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db

LEDGER = "/api/v1/ledger"


@pytest.fixture
def spent(alice):
    """Alice has a grant of 15, a charge of 5, its refund, and a charge of 1."""
    operations.charge(user=alice, amount=5, reason="prediction", operation="p:a", reference="prediction:a")
    operations.refund(operation_of_charge="p:a", reason="failed")
    operations.charge(user=alice, amount=1, reason="training linear", operation="run:b", reference="run:b")


def make_entries(account, number):
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            account=account, seq=seq, kind="grant", amount=1, balance_after=14 + seq, reason="gift",
            operation=f"gift:{seq}",
        )
        for seq in range(2, 2 + number)
    )  # fmt: skip


def test_entries_are_listed_newest_first_with_what_each_was_for(alice, api_as, spent):
    answer = api_as(alice).get(LEDGER).json()

    newest = answer["results"][0]
    assert (answer["count"], answer["next"], answer["previous"]) == (4, None, None)
    assert [entry["amount"] for entry in answer["results"]] == [-1, 5, -5, 15]
    assert [entry["balance_after"] for entry in answer["results"]] == [14, 15, 10, 15]
    assert newest.pop("created_at")
    assert newest == {
        "number": 4, "kind": "charge", "amount": -1, "balance_after": 14, "reason": "training linear",
        "reference": "run:b",
    }  # fmt: skip


def test_entries_of_one_kind_are_listed_alone(alice, api_as, spent):
    answer = api_as(alice).get(LEDGER, {"kind": "charge"}).json()

    assert [entry["number"] for entry in answer["results"]] == [4, 2]


def test_nobody_sees_anothers_entries(bob, api_as, spent):
    answer = api_as(bob).get(LEDGER).json()

    assert [entry["amount"] for entry in answer["results"]] == [15]


def test_pages_have_the_size_that_is_asked_for_up_to_two_hundred(alice, api_as):
    make_entries(alice, 249)
    client = api_as(alice)

    usual, large, too_large = (
        client.get(LEDGER).json(),
        client.get(LEDGER, {"page_size": 120, "page": 3}).json(),
        client.get(LEDGER, {"page_size": 5000}).json(),
    )

    assert len(usual["results"]) == 50
    assert usual["next"] == "http://testserver/api/v1/ledger?page=2"
    assert [entry["number"] for entry in large["results"]] == list(range(10, 0, -1))
    assert len(too_large["results"]) == 200


def test_a_page_neither_counts_nor_skips_entries(alice, api_as):
    make_entries(alice, 150)

    with CaptureQueriesContext(connection) as queries:
        page = api_as(alice).get(LEDGER, {"page": 3}).json()

    assert [entry["number"] for entry in page["results"]] == list(range(51, 1, -1))
    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"] or "OFFSET" in query["sql"]]


def test_a_page_costs_two_queries_however_many_entries_there_are(alice, api_as, django_assert_num_queries):
    make_entries(alice, 150)
    client = api_as(alice)

    for query in ({}, {"page": 3}, {"kind": "grant", "page_size": 100}):
        with django_assert_num_queries(2):
            assert client.get(LEDGER, query).status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"kind": "gift"}, "kind"),
        ({"knid": "grant"}, "knid"),
        ({"reason": "welcome"}, "reason"),
        ({"ordering": "amount"}, "ordering"),
    ],
)
def test_a_query_that_the_list_does_not_know_is_refused_by_name(alice, api_as, query, field):
    answer = api_as(alice).get(LEDGER, query)

    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == {field}


def test_a_refusal_says_what_the_list_takes(alice, api_as):
    answer = api_as(alice).get(LEDGER, {"from": "2026-01-01", "to": "2026-02-01"}).json()

    assert answer["detail"] == "Unknown in the query: from, to. This list takes kind, page, page_size."


@pytest.mark.parametrize("page", ["0", "3", "x", "-1", "9" * 30])
def test_a_page_that_there_is_not_is_a_404(alice, api_as, page):
    assert api_as(alice).get(LEDGER, {"page": page}).status_code == 404


def test_the_ledger_can_only_be_read(alice, api_as, spent):
    client = api_as(alice)

    codes = {getattr(client, method)(LEDGER, {}).status_code for method in ("post", "put", "patch", "delete")}

    assert codes == {405}


def test_the_ledger_is_private(api, db):
    assert api.get(LEDGER).status_code == 401


def test_in_a_browser_the_ledger_is_a_page_with_its_filter(alice, pages_of, spent):
    page = pages_of(alice).get(LEDGER, headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert "training linear" in page.content.decode()
