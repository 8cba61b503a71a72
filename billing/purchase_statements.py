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
# before, and finds the number after theirs.
HOLD_ACCOUNT = "SELECT 1 FROM {users} WHERE id = %(account_id)s FOR NO KEY UPDATE"
SELL = """
    WITH paid AS ({move_balance}),
    bought AS (
        SELECT * FROM jsonb_to_recordset(%(rows)s) AS bought (
            {definitions}, entry_number bigint, still_to_pay bigint, operation text
        )
    ),
    claimed AS ({claim_key}),
    stored AS (
        INSERT INTO {table} ({columns}) SELECT {columns} FROM bought, paid ORDER BY entry_number RETURNING id
    ),
    entered AS (
        INSERT INTO billing_ledgerentry (
            account_id, seq, kind, amount, balance_after, reason, reference, operation, created_at
        )
        SELECT
            %(account_id)s,
            (SELECT COALESCE(MAX(seq), 0) FROM billing_ledgerentry WHERE account_id = %(account_id)s)
                + entry_number,
            'charge', -cost_tokens, token_balance + still_to_pay, %(reason)s, operation, operation,
            %(entered_at)s
        FROM bought, paid
        WHERE cost_tokens > 0
    )
    SELECT id FROM stored ORDER BY id
"""
CLAIM_NOTHING = "SELECT"


@lru_cache(STATEMENTS_MAX)
def statements_for(model, conditions: tuple[str, ...], has_key: bool) -> "Statements":
    return Statements(model, conditions, has_key)


class Statements:
    def __init__(self, model, conditions: tuple[str, ...], has_key: bool):
        self.table = model._meta.db_table
        self.fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        self.columns = ", ".join(field.column for field in self.fields)
        self.has_key = has_key
        if has_key:
            conditions += (idempotency.KEY_IS_FREE,)
        self.move_balance = operations.move_balance_statement(*conditions)

    # As SQLite's driver takes them

    @cached_property
    def on_sqlite(self) -> dict[str, str]:
        texts = {
            "move_balance": self.move_balance,
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
        claim = f"{idempotency.INSERT_KEY} SELECT {idempotency.KEY_VALUES} FROM paid"  # noqa: S608 - our own
        return SELL.format(
            move_balance=self.move_balance,
            definitions=", ".join(f"{field.column} {field.db_type(connection)}" for field in self.fields),
            claim_key=claim if self.has_key else CLAIM_NOTHING,
            table=self.table,
            columns=self.columns,
        )

    @cached_property
    def message(self) -> str:
        return f"{self.hold_account}; {self.sell}"

    @property
    def hold_account(self) -> str:
        return HOLD_ACCOUNT.format(users=get_user_model()._meta.db_table)

    @cached_property
    def name(self) -> str:
        """Of the prepared statement: equal texts have equal names, whichever process prepares them."""
        return f"sell_{hashlib.sha256(self.sell.encode()).hexdigest()[:16]}"

    @cached_property
    def prepare(self) -> str:
        hold = PARAMETER.sub("$1", self.hold_account)
        numbers = {name: f"${number}" for number, name in enumerate(self.parameters, 1)}
        sell = PARAMETER.sub(lambda found: numbers[found[1]], self.sell)
        return f"PREPARE {self.name}_hold (bigint) AS {hold}; PREPARE {self.name} AS {sell}"

    @cached_property
    def execute(self) -> str:
        values = ", ".join(f"%({name})s" for name in self.parameters)
        return f"EXECUTE {self.name}_hold(%(account_id)s); EXECUTE {self.name}({values})"

    @cached_property
    def parameters(self) -> list[str]:
        """Their names, in the order in which they first occur."""
        return list(dict.fromkeys(PARAMETER.findall(self.sell)))

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
