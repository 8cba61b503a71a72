"""Purchases: charged and stored together, and with those of others, or not at all."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, OperationalError, connection, connections, transaction

from billing import operations, purchases_on_postgresql
from billing.idempotency import IdempotentRequest, RequestRepeated
from billing.models import IdempotencyKey
from billing.operations import AccountClosed, InsufficientTokens
from billing.purchase_statements import time_for_sqlite
from billing.purchases import Condition, Purchase, Unconfirmed, buy
from billing.verify import verify_ledger
from mlmodels.models import Prediction
from mlplatform.core import event_loop
from mlplatform.core.async_postgresql import AsyncConnection
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


def test_rows_that_cost_nothing_leave_no_gap_among_those_that_cost_something(alice, books):
    bought = purchase(alice, rows=4)
    for row in bought.rows[::2]:
        row.cost_tokens = 0

    buy(bought)

    assert books(alice) == (5, [15, -5, -5])
    assert verify_ledger() == []
    assert [row.pk for row in bought.rows] == sorted(row.pk for row in bought.rows)


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
@pytest.mark.django_db(transaction=True)
def test_behind_a_pool_of_connections_nothing_is_prepared(alice, books, buy_on_loop, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    purchases_on_postgresql.sender.close()

    buy(purchase(alice, rows=2, idempotency=KEY, answer={}))
    assert buy_on_loop([purchase(alice)]) == [None]

    assert books(alice) == (0, [15, -5, -5, -5])
    assert seller() == []


@pytest.fixture
def buy_on_loop():
    """Buys as the web server does: on the event loop, or in a thread what needs one.

    Returns what each purchase raised, or None. `after` is called with each that has ended.
    """

    async def attempt(bought, after):
        try:
            await event_loop.run(buy, bought)
        except event_loop.NeedsThread:
            await asyncio.to_thread(buy_in_thread, bought)
        finally:
            after(bought)

    def buy_in_thread(bought):
        try:
            buy(bought)
        finally:
            connections.close_all()

    async def all_of(purchases, after):
        attempts = [attempt(bought, after) for bought in purchases]
        return await asyncio.gather(*attempts, return_exceptions=True)

    return lambda purchases, after=lambda bought: None: asyncio.run(all_of(purchases, after))


def transactions() -> int:
    """How many transactions have stored predictions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(DISTINCT xmin::text) FROM mlmodels_prediction")
        return cursor.fetchone()[0]


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_purchases_that_come_together_are_one_transaction(make_user, books, buy_on_loop):
    users = [make_user(f"user{number}@example.com", tokens=100) for number in range(4)]
    bought = [purchase(user, rows=2) for user in users * 5]

    assert buy_on_loop(bought) == [None] * 20

    assert transactions() == 1
    for user in users:
        assert books(user) == (50, [100] + [-5] * 10)
        balances = user.ledger_entries.order_by("seq").values_list("balance_after", flat=True)
        assert list(balances) == list(range(100, 45, -5))
    for row in (row for each in bought for row in each.rows):
        assert Prediction.objects.get(pk=row.pk).uuid == row.uuid


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_requests_with_a_key_that_come_together_each_keep_their_own_answer(alice, bob, books, buy_on_loop):
    def keyed(user, answer):
        request = IdempotentRequest("POST /predict", f"key of {user}", answer * 64)
        return purchase(user, price=2, idempotency=request, answer={"text": answer})

    bought = [keyed(alice, "a"), keyed(bob, "b")]

    assert buy_on_loop(bought) == [None] * 2

    assert transactions() == 1
    for each in bought:
        kept = IdempotencyKey.objects.get(account=each.user)
        assert (kept.key, kept.fingerprint) == (each.idempotency.key, each.idempotency.fingerprint)
        assert (kept.reference, kept.answer) == (each.rows[0].reference, each.answer)


@pytest.mark.parametrize("place", ["in_threads", "on_the_event_loop"])
@pytest.mark.django_db(transaction=True)
def test_each_of_several_that_come_together_is_booked_or_refused_for_its_own_reasons(
    make_user, books, at_once, buy_on_loop, place
):
    rich, poor, closed = (
        make_user(f"{name}@example.com", tokens=tokens)
        for name, tokens in [("rich", 500), ("poor", 7), ("closed", 500)]
    )
    type(closed).objects.filter(pk=closed.pk).update(is_active=False)

    def keyed(user, key):
        return purchase(user, idempotency=IdempotentRequest("POST /predict", key, "f" * 64), answer={})

    wishes = [
        *(purchase(rich) for _ in range(5)),
        *(purchase(rich, conditions=[Condition("1 = 0")]) for _ in range(2)),
        *(keyed(rich, key) for key in "aabb"),
        *(purchase(poor) for _ in range(3)),
        *(purchase(closed) for _ in range(3)),
        purchase(rich, rows=20),
    ]
    raised = at_once(buy, each=wishes) if place == "in_threads" else buy_on_loop(wishes)
    outcomes = [type(outcome).__name__ for outcome in raised]

    assert outcomes[:5] == ["NoneType"] * 5
    assert outcomes[5:7] == ["Unconfirmed"] * 2
    assert sorted(outcomes[7:9]) == sorted(outcomes[9:11]) == ["NoneType", "RequestRepeated"]
    assert sorted(outcomes[11:14]) == ["InsufficientTokens"] * 2 + ["NoneType"]
    assert outcomes[14:] == ["AccountClosed"] * 3 + ["NoneType"]
    assert books(rich) == (500 - 27 * 5, [500] + [-5] * 27)
    assert books(poor) == (2, [7, -5])
    assert books(closed) == (500, [500])
    assert verify_ledger() == []


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_purchase_that_the_database_refuses_does_not_fail_those_that_come_with_it(
    alice, bob, books, buy_on_loop
):
    def wrong():
        bought = purchase(bob)
        bought.rows[0].model_id = 4711  # there is no such model
        return bought

    wishes = [each for _ in range(2) for each in (purchase(alice, price=1), wrong(), purchase(bob))]
    outcomes = buy_on_loop(wishes)

    assert [type(outcome) for outcome in outcomes] == [type(None), IntegrityError, type(None)] * 2
    assert books(alice) == (13, [15, -1, -1])
    assert books(bob) == (5, [15, -5, -5])
    assert verify_ledger() == []


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_held_for_long_does_not_hold_up_the_others(
    alice, bob, books, at_once, buy_on_loop
):
    is_held, may_end = threading.Event(), threading.Event()

    def work(is_buyer):
        if is_buyer:
            assert is_held.wait(timeout=30)
            wishes = [purchase(alice), purchase(bob)]
            return buy_on_loop(wishes, after=lambda bought: bought.user == bob and may_end.set())
        with transaction.atomic():
            operations.hold_account(user=alice)
            is_held.set()
            assert may_end.wait(timeout=10)  # less than the limit for locks of a connection

    assert at_once(work, each=[True, False]) == [[None, None], None]

    assert books(alice) == books(bob) == (10, [15, -5])


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_sent_fails_the_purchase_that_it_is_in_alone(alice, bob, books, buy_on_loop):
    wrong = purchase(bob)
    wrong.rows[0].inputs = {"a": object()}

    outcomes = buy_on_loop([purchase(alice), wrong])

    assert [type(outcome) for outcome in outcomes] == [type(None), TypeError]
    assert books(alice) == (10, [15, -5])
    assert books(bob) == (15, [15])


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_fails_all_that_was_sent_on_it_once(
    alice, bob, books, at_once, buy_on_loop, monkeypatch
):
    monkeypatch.setattr(purchases_on_postgresql, "WAIT_TOGETHER", "")
    is_held, may_end = threading.Event(), threading.Event()

    def work(role):
        if role == "holder":
            with transaction.atomic():
                operations.hold_account(user=alice)
                is_held.set()
                assert may_end.wait(timeout=10)
        elif role == "operator":
            while not (waiting := seller("AND wait_event_type = 'Lock'")):
                time.sleep(0.01)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", waiting)
            may_end.set()
        else:
            assert is_held.wait(timeout=30)
            return [type(outcome) for outcome in buy_on_loop([purchase(alice), purchase(bob)])]

    outcomes = at_once(work, each=["holder", "operator", "buyers"])

    assert outcomes == [None, None, [OperationalError] * 2]
    assert books(alice) == books(bob) == (15, [15])
    assert buy_on_loop([purchase(alice)]) == [None]


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_if_the_event_loop_gets_no_connection_each_request_uses_that_of_its_thread(
    alice, books, buy_on_loop, monkeypatch
):
    async def refuse():
        raise OperationalError("too many clients")

    purchases_on_postgresql.sender.close()
    monkeypatch.setattr(AsyncConnection, "open", refuse)

    assert buy_on_loop([purchase(alice), purchase(alice)]) == [None, None]

    assert books(alice) == (5, [15, -5, -5])


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_statement_that_could_not_be_prepared_is_prepared_by_the_next_purchase(alice, books, at_once):
    is_locked, may_end = threading.Event(), threading.Event()

    def work(is_buyer):
        if is_buyer:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            assert is_locked.wait(timeout=30)
            try:
                with pytest.raises(OperationalError, match="lock timeout"):
                    buy(purchase(alice, rows=11, price=1))
            finally:
                may_end.set()
            buy(purchase(alice, rows=11, price=1))
        else:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE billing_ledgerentry")
                is_locked.set()
                assert may_end.wait(timeout=30)

    assert at_once(work, each=[True, False]) == [None] * 2

    assert books(alice) == (4, [15] + [-1] * 11)


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_has_closed_is_replaced_and_one_that_is_open_is_kept(
    alice, books, buy_on_loop
):
    assert buy_on_loop([purchase(alice)]) == [None]
    process = seller()
    assert buy_on_loop([purchase(alice)]) == [None]
    assert seller() == process

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", process)
    assert buy_on_loop([purchase(alice)]) == [None]

    assert seller() != process
    assert books(alice) == (0, [15, -5, -5, -5])


def seller(condition: str = "") -> list[int]:
    """The process of the server that sells to the event loop, if it meets the condition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ 'EXECUTE sell_' "
            f"AND datname = current_database() {condition}"
        )
        return [process for (process,) in cursor.fetchall()]
