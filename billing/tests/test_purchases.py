"""Purchases: charged and stored together, with others where the database is SQLite, or not at all."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import OperationalError, connection, connections, transaction

from billing import operations
from billing.idempotency import IdempotentRequest, RequestRepeated
from billing.operations import AccountClosed, InsufficientTokens
from billing.purchase_statements import time_for_sqlite
from billing.purchases import Condition, Purchase, Unconfirmed, buy
from mlmodels.models import Prediction
from mlplatform.sqlite3.base import DatabaseWrapper

pytestmark = pytest.mark.django_db

KEY = IdempotentRequest("POST /predict", "k", "f" * 64)


def purchase(user, rows=1, price=5, **options):
    output = {"prediction": 1.5, "text": 'ß "quoted" 100 % \\ \u2028'}
    row = {"owner": user, "model_name": "m", "inputs": {"a": None}, "output": output, "cost_tokens": price}
    return Purchase(user, [Prediction(**row) for _ in range(rows)], "prediction", **options)


def test_the_rows_are_stored_as_they_were_given_and_charged_one_by_one(alice, books):
    bought = purchase(alice, rows=3)

    buy(bought)

    stored = list(Prediction.objects.order_by("pk"))
    fields = [field.attname for field in Prediction._meta.concrete_fields]
    assert [[getattr(row, name) for name in fields] for row in stored] == [
        [getattr(row, name) for name in fields] for row in bought.rows
    ]
    assert books(alice) == (0, [15, -5, -5, -5])
    entries = alice.ledger_entries.filter(kind="charge").order_by("seq")
    assert [entry.operation for entry in entries] == [row.reference for row in bought.rows]
    assert [entry.balance_after for entry in entries] == [10, 5, 0]


def test_what_costs_nothing_is_stored_without_an_entry(alice, books):
    buy(purchase(alice, price=0))

    assert Prediction.objects.count() == 1
    assert books(alice) == (15, [15])


def test_a_condition_that_does_not_hold_leaves_nothing(alice, books):
    for sql, values in (("email = %(email)s", {"email": "bob@example.com"}), ("1 = 0", {})):
        with pytest.raises(Unconfirmed):
            buy(purchase(alice, conditions=[Condition("is_active"), Condition(sql, values)]))

    assert not Prediction.objects.exists()
    assert books(alice) == (15, [15])


def test_refusals_say_why_the_account_first_then_the_key_then_the_balance(alice, charlie, books):
    with pytest.raises(InsufficientTokens, match="4 predictions cost 20 tokens and you have 15"):
        buy(purchase(alice, rows=4, idempotency=KEY, answer={}))
    buy(purchase(alice, rows=3, idempotency=KEY, answer={"n": 1}))
    with pytest.raises(RequestRepeated) as repeated:
        buy(purchase(alice, idempotency=KEY, answer={"n": 2}))
    alice.is_active = False
    alice.save()
    with pytest.raises(AccountClosed):
        buy(purchase(alice, idempotency=KEY, answer={"n": 3}))

    assert repeated.value.earlier.answer == {"n": 1}
    assert books(alice) == (0, [15, -5, -5, -5])


def test_inside_a_transaction_of_the_caller_it_is_undone_with_it(alice, books):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        buy(purchase(alice))
        raise ZeroDivisionError

    assert not Prediction.objects.exists()
    assert books(alice) == (15, [15])


@pytest.mark.django_db(transaction=True)
def test_purchases_at_once_of_one_account_and_of_several_are_each_booked_once(make_user, books, at_once):
    users = [make_user(f"user{number}@example.com", tokens=43) for number in range(3)]

    outcomes = at_once(lambda user: buy(purchase(user)), each=users * 8 + users[:1] * 8)

    refused = [outcome for outcome in outcomes if outcome is not None]
    assert {type(outcome) for outcome in refused} == {InsufficientTokens}
    assert len(refused) == 8
    for user in users:
        assert books(user) == (3, [43] + [-5] * 8)
    assert Prediction.objects.count() == 24


@pytest.mark.sqlite_only
@pytest.mark.parametrize("microsecond", [0, 120_000])
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7))])
def test_times_are_stored_as_django_stores_them(microsecond, zone):
    moment = datetime(2026, 3, 1, 23, 30, microsecond=microsecond, tzinfo=zone)

    assert time_for_sqlite(moment) == connection.ops.adapt_datetimefield_value(moment)


@pytest.mark.sqlite_only
@pytest.mark.django_db(transaction=True)
def test_purchases_whose_common_commit_fails_are_all_refused_and_none_is_booked(
    alice, bob, books, at_once, monkeypatch
):
    """The disk is full once. Nobody tries again: whether such a commit has happened may be unknown."""
    commits, commit = [], DatabaseWrapper._commit

    def fail_once(self):
        commits.append(self)
        if len(commits) == 1:
            raise OperationalError("database or disk is full")
        return commit(self)

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseWrapper, "_commit", fail_once)
        outcomes = at_once(lambda user: buy(purchase(user)), each=[alice, bob] * 3)

    failed = [outcome for outcome in outcomes if isinstance(outcome, OperationalError)]
    assert failed
    assert len(failed) + outcomes.count(None) == 6
    assert Prediction.objects.count() == outcomes.count(None)
    assert books(alice)[0] + books(bob)[0] == 30 - 5 * outcomes.count(None)
    buy(purchase(alice if books(alice)[0] else bob))


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_purchase_waits_for_whoever_holds_the_account_and_takes_the_next_number(alice, books):
    is_held, may_end = threading.Event(), threading.Event()

    def charge_slowly():
        with transaction.atomic():
            operations.charge(user=alice, amount=5, reason="work", operation="work:1")
            is_held.set()
            assert may_end.wait(timeout=30)
        connections.close_all()

    thread = threading.Thread(target=charge_slowly)
    thread.start()
    assert is_held.wait(timeout=30)
    threading.Timer(0.3, may_end.set).start()
    buy(purchase(alice))
    thread.join()

    assert books(alice) == (5, [15, -5, -5])


@pytest.mark.postgresql_only
def test_behind_a_pool_of_connections_nothing_is_prepared(alice, books, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)

    buy(purchase(alice, rows=2, idempotency=KEY, answer={}))

    assert books(alice) == (5, [15, -5, -5])


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_has_closed_is_replaced_and_one_that_is_open_is_not_asked(
    alice, books, at_once
):
    buy(purchase(alice))
    process = connection.connection.get_backend_pid()
    connection.close_if_unusable_or_obsolete()  # as at the start of a request
    buy(purchase(alice))
    assert connection.connection.get_backend_pid() == process

    def terminate():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])

    assert at_once(terminate, times=1) == [None]
    connection.close_if_unusable_or_obsolete()
    buy(purchase(alice))

    assert connection.connection.get_backend_pid() != process
    assert books(alice) == (0, [15, -5, -5, -5])
