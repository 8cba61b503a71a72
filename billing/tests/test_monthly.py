"""MONTHLY_TOKENS: granted once per account and month."""

import tracemalloc
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from billing.models import LedgerEntry
from billing.monthly import grant_monthly_tokens

pytestmark = pytest.mark.django_db
JUNE, JULY = datetime(2026, 6, 15, tzinfo=UTC), datetime(2026, 7, 1, 0, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def monthly(settings):
    settings.MONTHLY_TOKENS = 10


@pytest.fixture
def in_may(time_machine):
    """For users who are there before June."""
    time_machine.move_to(datetime(2026, 5, 20, tzinfo=UTC))


def test_every_open_account_gets_them_once_a_month(in_may, alice, bob, books, time_machine):
    time_machine.move_to(JUNE)
    assert [grant_monthly_tokens(), grant_monthly_tokens()] == [2, 0]
    time_machine.move_to(JULY)
    assert grant_monthly_tokens() == 2

    assert books(alice) == (35, [15, 10, 10])
    assert books(bob) == (35, [15, 10, 10])
    operations = LedgerEntry.objects.filter(account=alice).order_by("seq").values_list("operation", flat=True)
    assert list(operations)[1:] == [f"monthly:{alice.pk}:2026-06", f"monthly:{alice.pk}:2026-07"]


def test_in_the_month_of_the_sign_up_there_is_the_welcome_grant_alone(alice, books, time_machine):
    assert grant_monthly_tokens() == 0
    assert books(alice) == (15, [15])


def test_a_closed_account_gets_none(in_may, alice, books, time_machine):
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    time_machine.move_to(JUNE)

    assert grant_monthly_tokens() == 0
    assert books(alice) == (15, [15])


def test_none_are_granted_unless_they_are_set(
    in_may, alice, settings, time_machine, django_assert_num_queries
):
    settings.MONTHLY_TOKENS = 0
    time_machine.move_to(JUNE)

    with django_assert_num_queries(0):
        assert grant_monthly_tokens() == 0


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_grant_once(in_may, make_user, books, at_once, time_machine):
    users = [make_user(f"user{number}@example.com", tokens=0) for number in range(12)]
    time_machine.move_to(JUNE)

    outcomes = at_once(grant_monthly_tokens, times=4)

    assert all(isinstance(outcome, int) for outcome in outcomes), outcomes
    assert [books(user) for user in users] == [(10, [10])] * 12


# Far less than what a row of the account and its entry take in memory, which is some kilobytes
BYTES_OF_AN_ACCOUNT = 300


def test_memory_does_not_grow_with_the_number_of_accounts(in_may, time_machine, monkeypatch):
    monkeypatch.setattr("billing.monthly.ACCOUNTS_AT_ONCE", 20)
    users = get_user_model()
    users.objects.bulk_create(users(email=f"user{number}@example.com") for number in range(400))

    def peak_bytes(month, accounts):
        time_machine.move_to(datetime(2026, month, 2, tzinfo=UTC))
        users.objects.filter(pk__gt=users.objects.order_by("pk")[accounts - 1].pk).update(is_active=False)
        tracemalloc.start()
        granted = grant_monthly_tokens()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        users.objects.update(is_active=True)
        return granted, peak

    peak_bytes(6, 20)
    few, peak_of_few = peak_bytes(7, 40)
    many, peak_of_many = peak_bytes(8, 399)

    assert (few, many) == (40, 399)
    assert peak_of_many < peak_of_few + 300 * BYTES_OF_AN_ACCOUNT


def test_the_daily_housekeeping_grants_them(in_may, alice, books, time_machine, settings):
    settings.HOUSEKEEPING = {name: settings.HOUSEKEEPING[name] for name in ("monthly tokens",)}
    time_machine.move_to(JUNE)

    call_command("housekeeping", stdout=StringIO())

    assert books(alice) == (25, [15, 10])
