"""The ledger is broken on purpose, in every way it can be, and the verification has to say so."""

import pytest
from django.db import connection

from billing import operations, triggers
from billing.verify import CHECKS, Difference, verify_ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(alice, bob):
    """Alice: 15, then -5, -1 and 1 given back. Bob: 15."""
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:1")
    operations.charge(user=alice, amount=1, reason="training", operation="run:1:charge")
    operations.refund(operation_of_charge="run:1:charge", reason="training failed")


@pytest.fixture
def unguarded(history):
    """The same entries in a table without triggers and constraints, as after an accident with a backup."""
    connection.check_constraints()
    execute("CREATE TABLE unguarded AS SELECT * FROM billing_ledgerentry")
    execute("DROP TABLE billing_ledgerentry")
    execute("ALTER TABLE unguarded RENAME TO billing_ledgerentry")


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def broken_rules():
    return {difference.check for difference in verify_ledger()}


def test_a_ledger_written_by_operations_is_right(history):
    assert verify_ledger() == []


def test_an_empty_ledger_is_right(db):
    assert verify_ledger() == []


ACCIDENTS = {
    "a number is left out": (
        "UPDATE billing_ledgerentry SET seq = 9 WHERE operation = 'run:1:refund'",
        {"entries_are_numbered"},
    ),
    "two entries have one number": (
        "UPDATE billing_ledgerentry SET seq = 2 WHERE operation = 'run:1:charge'",
        {"entries_are_numbered"},
    ),
    "an entry in the middle is gone": (
        "DELETE FROM billing_ledgerentry WHERE operation = 'prediction:1'",
        {"entries_are_numbered", "running_sums", "balances"},
    ),
    "the last entry is gone": (
        "DELETE FROM billing_ledgerentry WHERE operation = 'run:1:refund'",
        {"balances"},
    ),
    "the whole ledger is gone": ("DELETE FROM billing_ledgerentry", {"balances"}),
    "an amount is another": (
        "UPDATE billing_ledgerentry SET amount = -4 WHERE operation = 'prediction:1'",
        {"running_sums", "balances"},
    ),
    "a balance on the way is another": (
        "UPDATE billing_ledgerentry SET balance_after = 11 WHERE operation = 'prediction:1'",
        {"running_sums"},
    ),
    "the last balance is another": (
        "UPDATE billing_ledgerentry SET balance_after = 11 WHERE operation = 'run:1:refund'",
        {"running_sums", "balances"},
    ),
    "a balance was below zero": (
        "UPDATE billing_ledgerentry SET amount = -20, balance_after = -5 WHERE operation = 'prediction:1'",
        {"running_sums", "balances"},
    ),
    "a charge gives": (
        "UPDATE billing_ledgerentry SET kind = 'charge' WHERE operation LIKE 'signup:%'",
        {"signs"},
    ),
    "a grant takes": (
        "UPDATE billing_ledgerentry SET kind = 'grant' WHERE operation = 'prediction:1'",
        {"signs"},
    ),
    "a kind is unknown": (
        "UPDATE billing_ledgerentry SET kind = 'gift' WHERE operation LIKE 'signup:%'",
        {"signs"},
    ),
    "an operation is booked twice": (
        "UPDATE billing_ledgerentry SET operation = 'prediction:1' WHERE operation = 'run:1:charge'",
        {"operations_are_booked_once"},
    ),
    "a refund has another size": (
        "UPDATE billing_ledgerentry SET amount = 2, balance_after = 11 WHERE operation = 'run:1:refund'",
        {"balances", "refunds_match_their_charge"},
    ),
    "a refund is of no charge": (
        "UPDATE billing_ledgerentry SET reverses_id = NULL WHERE operation = 'run:1:refund'",
        {"refunds_match_their_charge"},
    ),
    "a refund is of a grant": (
        """
        UPDATE billing_ledgerentry SET reverses_id = (SELECT MIN(id) FROM billing_ledgerentry)
        WHERE operation = 'run:1:refund'
        """,
        {"refunds_match_their_charge"},
    ),
    "a charge is refunded twice": (
        """
        INSERT INTO billing_ledgerentry
            (id, account_id, seq, kind, amount, balance_after, reason, reference, operation, reverses_id)
        SELECT 999, account_id, 5, kind, amount, 11, reason, reference, 'run:1:refund-again', reverses_id
        FROM billing_ledgerentry WHERE operation = 'run:1:refund'
        """,
        {"balances", "charges_are_refunded_once"},
    ),
    "an entry is of nobody": (
        "UPDATE billing_ledgerentry SET account_id = 999999 WHERE operation = 'run:1:refund'",
        {"accounts_exist", "balances", "entries_are_numbered", "running_sums", "refunds_match_their_charge"},
    ),
    "a refund goes to somebody else": (
        """
        UPDATE billing_ledgerentry
        SET account_id = (SELECT MAX(id) FROM accounts_user), seq = 2, balance_after = 16
        WHERE operation = 'run:1:refund'
        """,
        {"balances", "refunds_match_their_charge"},
    ),
    "a balance is written behind the ledger": (
        "UPDATE accounts_user SET token_balance = 1000 WHERE email = 'alice@example.com'",
        {"balances"},
    ),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_is_found(unguarded, accident):
    statement, expected = ACCIDENTS[accident]
    assert broken_rules() - {"triggers_stand"} == set()

    execute(statement)

    assert broken_rules() - {"triggers_stand"} == expected


def test_every_rule_has_its_accident():
    assert set().union(*(rules for _, rules in ACCIDENTS.values())) == {check.name for check in CHECKS}


def test_a_table_without_its_triggers_is_found(unguarded):
    assert broken_rules() == {"triggers_stand"}


def test_each_dropped_trigger_is_named(db):
    triggers.drop()

    assert [difference.row["missing"] for difference in verify_ledger()] == [*triggers.wanted()]


def test_a_difference_shows_what_was_found_and_what_was_expected(history, alice):
    execute(f"UPDATE accounts_user SET token_balance = 11 WHERE id = {alice.pk}")

    assert verify_ledger() == [
        Difference(
            check="balances",
            claim="The balance of an account is the sum of its entries, and the last balance_after.",
            row={
                "account_id": alice.pk,
                "token_balance": 11,
                "sum_of_entries": 10,
                "last_balance_after": 10,
            },
        )
    ]


def find_a_lost_sock():
    return [Difference("socks", "Every sock has its pair.", {"sock": 7})]


def test_other_apps_add_what_only_they_can_know(db, settings):
    settings.LEDGER_VERIFICATIONS = [f"{__name__}.find_a_lost_sock"]

    assert verify_ledger() == find_a_lost_sock()
