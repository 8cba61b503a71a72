"""The ledger is broken on purpose, in every way it can be, and the verification has to say so."""

import tracemalloc

import pytest
from django.db import connection

from billing import operations, triggers
from billing.models import LedgerEntry
from billing.verify import CHECKS, ROWS_SHOWN_MAX, Failure, verify_ledger

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
    return {failure.check for failure in verify_ledger()}


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
        {"entries_are_numbered", "running_sums", "balances", "tokens_spent"},
    ),
    "the last entry is gone": (
        "DELETE FROM billing_ledgerentry WHERE operation = 'run:1:refund'",
        {"balances", "tokens_spent"},
    ),
    "the whole ledger is gone": ("DELETE FROM billing_ledgerentry", {"balances", "tokens_spent"}),
    "an amount is another": (
        "UPDATE billing_ledgerentry SET amount = -4 WHERE operation = 'prediction:1'",
        {"running_sums", "balances", "tokens_spent"},
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
        {"running_sums", "balances", "tokens_spent"},
    ),
    "a charge gives": (
        "UPDATE billing_ledgerentry SET kind = 'charge' WHERE operation LIKE 'signup:%'",
        {"signs", "tokens_spent"},
    ),
    "a grant takes": (
        "UPDATE billing_ledgerentry SET kind = 'grant' WHERE operation = 'prediction:1'",
        {"signs", "tokens_spent"},
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
        {"balances", "refunds_match_their_charge", "tokens_spent"},
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
        {"balances", "charges_are_refunded_once", "tokens_spent"},
    ),
    "an entry is of nobody": (
        "UPDATE billing_ledgerentry SET account_id = 999999 WHERE operation = 'run:1:refund'",
        {
            "accounts_exist",
            "balances",
            "entries_are_numbered",
            "running_sums",
            "refunds_match_their_charge",
            "tokens_spent",
        },
    ),
    "a refund goes to somebody else": (
        """
        UPDATE billing_ledgerentry
        SET account_id = (SELECT MAX(id) FROM accounts_user), seq = 2, balance_after = 16
        WHERE operation = 'run:1:refund'
        """,
        {"balances", "refunds_match_their_charge", "tokens_spent"},
    ),
    "what was spent is written behind the ledger": (
        "UPDATE accounts_user SET tokens_spent = 0 WHERE email = 'alice@example.com'",
        {"tokens_spent"},
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

    (failure,) = verify_ledger()
    assert [row["missing"] for row in failure.rows] == [*triggers.wanted()]


def test_a_difference_shows_what_was_found_and_what_was_expected(history, alice):
    execute(f"UPDATE accounts_user SET token_balance = 11 WHERE id = {alice.pk}")

    assert verify_ledger() == [
        Failure(
            check="balances",
            claim="The balance of an account is the sum of its entries, and the last balance_after.",
            count=1,
            rows=[
                {
                    "account_id": alice.pk,
                    "token_balance": 11,
                    "sum_of_entries": 10,
                    "last_balance_after": 10,
                }
            ],
        )
    ]


@pytest.fixture
def long_history(alice):
    """Thousands of entries of Alice after her first one."""
    grant = alice.ledger_entries.get()
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            account=alice, seq=seq, kind="grant", amount=1, balance_after=grant.balance_after + seq - 1,
            reason="gift", operation=f"gift:{seq}",
        )
        for seq in range(2, 5002)
    )  # fmt: skip
    execute(f"UPDATE accounts_user SET token_balance = token_balance + 5000 WHERE id = {alice.pk}")


def test_one_lost_row_of_many_shows_the_first_rows_of_each_check_and_a_count(long_history):
    triggers.drop()
    execute("DELETE FROM billing_ledgerentry WHERE operation = 'gift:2'")
    triggers.install()

    failures = {failure.check: failure for failure in verify_ledger()}

    assert {name: failure.count for name, failure in failures.items()} == {
        "entries_are_numbered": 4999,
        "running_sums": 4999,
        "balances": 1,
    }
    numbered = failures["entries_are_numbered"].rows
    assert [row["seq"] for row in numbered] == list(range(3, 3 + ROWS_SHOWN_MAX))
    assert len(failures["running_sums"].rows) == ROWS_SHOWN_MAX


def test_the_memory_of_the_verification_does_not_grow_with_the_number_of_broken_rows(long_history):
    triggers.drop()
    execute("DELETE FROM billing_ledgerentry WHERE operation = 'gift:2'")
    verify_ledger()  # what is loaded once is not counted

    tracemalloc.start()
    verify_ledger()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 500_000  # 10,000 rows as dicts take ten times as much


def find_a_lost_sock():
    return [Failure("socks", "Every sock has its pair.", 1, [{"sock": 7}])]


def test_other_apps_add_what_only_they_can_know(db, settings):
    settings.LEDGER_VERIFICATIONS = [f"{__name__}.find_a_lost_sock"]

    assert verify_ledger() == find_a_lost_sock()
