"""Purchases on SQLite: written-out statements, committed together with those of other threads."""

from django.db import connection
from django.utils import timezone

from billing.models import LedgerEntry
from billing.purchase_statements import time_for_sqlite
from mlplatform.core.group_commit import GroupCommit


def book(purchase) -> list[int] | None:
    """The ids of the stored rows, or None if nothing was booked."""
    if connection.in_atomic_block:
        return _book_all(lambda: [purchase])[0]
    return _together.run(purchase)


def _book_all(take) -> list[list[int] | None]:
    """An error fails all purchases of the transaction, so whatever can be refused is a condition."""
    with connection.short_transaction() as execute:
        entered_at = time_for_sqlite(timezone.now())
        return [_book_one(execute, purchase, entered_at) for purchase in take()]


def _book_one(execute, purchase, entered_at: str) -> list[int] | None:
    statements, values = purchase.statements, purchase.values()
    texts = statements.on_sqlite
    moved = execute(texts["move_balance"], values).fetchall()
    if not moved:
        return None
    if purchase.idempotency:
        execute(texts["claim_key"], values).fetchall()
    balance = moved[0][0] + purchase.price
    ids = []
    for row in purchase.rows:
        ids.append(execute(texts["insert_row"], statements.values_of(row)).lastrowid)
        if row.cost_tokens:
            balance -= row.cost_tokens
            execute(texts["append_entry"], _entry_values(purchase, row, balance, entered_at)).fetchall()
    return ids


def _entry_values(purchase, row, balance: int, entered_at: str) -> dict:
    reference = row.reference
    return {
        "account_id": purchase.user.pk,
        "kind": LedgerEntry.Kind.CHARGE.value,
        "amount": -row.cost_tokens,
        "balance_after": balance,
        "reason": purchase.reason,
        "reference": reference,
        "operation": reference,
        "reverses_id": None,
        "booked_by_id": None,
        "created_at": entered_at,
    }


_together = GroupCommit(_book_all)
