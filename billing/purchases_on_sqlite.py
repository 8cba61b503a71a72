"""Purchases on SQLite: written-out statements, committed together with those of other requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.db import DataError, IntegrityError, close_old_connections, connection
from django.utils import timezone

from billing.models import LedgerEntry
from billing.purchase_statements import time_for_sqlite
from mlplatform.core import event_loop
from mlplatform.core.group_commit import GroupCommit, GroupCommitOnLoop

# Of one row, and nothing is committed then. After any other error, all of them may have been
CANNOT_BE_STORED = (IntegrityError, DataError, TypeError, ValueError, OverflowError)


def book(purchase) -> list[int] | None:
    """The ids of the stored rows, or None if nothing was booked. On the event loop, NeedsThread instead."""
    if event_loop.is_running():
        return _on_loop.run(purchase)
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


async def _book_for_loop(purchases: list) -> list[list[int] | None]:
    try:
        return await asyncio.get_running_loop().run_in_executor(_committer, _book_in_thread, purchases)
    except CANNOT_BE_STORED:  # nothing was: each is tried again in a thread, where it fails by itself
        return [None] * len(purchases)


def _book_in_thread(purchases: list) -> list[list[int] | None]:
    close_old_connections()  # what Django does before each request
    return _book_all(lambda: purchases)


# A commit waits for the disk, and for other processes
_committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
_on_loop = GroupCommitOnLoop(_book_for_loop, fits=lambda purchase, others: True)
_together = GroupCommit(_book_all)
