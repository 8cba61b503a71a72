"""The random lives of `machine`, and proof that they notice: every mutation of the code has to be caught."""

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from billing import idempotency, operations, triggers
from billing.models import LedgerEntry
from billing.tests.machine import LedgerMachine
from mlplatform.core.errors import DomainError

pytestmark = pytest.mark.django_db

LIVES = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
HUNT = settings(LIVES, max_examples=300, phases=[Phase.generate], report_multiple_bugs=False)


def test_any_life_of_an_account_adds_up():
    compared_before = LedgerMachine.entries_compared

    run_state_machine_as_test(LedgerMachine, settings=LIVES)

    grants_alone = 2 * LIVES.max_examples * LIVES.stateful_step_count
    assert LedgerMachine.entries_compared - compared_before > grants_alone


def rewrite(monkeypatch, module, name, old, new):
    """Another text in one of the module's statements."""
    statement = getattr(module, name)
    assert old in statement
    monkeypatch.setattr(module, name, statement.replace(old, new))


def the_last_token_cannot_be_spent(monkeypatch):
    rewrite(monkeypatch, operations, "MOVE_BALANCE", ">= 0", "> 0")


def a_charge_may_exceed_the_balance(monkeypatch):
    rewrite(monkeypatch, operations, "MOVE_BALANCE", "AND token_balance + %(amount)s >= 0", "")


def the_balance_does_not_move(monkeypatch):
    rewrite(monkeypatch, operations, "MOVE_BALANCE", "token_balance = token_balance + %(amount)s", "id = id")


def the_entry_keeps_the_balance_before(monkeypatch):
    rewrite(monkeypatch, operations, "MOVE_BALANCE", "{returning}", "{returning} - %(amount)s")


def a_number_is_left_out(monkeypatch):
    rewrite(monkeypatch, operations, "APPEND_ENTRY", "0) + 1", "0) + 2")


def accounts_share_their_numbers(monkeypatch):
    rewrite(
        monkeypatch,
        operations,
        "APPEND_ENTRY",
        "FROM billing_ledgerentry WHERE account_id = %(account_id)s",
        "FROM billing_ledgerentry",
    )


def a_repeated_operation_moves_the_balance(monkeypatch):
    def book_without_moving_back(account_id, kind, amount, **values):
        entry = LedgerEntry(account_id=account_id, kind=kind, amount=amount, **values)
        with transaction.atomic(savepoint=False):
            entry.balance_after = operations._move_balance(entry)
            if entry.balance_after is not None and operations._append(entry):
                return entry
        return operations._booked_before(entry)

    monkeypatch.setattr(operations, "_book", book_without_moving_back)


def a_repeated_operation_is_booked_again(monkeypatch):
    def append_under_a_new_name(entry, append=operations._append):
        entry.operation += uuid.uuid4().hex
        return append(entry)

    monkeypatch.setattr(operations, "_append", append_under_a_new_name)


def any_movement_passes_for_the_same(monkeypatch):
    monkeypatch.setattr(LedgerEntry, "is_same_movement", lambda entry, other: True)


def a_refused_charge_passes_for_booked(monkeypatch):
    monkeypatch.setattr(operations, "_booked_before", lambda entry: entry)


def a_charge_is_refunded_twice(monkeypatch):
    monkeypatch.setattr(operations, "refund_operation", lambda operation: uuid.uuid4().hex)


def a_refund_is_lost(monkeypatch):
    monkeypatch.setattr(operations, "refund", lambda operation_of_charge, reason: None)


def a_refund_gives_too_much(monkeypatch):
    def book_one_more(account_id, kind, amount, book=operations._book, **values):
        return book(account_id, kind, amount + (kind == LedgerEntry.Kind.REFUND), **values)

    monkeypatch.setattr(operations, "_book", book_one_more)


def what_is_free_is_booked(monkeypatch):
    def charge(*, user, amount, reason, operation, reference=""):
        operations.check_amount(amount)
        return operations.adjust(user=user, amount=-amount, reason=reason, operation=operation, by=user)

    monkeypatch.setattr(operations, "charge", charge)


def the_balance_is_written_behind_the_ledger(monkeypatch):
    def charge_for_less(*, user, charge=operations.charge, **details):
        entry = charge(user=user, **details)
        get_user_model().objects.filter(pk=user.pk).update(token_balance=F("token_balance") + 1)
        return entry

    monkeypatch.setattr(operations, "charge", charge_for_less)


def a_key_has_no_fingerprint(monkeypatch):
    monkeypatch.setattr(idempotency, "fingerprint", lambda **request: "")


def a_key_is_not_remembered(monkeypatch):
    rewrite(monkeypatch, idempotency, "CLAIM_KEY", "%(key)s", "CAST(%(created_at)s AS text)")


def an_answer_is_not_stored(monkeypatch):
    rewrite(monkeypatch, idempotency, "CLAIM_KEY", "%(body)s", "'null'")


def the_triggers_are_dropped(monkeypatch):
    triggers.drop()


MUTATIONS = [
    the_last_token_cannot_be_spent,
    a_charge_may_exceed_the_balance,
    the_balance_does_not_move,
    the_entry_keeps_the_balance_before,
    a_number_is_left_out,
    accounts_share_their_numbers,
    a_repeated_operation_moves_the_balance,
    a_repeated_operation_is_booked_again,
    any_movement_passes_for_the_same,
    a_refused_charge_passes_for_booked,
    a_charge_is_refunded_twice,
    a_refund_is_lost,
    a_refund_gives_too_much,
    what_is_free_is_booked,
    the_balance_is_written_behind_the_ledger,
    a_key_has_no_fingerprint,
    a_key_is_not_remembered,
    an_answer_is_not_stored,
    the_triggers_are_dropped,
]


@pytest.mark.sqlite_only  # whether the machine notices does not depend on the database
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_mutation_is_caught(monkeypatch, mutate):
    mutate(monkeypatch)

    with pytest.raises((AssertionError, IntegrityError, DomainError)):
        run_state_machine_as_test(LedgerMachine, settings=HUNT)
