import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import operations
from billing.models import LedgerEntry
from mlplatform.tests.plans import plan_of

pytestmark = pytest.mark.django_db

ENTRIES = "admin:billing_ledgerentry_changelist"


@pytest.fixture
def staff(client, admin_user):
    client.force_login(admin_user)
    return client


@pytest.fixture
def entry(alice):
    return operations.charge(
        user=alice, amount=5, reason="prediction", operation="prediction:1", reference="model:7"
    )


def operations_shown(response):
    return {row.operation for row in response.context["cl"].result_list}


def test_staff_read_the_ledger_with_links_to_the_accounts(staff, alice, entry):
    response = staff.get(reverse(ENTRIES))

    assert response.status_code == 200
    assert reverse("admin:accounts_user_change", args=[alice.pk]) in response.content.decode()
    assert "prediction:1" in operations_shown(response)


@pytest.mark.parametrize("words", ["ALICE@example.com", "prediction:1", "model:7"])
def test_an_entry_is_found_by_email_address_operation_and_reference(staff, entry, bob, words):
    found = operations_shown(staff.get(reverse(ENTRIES), {"q": words}))

    assert "prediction:1" in found
    assert f"signup:{bob.pk}" not in found


def test_entries_are_filtered_by_kind_and_date(staff, entry, alice):
    charges = operations_shown(staff.get(reverse(ENTRIES), {"kind__exact": "charge"}))
    long_ago = operations_shown(staff.get(reverse(ENTRIES), {"created_at__lt": "2000-01-01 00:00:00+00:00"}))

    assert charges == {"prediction:1"}
    assert long_ago == set()


def test_the_page_of_an_entry_has_nothing_to_save(staff, entry):
    page = staff.get(reverse("admin:billing_ledgerentry_change", args=[entry.pk])).content.decode()

    assert "prediction:1" in page
    assert 'name="_save"' not in page


def test_staff_cannot_add_change_or_delete_an_entry(staff, entry, alice, books):
    for url, data in (
        (reverse("admin:billing_ledgerentry_add"), {"amount": 1000}),
        (reverse("admin:billing_ledgerentry_change", args=[entry.pk]), {"amount": 1000}),
        (reverse("admin:billing_ledgerentry_delete", args=[entry.pk]), {"post": "yes"}),
    ):
        assert staff.post(url, data).status_code == 403
    staff.post(reverse(ENTRIES), {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})

    assert LedgerEntry.objects.filter(pk=entry.pk, amount=-5).exists()
    assert books(alice) == (10, [15, -5])


def test_the_list_asks_the_same_number_of_questions_however_long_it_is(staff, alice, bob):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            staff.get(reverse(ENTRIES))
        return len(asked)

    before = questions()
    for number in range(10):
        for user in (alice, bob):
            operations.grant(user=user, amount=1, reason="gift", operation=f"gift:{user.pk}:{number}", by=bob)

    assert questions() == before


LISTS = {
    "the whole ledger": {},
    "one account": {"account__id__exact": "ALICE"},
    "an e-mail address": {"q": "Alice@Example.com"},
    "an operation": {"q": "prediction:1"},
}


@pytest.mark.parametrize("name", LISTS)
def test_the_list_uses_indexes_and_counts_no_more_than_it_pages_through(staff, entry, alice, name):
    asks = {key: value.replace("ALICE", str(alice.pk)) for key, value in LISTS[name].items()}

    with CaptureQueriesContext(connection) as asked:
        response = staff.get(reverse(ENTRIES), asks)

    queries = [query["sql"] for query in asked if 'FROM "billing_ledgerentry"' in query["sql"]]
    assert "prediction:1" in operations_shown(response)
    assert queries
    for query in queries:
        assert "COUNT(" not in query or "LIMIT 10000" in query
        plan = plan_of(query)
        assert "Seq Scan on billing_ledgerentry" not in plan, plan
        if asks:
            assert "SEARCH billing_ledgerentry" in plan or connection.vendor == "postgresql", plan
        if name != "an operation":  # a few rows
            assert "TEMP B-TREE" not in plan, plan


def test_a_part_of_a_word_finds_nothing(staff, entry):
    assert operations_shown(staff.get(reverse(ENTRIES), {"q": "prediction"})) == set()
