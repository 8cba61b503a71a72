"""Purchases: an account is charged and the rows that it buys are stored, in one transaction or not at all.

This is the hot path of paid predictions. Purchases that arrive during a commit are committed together. How
they are booked is in `purchases_on_sqlite` and `purchases_on_postgresql`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from django.db import connection, models

from billing import idempotency, operations, purchases_on_postgresql, purchases_on_sqlite
from billing.idempotency import IdempotentRequest, RequestRepeated
from billing.purchase_statements import Statements, statements_for
from mlplatform.core import database_time
from mlplatform.core.errors import Conflict
from mlplatform.core.text import plural

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

    @property
    def types(self) -> tuple[tuple[str, type], ...]:
        return tuple((name, type(value)) for name, value in self.values.items())


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
        conditions = tuple((condition.sql, condition.types) for condition in self.conditions)
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

    Raises AccountClosed, RequestRepeated, InsufficientTokens, or Unconfirmed if a condition does not hold. On
    the event loop, NeedsThread takes the place of each of them.
    """
    for row, row_id in zip(purchase.rows, _booked(purchase), strict=True):
        row.pk, row._state.adding = row_id, False


def _booked(purchase: Purchase) -> list[int]:
    """The ids of the stored rows. Tried again if the reason for a failure has gone in the meantime."""
    for _ in range(ATTEMPTS):
        with database_time.measured():
            ids = _engine().book(purchase)
        if ids is not None:
            return ids
        _refuse(purchase)
    raise Unconfirmed


@cache
def _engine():
    """Asked once, since each request on the event loop would get a connection of its own to ask."""
    return purchases_on_postgresql if connection.vendor == "postgresql" else purchases_on_sqlite


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
