"""The ledger is append-only in the database itself: triggers refuse to change, remove or replace an entry.

They are installed after every `migrate` rather than by a migration, because SQLite silently drops triggers
when a later migration rebuilds the table.
"""

from django.db import connection

TABLE = "billing_ledgerentry"
REFUSAL = "the ledger is append-only: book a new entry instead"

# INSERT OR REPLACE deletes first, which fires the trigger on DELETE only with PRAGMA recursive_triggers=ON.
SQLITE = {
    f"{TABLE}_no_{change}": f"""
        CREATE TRIGGER IF NOT EXISTS {TABLE}_no_{change} BEFORE {change} ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """
    for change in ("update", "delete")
}

POSTGRESQL_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION billing_ledgerentry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""
POSTGRESQL = {
    "billing_ledgerentry_append_only": f"""
        CREATE OR REPLACE TRIGGER billing_ledgerentry_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION billing_ledgerentry_refuse()
    """,
}

INSTALLED = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'billing_ledgerentry'",
    "postgresql": """
        SELECT tgname FROM pg_trigger
        WHERE tgrelid = 'billing_ledgerentry'::regclass AND tgenabled IN ('O', 'A')
    """,
}


def install(**signal) -> None:
    """Can be called again, and before the table exists."""
    if not has_table():
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_FUNCTION)
        for statement in wanted().values():
            cursor.execute(statement)


def drop() -> None:
    """For tests, whose clean-up empties every table."""
    with connection.cursor() as cursor:
        for name in wanted():
            on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def missing() -> list[str]:
    """Names of the triggers, and of the setting, without which an entry could be changed."""
    with connection.cursor() as cursor:
        cursor.execute(INSTALLED[connection.vendor])
        installed = {name for (name,) in cursor.fetchall()}
        names = [name for name in wanted() if name not in installed]
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA recursive_triggers")
            names += [] if cursor.fetchone()[0] else ["PRAGMA recursive_triggers=ON"]
    return names


def has_table() -> bool:
    return TABLE in connection.introspection.table_names()


def wanted() -> dict[str, str]:
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE
