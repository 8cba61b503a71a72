import pytest
from django.core import checks
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from billing import operations, triggers
from billing.checks import check_ledger_is_append_only
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db

WAYS_TO_CHANGE_AN_ENTRY = {
    "update": "UPDATE billing_ledgerentry SET reason = 'nothing happened'",
    "delete": "DELETE FROM billing_ledgerentry",
    "upsert": """
        INSERT INTO billing_ledgerentry
            (account_id, seq, kind, amount, balance_after, reason, reference, operation, created_at)
        SELECT account_id, seq, kind, amount, balance_after, reason, reference, operation, created_at
        FROM billing_ledgerentry WHERE true
        ON CONFLICT (operation) DO UPDATE SET amount = 1000
    """,
}
WAYS_OF_ONE_ENGINE = {
    "sqlite": {
        "replace": """
            INSERT OR REPLACE INTO billing_ledgerentry
                (account_id, seq, kind, amount, balance_after, reason, reference, operation, created_at)
            SELECT account_id, seq, kind, 1000, 1000, reason, reference, operation, created_at
            FROM billing_ledgerentry
        """,
        "update or replace": "UPDATE OR REPLACE billing_ledgerentry SET seq = 1",
    },
    "postgresql": {
        "truncate": "TRUNCATE billing_ledgerentry CASCADE",
        "truncate of what it refers to": "TRUNCATE accounts_user CASCADE",
    },
}


@pytest.fixture
def entries(alice):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:1")
    connection.check_constraints()  # PostgreSQL would otherwise refuse to truncate for what is left to check
    return list(LedgerEntry.objects.order_by("id").values())


def run(statement):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_raw_sql_cannot_change_an_entry(entries):
    for name, statement in {**WAYS_TO_CHANGE_AN_ENTRY, **WAYS_OF_ONE_ENGINE[connection.vendor]}.items():
        with pytest.raises(IntegrityError, match="append-only"):
            run(statement)
        assert list(LedgerEntry.objects.order_by("id").values()) == entries, name


def test_the_orm_cannot_change_an_entry(entries):
    entry = LedgerEntry.objects.first()
    for change in (
        entry.save,
        entry.delete,
        LedgerEntry.objects.all().delete,
        lambda: LedgerEntry.objects.update(amount=1000),
        lambda: LedgerEntry.objects.bulk_update([entry], ["amount"]),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()

    assert list(LedgerEntry.objects.order_by("id").values()) == entries


def test_a_user_with_entries_cannot_be_deleted(alice, entries):
    with pytest.raises(IntegrityError), transaction.atomic():
        alice.delete()

    assert LedgerEntry.objects.count() == 2


def test_migrate_puts_lost_triggers_back():
    triggers.drop()
    assert triggers.missing() == [*triggers.wanted()]

    call_command("migrate", verbosity=0)

    assert triggers.missing() == []


def test_the_system_check_warns_of_a_missing_trigger():
    assert check_ledger_is_append_only(databases=["default"]) == []

    triggers.drop()
    warnings = check_ledger_is_append_only(databases=["default"])

    assert [warning.id for warning in warnings] == ["billing.W001"] * len(triggers.wanted())
    assert "manage.py migrate" in warnings[0].hint


def test_the_system_check_belongs_to_those_that_ask_the_database():
    assert check_ledger_is_append_only in checks.registry.registry.get_checks()
    assert check_ledger_is_append_only(databases=None) == []


def test_what_is_switched_off_counts_as_missing():
    turn_off, turn_on, missing = {
        "postgresql": (
            "ALTER TABLE billing_ledgerentry DISABLE TRIGGER ALL",
            "ALTER TABLE billing_ledgerentry ENABLE TRIGGER ALL",
            [*triggers.wanted()],
        ),
        "sqlite": (
            "PRAGMA recursive_triggers = OFF",
            "PRAGMA recursive_triggers = ON",
            ["PRAGMA recursive_triggers=ON"],
        ),
    }[connection.vendor]

    run(turn_off)
    found = triggers.missing()
    run(turn_on)

    assert found == missing
    assert triggers.missing() == []


HARMLESS = {
    "sqlite": {
        "does nothing": """
            DROP TRIGGER billing_ledgerentry_no_delete;
            CREATE TRIGGER billing_ledgerentry_no_delete BEFORE DELETE ON billing_ledgerentry
            BEGIN SELECT 1; END
        """,
        "has a condition": """
            DROP TRIGGER billing_ledgerentry_no_update;
            CREATE TRIGGER billing_ledgerentry_no_update BEFORE UPDATE ON billing_ledgerentry WHEN OLD.id < 0
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: book a new entry instead'); END
        """,
    },
    "postgresql": {
        "does nothing": """
            CREATE OR REPLACE FUNCTION billing_ledgerentry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RETURN NULL; END $$
        """,
        "lets pass what it should refuse": """
            CREATE OR REPLACE TRIGGER billing_ledgerentry_append_only BEFORE TRUNCATE ON billing_ledgerentry
            FOR EACH STATEMENT EXECUTE FUNCTION billing_ledgerentry_refuse()
        """,
        "watches one column": """
            CREATE OR REPLACE TRIGGER billing_ledgerentry_append_only
            BEFORE UPDATE OF seq OR DELETE OR TRUNCATE ON billing_ledgerentry
            FOR EACH STATEMENT EXECUTE FUNCTION billing_ledgerentry_refuse()
        """,
    },
}


def test_a_trigger_of_the_same_name_that_does_not_refuse_is_missing_until_migrate():
    for name, statements in HARMLESS[connection.vendor].items():
        with connection.cursor() as cursor:
            for statement in statements.split(";\n"):
                cursor.execute(statement)

        assert len(triggers.missing()) == 1, name

        call_command("migrate", verbosity=0)

        assert triggers.missing() == [], name


@pytest.mark.django_db(transaction=True)
class TestAfterEachTransactionalTest:
    """Django empties the tables after these; both pass only when the triggers allow that and stand again."""

    def test_the_first_leaves_an_entry_behind(self, alice):
        assert LedgerEntry.objects.count() == 1
        assert triggers.missing() == []

    def test_the_second_finds_an_empty_ledger_with_its_triggers(self):
        assert LedgerEntry.objects.count() == 0
        assert triggers.missing() == []
