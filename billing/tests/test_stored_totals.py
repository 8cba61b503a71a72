"""What an account has spent and received is stored with the account, and not summed when a page is shown."""

import importlib

import pytest
from django.db import connection

from billing import operations

pytestmark = pytest.mark.django_db


def totals(user):
    user.refresh_from_db()
    return user.tokens_spent, user.tokens_received


def test_charges_are_spent_and_refunds_taken_off(alice, admin_user, books):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:1")
    operations.charge(user=alice, amount=1, reason="training", operation="run:1:charge")
    operations.refund(operation_of_charge="run:1:charge", reason="failed")
    operations.adjust(user=alice, amount=-2, reason="mistake", operation="adjust:1", by=admin_user)

    assert totals(alice) == (5, 13)
    assert books(alice) == (8, [15, -5, -1, 1, -2])


def test_a_charge_that_is_repeated_or_refused_is_not_spent(alice, books):
    for _ in range(2):
        operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:1")
    with pytest.raises(operations.InsufficientTokens):
        operations.charge(user=alice, amount=50, reason="prediction", operation="prediction:2")

    assert totals(alice) == (5, 15)
    assert books(alice) == (10, [15, -5])


def test_saving_an_account_that_was_loaded_before_a_charge_keeps_what_was_spent(alice):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:1")

    alice.save()

    assert totals(alice) == (5, 15)


def test_the_migration_sums_up_what_was_spent_before(alice, bob):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:1")
    operations.charge(user=alice, amount=1, reason="training", operation="run:1:charge")
    operations.refund(operation_of_charge="run:1:charge", reason="failed")
    migration = importlib.import_module("accounts.migrations.0004_user_tokens_spent")

    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET tokens_spent = 0")
        cursor.execute(migration.SUM_UP)

    assert totals(alice) == (5, 15)
    assert totals(bob) == (0, 15)
