"""Purchases on PostgreSQL: one message to the server, for those of several threads if they come together.

Most of what a purchase costs the server is not its rows, but the message, the transaction and the start of
the statement. Four purchases in one message take little more than a third of the time of four messages.
"""

import json
import select
import weakref
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing.purchase_statements import Statements
from mlplatform.core.database_errors import code_of
from mlplatform.core.group_commit import GroupCommitThread
from mlplatform.core.transactions import retry_after_deadlock

ROWS_TOGETHER_MAX = 10  # a purchase of more would hold up the others
# Somebody may hold one of the accounts for long: then each purchase waits for its own account
WAIT_TOGETHER = "SET LOCAL lock_timeout = '100ms'; "

# Names of the statements that were prepared, by connection of the driver
_prepared = weakref.WeakKeyDictionary()


def book(purchase) -> list[int] | None:
    """The ids of the stored rows, or None if nothing was booked."""
    if connection.in_atomic_block or len(purchase.rows) > ROWS_TOGETHER_MAX:
        return _book_alone(purchase)
    return together.run(purchase) or _book_alone(purchase)


@retry_after_deadlock
def _book_alone(purchase) -> list[int] | None:
    return _send([purchase])[0]


def _book_together(take) -> list[list[int] | None]:
    """None for a purchase that has to be booked alone, which also finds out why it cannot be.

    If the server refuses one of them it refuses the message, and all are booked alone. A connection that is
    lost fails all of them, for they may be booked.
    """
    connection.close_if_unusable_or_obsolete()
    purchases = take()
    merged = _merged(purchases)
    try:
        ids = _send(merged, WAIT_TOGETHER)
    except DatabaseError as error:
        if code_of(error) is None or connection.connection.closed:
            raise
        return [None] * len(purchases)
    ids_of = {each.user.pk: iter(row_ids or ()) for each, row_ids in zip(merged, ids, strict=True)}
    return [list(islice(ids_of[each.user.pk], len(each.rows))) or None for each in purchases]


def _fits(purchase, others: list) -> bool:
    """With the same statement; several of one account if they can be booked as one."""
    return purchase.statements is others[0].statements and all(
        other.user.pk != purchase.user.pk or _is_alike(purchase, other) for other in others
    )


def _is_alike(purchase, other) -> bool:
    is_keyed = purchase.idempotency or other.idempotency
    return not is_keyed and (purchase.reason, purchase.conditions) == (other.reason, other.conditions)


def _merged(purchases: list) -> list:
    """One for each account."""
    of_account = {}
    for purchase in purchases:
        of_account.setdefault(purchase.user.pk, []).append(purchase)
    return [
        alike[0] if len(alike) == 1 else replace(alike[0], rows=[row for each in alike for row in each.rows])
        for alike in of_account.values()
    ]


def _send(purchases: list, first: str = "") -> list[list[int] | None]:
    """The ids of the rows of each purchase, or None. Each is of another account."""
    statements = purchases[0].statements
    terms = [_terms(number, purchase) for number, purchase in enumerate(purchases)]
    rows = [row for number, purchase in enumerate(purchases) for row in _rows_with_entries(number, purchase)]
    values = {
        "account_ids": [purchase.user.pk for purchase in purchases],
        "purchases": json.dumps(terms, default=str),
        "rows": json.dumps(rows),
        "entered_at": timezone.now(),
    }
    _trust_a_silent_connection()
    # An error inside the caller's transaction must not end that one as well
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with savepoint, connection.cursor() as cursor:
        cursor.execute(first + _message(cursor, statements), values)
        stored = cursor.fetchall()
    paid = set(stored[0][1]) if stored else ()
    ids = (row_id for row_id, _ in stored)
    return [
        list(islice(ids, len(purchase.rows))) if number in paid else None
        for number, purchase in enumerate(purchases)
    ]


def _terms(number: int, purchase) -> dict:
    values = purchase.values() | {"reason": purchase.reason}
    return {"number": number} | {f"given_{name}": value for name, value in values.items()}


def _rows_with_entries(number: int, purchase) -> list[dict]:
    statements, rows = purchase.statements, []
    entry_number, still_to_pay = 0, purchase.price
    for place, row in enumerate(purchase.rows):
        entry_number += row.cost_tokens > 0  # what costs nothing has no entry
        still_to_pay -= row.cost_tokens
        entry = {"entry_number": entry_number, "still_to_pay": still_to_pay, "operation": row.reference}
        rows.append(statements.json_of(row) | {"purchase": number, "place": place} | entry)
    return rows


def _message(cursor, statements: Statements) -> str:
    """A prepared statement, since planning takes longer than execution.

    Not with DISABLE_SERVER_SIDE_CURSORS, which is set behind a pool that shares connections by transaction.
    """
    if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        return statements.message
    names = _prepared.setdefault(connection.connection, set())
    if statements.name not in names:
        cursor.execute(statements.prepare)
        names.add(statements.name)
    return statements.execute


def _trust_a_silent_connection() -> None:
    """Checks the connection without a query: a server that has closed it has sent at least an end of file.

    Otherwise CONN_HEALTH_CHECKS would send one more query with every request.
    """
    raw = connection.connection
    if raw is not None and not raw.closed:
        poll = select.poll()
        poll.register(raw, select.POLLIN)
        connection.health_check_done = connection.health_check_done or not poll.poll(0)


together = GroupCommitThread(_book_together, _fits)
