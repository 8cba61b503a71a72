"""The SQL of a purchase, made for the model of its rows, its conditions and its idempotency key."""

import hashlib
import json
import re
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from django.contrib.auth import get_user_model
from django.db import connection, models

from billing import idempotency, operations

STATEMENTS_MAX = 100  # kept in memory
PARAMETER = re.compile(r"%\((\w+)\)s")

# PostgreSQL. The lock is a statement of its own: the next one then sees the entries of whoever held the lock
# before, and finds the number after theirs. Always in the order of ids, so that two messages cannot deadlock.
HOLD_ACCOUNTS = "SELECT 1 FROM {users} WHERE id = ANY(%(account_ids)s) ORDER BY id FOR NO KEY UPDATE"
SELL = """
    WITH purchases AS (
        SELECT * FROM jsonb_to_recordset(%(purchases)s) AS purchases (number bigint, {terms})
    ),
    paid AS ({move_balance}),
    bought AS (
        SELECT * FROM jsonb_to_recordset(%(rows)s) AS bought (
            {definitions},
            purchase bigint, place bigint, entry_number bigint, still_to_pay bigint, operation text
        )
    ),
    claimed AS ({claim_key}),
    stored AS (
        INSERT INTO {table} ({columns})
        SELECT {columns_bought} FROM bought JOIN paid ON paid.number = bought.purchase
        ORDER BY bought.purchase, bought.place
        RETURNING id
    ),
    entered AS (
        INSERT INTO billing_ledgerentry (
            account_id, seq, kind, amount, balance_after, reason, reference, operation, created_at
        )
        SELECT
            paid.account_id,
            (SELECT COALESCE(MAX(seq), 0) FROM billing_ledgerentry WHERE account_id = paid.account_id)
                + bought.entry_number,
            'charge', -bought.cost_tokens, paid.token_balance + bought.still_to_pay,
            paid.reason, bought.operation, bought.operation, %(entered_at)s
        FROM bought JOIN paid ON paid.number = bought.purchase
        WHERE bought.cost_tokens > 0
    )
    SELECT id, (SELECT array_agg(number) FROM paid) FROM stored ORDER BY id
"""
# Redundant with the join; it lets PostgreSQL use the primary key instead of reading all accounts
IS_ONE_OF_THEM = "id = ANY(%(account_ids)s)"
PAID = "number, given_account_id AS account_id, given_reason AS reason, token_balance"
CLAIM_NOTHING = "SELECT"
TERMS = {"account_id": int, "amount": int, "spent": int, "is_charge": bool, "reason": str}
TYPES = {int: "bigint", float: "double precision", bool: "boolean", str: "text", datetime: "timestamptz"}


@lru_cache(STATEMENTS_MAX)
def statements_for(model, conditions: tuple[tuple[str, tuple], ...], has_key: bool) -> "Statements":
    """`conditions` are pairs: SQL, and the names and types of its parameters."""
    return Statements(model, conditions, has_key)


class Statements:
    def __init__(self, model, conditions: tuple[tuple[str, tuple], ...], has_key: bool):
        self.table = model._meta.db_table
        self.fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        self.columns = ", ".join(field.column for field in self.fields)
        self.has_key = has_key
        self.conditions = [sql for sql, _ in conditions]
        self.terms = TERMS | {name: kind for _, types in conditions for name, kind in types}
        if has_key:
            self.conditions.append(idempotency.KEY_IS_FREE)
            self.terms |= idempotency.VALUE_TYPES

    # As SQLite's driver takes them

    @cached_property
    def on_sqlite(self) -> dict[str, str]:
        texts = {
            "move_balance": operations.move_balance_statement(*self.conditions),
            "claim_key": idempotency.CLAIM_KEY,
            "append_entry": operations.APPEND_ENTRY,
        }
        values = ", ".join("?" * len(self.fields))
        insert_row = f"INSERT INTO {self.table} ({self.columns}) VALUES ({values})"  # noqa: S608 - our own
        return {name: PARAMETER.sub(r":\1", text) for name, text in texts.items()} | {
            "insert_row": insert_row
        }

    def values_of(self, row: models.Model) -> list:
        return [convert(getattr(row, name)) for name, convert in self.converters]

    @cached_property
    def converters(self) -> list:
        return [(field.attname, _converter_for_sqlite(field)) for field in self.fields]

    # As one message to PostgreSQL

    @cached_property
    def sell(self) -> str:
        move_balance = operations.move_balance_statement(
            IS_ONE_OF_THEM, *self.conditions, source="FROM purchases", returning=PAID
        )
        key_values = f"SELECT {idempotency.KEY_VALUES} FROM purchases JOIN paid USING (number)"  # noqa: S608 - our own
        claim_key = f"{idempotency.INSERT_KEY} {key_values}"
        return SELL.format(
            terms=", ".join(f"given_{name} {TYPES[kind]}" for name, kind in self.terms.items()),
            move_balance=self._with_terms(move_balance),
            definitions=", ".join(f"{field.column} {field.db_type(connection)}" for field in self.fields),
            claim_key=self._with_terms(claim_key) if self.has_key else CLAIM_NOTHING,
            table=self.table,
            columns=self.columns,
            columns_bought=", ".join(f"bought.{field.column}" for field in self.fields),
        )

    def _with_terms(self, sql: str) -> str:
        """With the columns of the purchases instead of parameters."""
        return PARAMETER.sub(lambda found: f"given_{found[1]}" if found[1] in self.terms else found[0], sql)

    @property
    def hold_accounts(self) -> str:
        return HOLD_ACCOUNTS.format(users=get_user_model()._meta.db_table)

    @cached_property
    def message(self) -> str:
        return f"{self.hold_accounts}; {self.sell}"

    @cached_property
    def name(self) -> str:
        """Of the prepared statement: equal texts have equal names, whichever process prepares them."""
        return f"sell_{hashlib.sha256(self.sell.encode()).hexdigest()[:16]}"

    @cached_property
    def prepare(self) -> dict[str, str]:
        """By name. Each is sent by itself: what was prepared outlives the error of a statement after it."""
        hold = self.hold_accounts % {"account_ids": "$1"}
        sell = self.sell % {"account_ids": "$1", "purchases": "$2", "rows": "$3", "entered_at": "$4"}
        return {
            "hold_accounts": f"PREPARE hold_accounts (bigint[]) AS {hold}",
            self.name: f"PREPARE {self.name} (bigint[], jsonb, jsonb, timestamptz) AS {sell}",
        }

    @cached_property
    def execute(self) -> str:
        return (
            "EXECUTE hold_accounts(%(account_ids)s); "
            f"EXECUTE {self.name}(%(account_ids)s, %(purchases)s, %(rows)s, %(entered_at)s)"
        )

    def json_of(self, row: models.Model) -> dict:
        return {field.column: _as_json(field, getattr(row, field.attname)) for field in self.fields}


def _converter_for_sqlite(field: models.Field):
    """What `get_db_prep_save` does. It would take most of the time of an insert, so the kinds of fields that
    rows on sale have are written out."""
    match field:
        case models.ForeignKey() | models.IntegerField() | models.CharField():
            return lambda value: value
        case models.UUIDField():
            return lambda value: value.hex
        case models.JSONField(encoder=None):
            return lambda value: None if value is None else json.dumps(value)
        case models.DateTimeField():
            return lambda value: None if value is None else time_for_sqlite(value)
    return lambda value: field.get_db_prep_save(value, connection)


def time_for_sqlite(moment: datetime) -> str:
    """As Django's backend writes it, which looks up settings and time zones first."""
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def _as_json(field: models.Field, value):
    """Types that JSON lacks are written as text, which PostgreSQL converts."""
    if value is None or isinstance(field, models.JSONField) or isinstance(value, int | float | str):
        return value
    return str(value)
