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

POSTGRESQL_BODY = f"BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END"
POSTGRESQL_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION billing_ledgerentry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    {POSTGRESQL_BODY} $$
"""
POSTGRESQL = {
    "billing_ledgerentry_append_only": f"""
        CREATE OR REPLACE TRIGGER billing_ledgerentry_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION billing_ledgerentry_refuse()
    """,
}

# Name and what it does, since one of the same name may let changes pass. On PostgreSQL only what stands
# before each UPDATE (16), DELETE (8) and TRUNCATE (32), of any column and without a condition.
INSTALLED = {
    "sqlite": """
        SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'billing_ledgerentry'
    """,
    "postgresql": """
        SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE tgrelid = 'billing_ledgerentry'::regclass AND tgenabled IN ('O', 'A')
            AND tgtype = 2 + 16 + 8 + 32 AND tgqual IS NULL AND tgattr = ''
    """,
}


def install(**signal) -> None:
    """Can be called again, and before the table exists."""
    if not has_table():
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_FUNCTION)
        for name in missing():
            if name in wanted():
                cursor.execute(drop_statement(name))
                cursor.execute(wanted()[name])


def drop() -> None:
    """For tests, whose clean-up empties every table."""
    with connection.cursor() as cursor:
        for name in wanted():
            cursor.execute(drop_statement(name))


def missing() -> list[str]:
    """Names of the triggers, and of the setting, without which an entry could be changed."""
    with connection.cursor() as cursor:
        cursor.execute(INSTALLED[connection.vendor])
        installed = {name: without_spaces(definition) for name, definition in cursor.fetchall()}
        names = [name for name in wanted() if not does_refuse(name, installed.get(name, ""))]
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA recursive_triggers")
            names += [] if cursor.fetchone()[0] else ["PRAGMA recursive_triggers=ON"]
    return names


def does_refuse(name: str, definition: str) -> bool:
    wanted = POSTGRESQL_BODY if connection.vendor == "postgresql" else SQLITE[name]
    return definition == without_spaces(wanted.replace("IF NOT EXISTS", ""))


def without_spaces(text: str) -> str:
    return "".join(text.split())


def drop_statement(name: str) -> str:
    on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    return f"DROP TRIGGER IF EXISTS {name}{on_table}"


def has_table() -> bool:
    return TABLE in connection.introspection.table_names()


def wanted() -> dict[str, str]:
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE
