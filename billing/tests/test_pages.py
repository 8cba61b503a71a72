"""/tokens/: the balance and every movement."""

import tracemalloc
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from billing import operations
from billing.models import LedgerEntry
from mlplatform.tests.plans import plan_of

pytestmark = pytest.mark.django_db


def test_the_page_shows_balance_movements_and_what_was_spent(alice, pages_of):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:a")
    operations.refund(operation_of_charge="prediction:a", reason="failed")
    operations.charge(user=alice, amount=1, reason="training linear", operation="run:b:charge")

    page = pages_of(alice).get("/tokens/").content.decode()

    assert '<dd class="big">14</dd>' in page
    assert '<dd class="big">1</dd>' in page
    for change in ("+15", "−5", "+5", "−1"):
        assert f">{change}<" in page


def test_the_page_names_every_price(alice, pages_of, settings):
    settings.TRAINING_TOKEN_COST, settings.PREDICTION_TOKEN_COST, settings.BATCH_TOKEN_COST = 1, 3, 7

    page = " ".join(pages_of(alice).get("/tokens/").content.decode().split())

    assert "costs 1 token, a prediction 3, and a file 7 per 1,000 rows, rounded up" in page


def test_a_training_has_the_name_of_its_algorithm_as_on_other_pages(alice, pages_of):
    booked = {"operation": "run:b:charge", "reference": f"run:{uuid.uuid4()}"}
    operations.charge(user=alice, amount=1, reason="training knn", **booked)

    page = pages_of(alice).get("/tokens/").content.decode()

    assert "Training: Nearest neighbors" in page
    assert "knn" not in page
    assert "training knn" in pages_of(alice).get("/tokens/ledger.csv").getvalue().decode()
    assert LedgerEntry.objects.latest_first().first().reason == "training knn"


def test_other_reasons_are_shown_as_they_were_booked(alice, pages_of):
    run, prediction = f"run:{uuid.uuid4()}", f"prediction:{uuid.uuid4()}"
    operations.charge(user=alice, amount=1, reason="failed", operation="run:b", reference=run)
    operations.charge(user=alice, amount=1, reason="training knn", operation="p:b", reference=prediction)

    page = pages_of(alice).get("/tokens/").content.decode()

    assert "Failed\n" in page.replace("</a>", "\n")
    assert "Training knn" in page


def test_the_time_of_a_movement_is_written_for_its_reader_with_its_zone(alice, pages_of, time_machine):
    time_machine.move_to("2026-03-01T10:05:00Z", tick=False)
    operations.grant(user=alice, amount=1, reason="gift", operation="grant:1")

    page = pages_of(alice).get("/tokens/", headers={"accept-language": "de"}).content.decode()

    assert ">01.03.2026 10:05 UTC</time>" in page


def test_movements_can_be_narrowed_to_a_kind(alice, pages_of):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:a")

    partial = pages_of(alice).get("/tokens/?kind=charge", headers={"HX-Request": "true"}).content.decode()

    assert "−5" in partial
    assert "+15" not in partial
    assert "<html" not in partial


def test_the_ledger_as_csv_is_whole_and_runs_no_formula(alice, admin_user, pages_of):
    operations.grant(user=alice, amount=3, reason="=1+1", operation="grant:1", by=admin_user)

    answer = pages_of(alice).get("/tokens/ledger.csv")

    lines = answer.getvalue().decode().splitlines()
    assert answer["Content-Disposition"] == 'attachment; filename="ledger.csv"'
    assert lines[0] == "number,time,kind,change,balance,reason,reference"
    assert lines[2].endswith(",grant,3,18,'=1+1,")


def test_nobody_sees_anothers_movements(alice, bob, pages_of):
    operations.charge(user=alice, amount=5, reason="alice alone", operation="prediction:a")

    assert "alice alone" not in pages_of(bob).get("/tokens/").content.decode()


def test_many_movements_come_in_pages(alice, pages_of):
    for number in range(60):
        operations.grant(user=alice, amount=1, reason=f"gift {number}", operation=f"grant:{number}")

    first = pages_of(alice).get("/tokens/").content.decode()
    second = pages_of(alice).get("/tokens/?page=2").content.decode()

    assert "Gift 59" in first
    assert "Gift 0\n" in second
    assert "Page 2 of 2" in second


@pytest.fixture
def make_entries(alice):
    """`make_entries(5000)`: charges and grants of one token in turn, after the first entry of Alice."""

    def make(number):
        last = LedgerEntry.objects.filter(account=alice).last_seq()
        LedgerEntry.objects.bulk_create(
            LedgerEntry(
                account=alice, seq=seq, kind="charge" if seq % 2 else "grant", amount=-1 if seq % 2 else 1,
                balance_after=15 + (seq + 1) % 2, reason=f"entry {seq}", operation=f"entry:{seq}",
            )
            for seq in range(last + 1, last + 1 + number)
        )  # fmt: skip

    return make


def ledger_queries(asked):
    return [query["sql"] for query in asked if "billing_ledgerentry" in query["sql"]]


@pytest.mark.parametrize("url", ["/tokens/", "/tokens/?page=3", "/tokens/?kind=charge&before=150"])
def test_a_page_is_cut_by_numbers_and_nothing_is_counted_skipped_or_summed(
    alice, pages_of, make_entries, url
):
    make_entries(300)
    client = pages_of(alice)

    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200

    queries = ledger_queries(asked)
    assert 1 <= len(queries) <= 2
    for query in queries:
        assert not {"COUNT(", "SUM(", "OFFSET"} & set(query.replace("(", "( ").split())
        assert "ledger_seq_unique_per_account" in (plan := plan_of(query)) or "autoindex" in plan, plan
        assert "TEMP B-TREE" not in plan and "Sort" not in plan, plan


@pytest.mark.parametrize("url", ["/tokens/?kind=grant", "/api/v1/ledger?kind=grant"])
def test_other_entries_are_found_without_reading_the_charges_among_them(alice, make_entries, url):
    make_entries(300)
    client = APIClient()
    client.force_login(alice)

    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200

    queries = ledger_queries(asked)
    assert queries
    for query in queries:
        assert "ledger_besides_charges" in (plan := plan_of(query)), plan
        assert "TEMP B-TREE" not in plan and "Sort" not in plan, plan


def test_the_pages_of_one_kind_follow_each_other_without_a_gap(alice, pages_of, make_entries):
    make_entries(300)
    client, shown, url = pages_of(alice), [], "/tokens/?kind=charge"

    while url:
        context = client.get(url).context
        shown += [entry.seq for entry in context["entries"]]
        url = context["older"] and f"/tokens/?kind=charge&before={context['older']}"

    assert shown == list(range(301, 1, -2))


@pytest.mark.parametrize("before", ["x", "-1", "٣", "9" * 40])
def test_a_number_that_is_none_shows_the_newest_entries(alice, pages_of, before):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:a")

    answer = pages_of(alice).get("/tokens/", {"kind": "charge", "before": before})

    assert [entry.seq for entry in answer.context["entries"]] == [2]


def test_the_csv_is_sent_in_pieces_and_takes_the_same_memory_however_long_it_is(
    alice, pages_of, make_entries
):
    client = pages_of(alice)

    def peak_bytes():
        answer = client.get("/tokens/ledger.csv")
        tracemalloc.start()
        sent = sum(len(block) for block in answer)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return sent, peak

    make_entries(3000)
    peak_bytes()
    sent_of_few, peak_of_few = peak_bytes()
    make_entries(12_000)
    sent_of_many, peak_of_many = peak_bytes()

    assert sent_of_many > 4 * sent_of_few
    assert peak_of_many < 1.5 * peak_of_few


def test_tokens_are_private(client):
    assert client.get("/tokens/").url == "/accounts/login/?next=/tokens/"
