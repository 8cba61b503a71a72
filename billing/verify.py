"""Checks of the ledger in SQL of its own, not through the operations that it checks.

Each check is one statement and so one consistent view of the database: it can run while tokens move. Other
apps add checks of what only they know (what was a charge for?) in `settings.LEDGER_VERIFICATIONS`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.module_loading import import_string

from billing import triggers

ROWS_SHOWN_MAX = 100  # of each check: one lost row can break every later balance of an account


@dataclass(frozen=True)
class Check:
    """`query` selects the rows that break the rule that `claim` states."""

    name: str
    claim: str
    query: str


@dataclass(frozen=True)
class Failure:
    """A rule that is broken by `count` rows; `rows` holds the first of them."""

    check: str
    claim: str
    count: int
    rows: list[dict]


class LedgerWrong(Exception):
    """Rows break a rule of the ledger."""


CHECKS = [
    Check(
        "entries_are_numbered",
        "The entries of an account are numbered 1, 2, 3 … without a gap.",
        """
        SELECT account_id, id AS entry_id, operation, seq, expected
        FROM (
            SELECT entry.*, ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY seq, id) AS expected
            FROM billing_ledgerentry AS entry
        ) AS numbered
        WHERE seq <> expected
        """,
    ),
    Check(
        "running_sums",
        "balance_after is the sum of all entries up to this one, and never negative.",
        """
        SELECT account_id, id AS entry_id, operation, balance_after, expected
        FROM (
            SELECT entry.*, SUM(amount) OVER (PARTITION BY account_id ORDER BY seq, id) AS expected
            FROM billing_ledgerentry AS entry
        ) AS summed
        WHERE balance_after <> expected OR balance_after < 0
        """,
    ),
    Check(
        "balances",
        "The balance of an account is the sum of its entries, and the last balance_after.",
        """
        WITH total AS (
            SELECT account_id, SUM(amount) AS amount, MAX(seq) AS last_seq
            FROM billing_ledgerentry GROUP BY account_id
        )
        SELECT account.id AS account_id, account.token_balance,
               COALESCE(total.amount, 0) AS sum_of_entries, last_entry.balance_after AS last_balance_after
        FROM {users} AS account
        LEFT JOIN total ON total.account_id = account.id
        LEFT JOIN billing_ledgerentry AS last_entry
            ON last_entry.account_id = account.id AND last_entry.seq = total.last_seq
        WHERE account.token_balance <> COALESCE(total.amount, 0)
           OR account.token_balance <> COALESCE(last_entry.balance_after, 0)
           OR account.token_balance < 0
        """,
    ),
    Check(
        "tokens_spent",
        "The tokens spent by an account are its charges less its refunds.",
        """
        WITH spent AS (
            SELECT account_id, -SUM(amount) AS amount FROM billing_ledgerentry
            WHERE kind IN ('charge', 'refund') GROUP BY account_id
        )
        SELECT account.id AS account_id, account.tokens_spent, COALESCE(spent.amount, 0) AS expected
        FROM {users} AS account
        LEFT JOIN spent ON spent.account_id = account.id
        WHERE account.tokens_spent <> COALESCE(spent.amount, 0)
        """,
    ),
    Check(
        "accounts_exist",
        "Every entry belongs to an account.",
        """
        SELECT entry.id AS entry_id, entry.operation, entry.account_id
        FROM billing_ledgerentry AS entry
        LEFT JOIN {users} AS account ON account.id = entry.account_id
        WHERE account.id IS NULL
        """,
    ),
    Check(
        "signs",
        "Charges take tokens, grants and refunds give them, and no entry is zero.",
        """
        SELECT account_id, id AS entry_id, operation, kind, amount
        FROM billing_ledgerentry
        WHERE NOT (
            (kind = 'charge' AND amount < 0)
            OR (kind IN ('grant', 'refund') AND amount > 0)
            OR (kind = 'adjustment' AND amount <> 0)
        )
        """,
    ),
    Check(
        "operations_are_booked_once",
        "An operation is booked once.",
        """
        SELECT operation, COUNT(*) AS entries
        FROM billing_ledgerentry GROUP BY operation HAVING COUNT(*) > 1
        """,
    ),
    Check(
        "refunds_match_their_charge",
        "A refund gives one charge of the same account back, in full.",
        """
        SELECT refund.account_id, refund.id AS entry_id, refund.operation, refund.amount,
               charge.operation AS reversed_operation, charge.kind AS reversed_kind,
               charge.amount AS reversed_amount
        FROM billing_ledgerentry AS refund
        LEFT JOIN billing_ledgerentry AS charge ON charge.id = refund.reverses_id
        WHERE (refund.kind = 'refund' OR refund.reverses_id IS NOT NULL)
          AND (
            charge.id IS NULL OR refund.kind <> 'refund' OR charge.kind <> 'charge'
            OR refund.account_id <> charge.account_id OR refund.amount <> -charge.amount
          )
        """,
    ),
    Check(
        "charges_are_refunded_once",
        "A charge is refunded at most once.",
        """
        SELECT reverses_id AS charge_entry_id, COUNT(*) AS refunds
        FROM billing_ledgerentry WHERE reverses_id IS NOT NULL GROUP BY reverses_id HAVING COUNT(*) > 1
        """,
    ),
]


def verify_ledger() -> list[Failure]:
    """Every rule that is broken; empty if the ledger is correct."""
    failures = [failure for check in CHECKS for failure in run_check(check)]
    missing = ({"missing": name} for name in triggers.missing())
    failures += failures_of("triggers_stand", "Triggers refuse to change or remove an entry.", missing)
    for path in settings.LEDGER_VERIFICATIONS:
        failures += import_string(path)()
    return failures


def require_correct() -> str:
    """For housekeeping: raises LedgerWrong unless `verify_ledger` finds nothing."""
    if failures := verify_ledger():
        broken = ", ".join(f"{failure.check} ({failure.count:,})" for failure in failures)
        raise LedgerWrong(f"The ledger does not add up: {broken}. See manage.py verify_ledger.")
    return "The ledger adds up."


def run_check(check: Check, **names) -> list[Failure]:
    """`names` replace the placeholders of the query, as the name of the user table replaces {users}."""
    with connection.cursor() as cursor:
        cursor.execute(limited(check.query.format(users=get_user_model()._meta.db_table, **names)))
        *columns, _ = (column[0] for column in cursor.description)
        found = cursor.fetchall()
    rows = [dict(zip(columns, values, strict=False)) for values in found]
    return [Failure(check.name, check.claim, found[0][-1], rows)] if found else []


def limited(query: str) -> str:
    """The first rows of a query by their leading columns, each with the number of all rows as `total`."""
    return f"""
        SELECT found.*, COUNT(*) OVER () AS total FROM ({query}) AS found
        ORDER BY 1, 2 LIMIT {ROWS_SHOWN_MAX}
    """  # noqa: S608 - only queries of this code base


def failures_of(check: str, claim: str, rows: Iterable[dict]) -> list[Failure]:
    """One failure if there are `rows`; only the first are kept in memory."""
    rows = iter(rows)
    shown = list(islice(rows, ROWS_SHOWN_MAX))
    count = len(shown) + sum(1 for _ in rows)
    return [Failure(check, claim, count, shown)] if shown else []
