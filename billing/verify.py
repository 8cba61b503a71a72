"""Does the ledger add up? Asked in SQL of its own, not through the operations that are checked.

Each check is one statement, and so one consistent view of the database: it can run while tokens move. Other
apps add what only they can know (was every charge worth something?) through `settings.LEDGER_VERIFICATIONS`.
"""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.module_loading import import_string

from billing import triggers


@dataclass(frozen=True)
class Check:
    """`query` selects the rows that break the rule that `claim` states."""

    name: str
    claim: str
    query: str


@dataclass(frozen=True)
class Difference:
    """One row that breaks a rule."""

    check: str
    claim: str
    row: dict


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
        "Charges take tokens; grants and refunds give them; nothing moves zero.",
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


def verify_ledger() -> list[Difference]:
    """Every row that breaks a rule; empty when the ledger is right."""
    differences = [difference for check in CHECKS for difference in differing_rows(check)]
    differences += find_missing_triggers()
    for path in settings.LEDGER_VERIFICATIONS:
        differences += import_string(path)()
    return differences


def differing_rows(check: Check, **names) -> list[Difference]:
    """`names` stand in braces in the query, as {users} for the table of accounts does."""
    with connection.cursor() as cursor:
        cursor.execute(check.query.format(users=get_user_model()._meta.db_table, **names))
        columns = [column[0] for column in cursor.description]
        return [Difference(check.name, check.claim, dict(zip(columns, row, strict=True))) for row in cursor]


def find_missing_triggers() -> list[Difference]:
    claim = "Triggers refuse to change or remove an entry."
    return [Difference("triggers_stand", claim, {"missing": name}) for name in triggers.missing()]
