"""Purchases: an account is charged and the rows that it buys are stored, in one transaction or not at all.

This is the hot path of paid predictions. On PostgreSQL a purchase is one message to the server. On SQLite,
purchases that come while another one is committed are committed together.
"""

import json
import select
import weakref
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from django.db import connection, models, transaction
from django.utils import timezone

from billing import idempotency, operations
from billing.idempotency import IdempotentRequest, RequestRepeated
from billing.models import LedgerEntry
from billing.purchase_statements import Statements, statements_for, time_for_sqlite
from mlplatform.core import database_time
from mlplatform.core.errors import Conflict
from mlplatform.core.group_commit import GroupCommit
from mlplatform.core.text import plural
from mlplatform.core.transactions import retry_after_deadlock

ATTEMPTS = 2


class Unconfirmed(Conflict):
    """A condition of the purchase does not hold; nothing was booked."""

    code = "changed_meanwhile"
    message = "Something this request depends on has changed in the meantime. Send it again."


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold when the account is charged: SQL about its row, with parameters."""

    sql: str
    values: dict = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Purchase:
    """Rows that a user buys: all of them, or none.

    Each is a new instance of the same model, with `cost_tokens` and a `reference` of its own. `answer` is the
    response to store with the key of `idempotency`.
    """

    user: models.Model
    rows: Sequence[models.Model]
    reason: str
    conditions: Sequence[Condition] = ()
    idempotency: IdempotentRequest | None = None
    answer: object = None

    @property
    def price(self) -> int:
        return sum(row.cost_tokens for row in self.rows)

    @property
    def statements(self) -> Statements:
        conditions = tuple(condition.sql for condition in self.conditions)
        return statements_for(type(self.rows[0]), conditions, self.idempotency is not None)

    def values(self) -> dict:
        """The parameters of the statement that moves the balance, and of the one that claims the key."""
        account = {"account_id": self.user.pk, "amount": -self.price, "spent": self.price, "is_charge": True}
        for condition in self.conditions:
            account |= condition.values
        return account | self._key_values()

    def _key_values(self) -> dict:
        if self.idempotency is None:
            return {}
        answer = {"reference": self.rows[0].reference, "status": 200, "body": json.dumps(self.answer)}
        return idempotency.values_of(self.idempotency, self.user.pk, **answer)


def buy(purchase: Purchase) -> None:
    """Charges the account and stores the rows, which get their primary keys.

    Raises AccountClosed, RequestRepeated, InsufficientTokens, or Unconfirmed if a condition does not hold.
    """
    for row, row_id in zip(purchase.rows, _booked(purchase), strict=True):
        row.pk, row._state.adding = row_id, False


def _booked(purchase: Purchase) -> list[int]:
    """The ids of the stored rows. Tried again if the reason for a failure has gone in the meantime."""
    for _ in range(ATTEMPTS):
        ids = _book(purchase)
        if ids is not None:
            return ids
        _refuse(purchase)
    raise Unconfirmed


def _book(purchase: Purchase) -> list[int] | None:
    """The ids of the stored rows, or None if nothing was booked."""
    with database_time.measured():
        if connection.vendor == "postgresql":
            return _book_on_postgresql(purchase)
        if connection.in_atomic_block:
            return _book_on_sqlite(lambda: [purchase])[0]
        return _together.run(purchase)


def _refuse(purchase: Purchase) -> None:
    """Raises the reason why nothing was booked. Returns if it is a condition, or no longer holds."""
    balance, is_active = operations.state_of_account(purchase.user.pk)
    if not is_active:
        raise operations.AccountClosed
    if earlier := idempotency.find(user=purchase.user, request=purchase.idempotency):
        raise RequestRepeated(earlier)
    if balance < purchase.price:
        count = len(purchase.rows)
        what = "This costs" if count == 1 else f"{plural(count, purchase.reason)} cost"
        raise operations.InsufficientTokens(price=purchase.price, balance=balance, what=what)


# SQLite


def _book_on_sqlite(take) -> list[list[int] | None]:
    """An error fails all purchases of the transaction, so whatever can be refused is a condition."""
    with connection.short_transaction() as execute:
        entered_at = time_for_sqlite(timezone.now())
        return [_book_one(execute, purchase, entered_at) for purchase in take()]


def _book_one(execute, purchase: Purchase, entered_at: str) -> list[int] | None:
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


def _entry_values(purchase: Purchase, row, balance: int, entered_at: str) -> dict:
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


_together = GroupCommit(_book_on_sqlite)


# PostgreSQL

# Names of the statements that were prepared, by connection of the driver
_prepared = weakref.WeakKeyDictionary()


@retry_after_deadlock
def _book_on_postgresql(purchase: Purchase) -> list[int] | None:
    statements = purchase.statements
    values = purchase.values() | {
        "rows": json.dumps(_rows_with_entries(purchase, statements)),
        "reason": purchase.reason,
        "entered_at": timezone.now(),
    }
    _trust_a_silent_connection()
    # An error inside the caller's transaction must not end that one as well
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with savepoint, connection.cursor() as cursor:
        cursor.execute(_message(cursor, statements), values)
        return [row_id for (row_id,) in cursor.fetchall()] or None


def _trust_a_silent_connection() -> None:
    """Checks the connection without a query: a server that has closed it has sent at least an end of file.

    Otherwise CONN_HEALTH_CHECKS would send one more query with every request.
    """
    raw = connection.connection
    if raw is not None and not raw.closed:
        poll = select.poll()
        poll.register(raw, select.POLLIN)
        connection.health_check_done = connection.health_check_done or not poll.poll(0)


def _rows_with_entries(purchase: Purchase, statements: Statements) -> list[dict]:
    rows, still_to_pay = [], purchase.price
    for number, row in enumerate(purchase.rows, 1):
        still_to_pay -= row.cost_tokens
        entry = {"entry_number": number, "still_to_pay": still_to_pay, "operation": row.reference}
        rows.append(statements.json_of(row) | entry)
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
