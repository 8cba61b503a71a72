"""The verbs of the ledger: charge, refund, grant, adjust.

Each books one entry and moves the cached balance with it, in the transaction of the caller or in its own.
`operation` names one logical operation and is booked once: the same call again returns the existing entry.
"""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from billing.models import LedgerEntry
from mlplatform.core.errors import Conflict, InvalidInput, NotFound, NotSignedIn, PaymentRequired
from mlplatform.core.text import plural

AMOUNT_MAX_TOKENS = 1_000_000_000
REASON_CHARACTERS_MAX = 200
OPERATION_CHARACTERS_MAX = 100
Kind = LedgerEntry.Kind
SPENDING = (Kind.CHARGE, Kind.REFUND)  # the kinds that make up `tokens_spent`

# Decision and lock in one statement: a second transaction waits for the row and then sees the new balance.
MOVE_BALANCE = """
    UPDATE {users}
    SET token_balance = token_balance + %(amount)s, tokens_spent = tokens_spent + %(spent)s
    {source}
    WHERE id = %(account_id)s AND token_balance + %(amount)s >= 0 AND (is_active OR NOT %(is_charge)s)
        {conditions}
    RETURNING {returning}
"""

# Runs under the lock that MOVE_BALANCE took, so no other transaction takes the next number.
APPEND_ENTRY = """
    INSERT INTO billing_ledgerentry (
        account_id, seq, kind, amount, balance_after, reason, reference, operation,
        reverses_id, booked_by_id, created_at
    )
    VALUES (
        %(account_id)s,
        (SELECT COALESCE(MAX(seq), 0) + 1 FROM billing_ledgerentry WHERE account_id = %(account_id)s),
        %(kind)s, %(amount)s, %(balance_after)s, %(reason)s, %(reference)s, %(operation)s,
        %(reverses_id)s, %(booked_by_id)s, %(created_at)s
    )
    ON CONFLICT (operation) DO NOTHING
    RETURNING id, seq
"""


class InsufficientTokens(PaymentRequired):
    """The balance does not cover the price; nothing was booked. `what` begins the sentence."""

    code = "insufficient_tokens"

    def __init__(self, *, price: int, balance: int, what="This costs"):
        super().__init__(f"{what} {plural(price, 'token')} and you have {balance:,}.")


class AccountClosed(NotSignedIn):
    """The account was closed while the request was under way; nothing was booked."""

    code = "account_closed"
    message = "This account is closed."


class OperationReused(Conflict):
    """The operation is already booked with another account, kind or amount."""

    code = "operation_reused"


class ChargeNotFound(NotFound):
    """The operation to refund is not a charge."""

    code = "charge_not_found"


def prices() -> dict[str, int]:
    """The price list in tokens: of a training run, a predicted row, and 1,000 rows of a file."""
    return {
        "training": settings.TRAINING_TOKEN_COST,
        "prediction": settings.PREDICTION_TOKEN_COST,
        "batch": settings.BATCH_TOKEN_COST,
    }


def hold_account(*, user) -> int:
    """Locks an open account until the transaction ends, and returns its balance.

    What is created under this lock, or after a charge, exists before the account is closed, so that the
    removal of the account finds it. Otherwise it is refused.
    """
    account = get_user_model().objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True)
    balance = account.values_list("token_balance", flat=True).first()
    if balance is None:
        raise AccountClosed
    return balance


def lock_account(*, account_id: int) -> None:
    """Locks an account, open or closed, until the transaction ends.

    The one order of locks: the account first, by this function, `hold_account` or a charge; then the run, the
    dataset, the model and the idempotency row. A transaction that locks in this order cannot deadlock.
    """
    account = get_user_model().objects.select_for_update(no_key=True).filter(pk=account_id)
    account.values_list("pk").get()


def charge(*, user, amount, reason, operation, reference="") -> LedgerEntry | None:
    """Takes `amount` tokens from an open account, or raises InsufficientTokens or AccountClosed.

    A price of 0 leaves no entry: None.
    """
    if amount == 0:
        return None
    check_amount(amount)
    return _book(user.pk, Kind.CHARGE, -amount, reason=reason, reference=reference, operation=operation)


def refund(*, operation_of_charge, reason) -> LedgerEntry:
    """Refunds one charge in full. Called again, it returns the existing refund."""
    charged = LedgerEntry.objects.filter(operation=operation_of_charge, kind=Kind.CHARGE).first()
    if charged is None:
        raise ChargeNotFound(f'There is no charge "{operation_of_charge}" to refund.')
    operation = refund_operation(operation_of_charge)
    cause = {"reference": charged.reference, "reverses_id": charged.pk}
    return _book(
        charged.account_id, Kind.REFUND, -charged.amount, reason=reason, operation=operation, **cause
    )


def grant(*, user, amount, reason, operation, reference="", by=None) -> LedgerEntry | None:
    """Adds `amount` tokens. An amount of 0, such as a welcome grant of 0 tokens, leaves no entry: None."""
    if amount == 0:
        return None
    check_amount(amount)
    check_reason(reason)
    _check_operation(operation)
    cause = {"reference": reference, "booked_by_id": by and by.pk}
    return _book(user.pk, Kind.GRANT, amount, reason=reason, operation=operation, **cause)


def adjust(*, user, amount, reason, operation, by) -> LedgerEntry:
    """Corrects a balance by a signed amount: the ledger keeps the mistake and the correction."""
    check_amount(abs(amount))
    check_reason(reason)
    return _book(user.pk, Kind.ADJUSTMENT, amount, reason=reason, operation=operation, booked_by_id=by.pk)


def refund_operation(operation_of_charge: str) -> str:
    """run:42:charge is refunded as run:42:refund, always."""
    return f"{operation_of_charge.removesuffix(':charge')}:refund"


def check_amount(amount) -> None:
    if type(amount) is not int or not 1 <= amount <= AMOUNT_MAX_TOKENS:
        message = f"The amount must be a whole number of tokens from 1 to {AMOUNT_MAX_TOKENS:,}."
        raise InvalidInput(message, field="amount")


def check_reason(reason: str) -> None:
    """Reasons of grants and adjustments are typed in; those of charges are not."""
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidInput(f"Enter a reason of 1 to {REASON_CHARACTERS_MAX} characters.", field="reason")


def _check_operation(operation: str) -> None:
    """Operators name grants too, and SQLite does not limit the length."""
    if not 1 <= len(operation) <= OPERATION_CHARACTERS_MAX:
        message = f"The name of an operation has 1 to {OPERATION_CHARACTERS_MAX} characters."
        raise InvalidInput(message, field="operation")


def _book(account_id: int, kind: Kind, amount: int, **values) -> LedgerEntry:
    """Moves the balance and appends the entry, or returns the entry that this operation already has.

    No savepoint, which saves two statements: a refusal is raised after the block, which has written nothing.
    """
    entry = LedgerEntry(account_id=account_id, kind=kind, amount=amount, **values)
    with transaction.atomic(savepoint=False):
        balance = _move_balance(entry)
        if balance is not None:
            entry.balance_after = balance
            if _append(entry):
                return entry
            _move_balance(entry, undo=True)
    return _booked_before(entry)


def _move_balance(entry: LedgerEntry, *, undo: bool = False) -> int | None:
    """The new balance, or None where it would be negative or a charge meets a closed account."""
    amount = -entry.amount if undo else entry.amount
    values = {
        "account_id": entry.account_id,
        "amount": amount,
        "spent": -amount if entry.kind in SPENDING else 0,
        "is_charge": entry.kind == Kind.CHARGE and not undo,
    }
    with connection.cursor() as cursor:
        cursor.execute(move_balance_statement(), values)
        row = cursor.fetchone()
    return row and row[0]


def move_balance_statement(*conditions: str, source: str = "", returning: str = "token_balance") -> str:
    """`conditions` in SQL are about the row of the account; `source` is a FROM clause."""
    users = get_user_model()._meta.db_table
    conditions = "".join(f" AND {each}" for each in conditions)
    return MOVE_BALANCE.format(users=users, source=source, conditions=conditions, returning=returning)


def _append(entry: LedgerEntry) -> bool:
    """Whether the entry is new; if so it gets its number."""
    values = {field.column: getattr(entry, field.attname) for field in LedgerEntry._meta.concrete_fields}
    values["created_at"] = connection.ops.adapt_datetimefield_value(entry.created_at)
    with connection.cursor() as cursor:
        cursor.execute(APPEND_ENTRY, values)
        row = cursor.fetchone()
    if row is None:
        return False
    entry.pk, entry.seq = row
    entry._state.adding = False
    return True


def _booked_before(entry: LedgerEntry) -> LedgerEntry:
    existing = LedgerEntry.objects.filter(operation=entry.operation).first()
    if existing is None:
        raise _refusal(entry)
    if not existing.is_same_movement(entry):
        raise OperationReused(f'The operation "{entry.operation}" is already booked as another entry.')
    return existing


def _refusal(entry: LedgerEntry) -> AccountClosed | InsufficientTokens:
    balance, is_active = state_of_account(entry.account_id)
    if entry.kind == Kind.CHARGE and not is_active:
        return AccountClosed()
    return InsufficientTokens(price=-entry.amount, balance=balance)


def state_of_account(account_id: int) -> tuple[int, bool]:
    """Its balance, and whether it is open."""
    return get_user_model().objects.values_list("token_balance", "is_active").get(pk=account_id)
