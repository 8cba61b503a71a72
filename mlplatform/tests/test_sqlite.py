import contextlib
import errno
import itertools
import multiprocessing
import sqlite3
import threading
import time

import pytest
from django.db import OperationalError, connection, transaction
from django.db.utils import IntegrityError

from accounts.models import User
from mlplatform.core import database_time
from mlplatform.sqlite3 import base
from mlplatform.sqlite3.base import DatabaseWrapper, WriteLock

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def database(tmp_path, django_db_blocker):
    """Makes connections to a database of its own; `timeout` is in seconds."""
    made = []

    def connect(timeout=5):
        settings = connection.settings_dict | {
            "NAME": str(tmp_path / "db.sqlite3"),
            "OPTIONS": connection.settings_dict["OPTIONS"] | {"timeout": timeout},
        }
        made.append(DatabaseWrapper(settings, alias="default"))
        made[-1].inc_thread_sharing()
        return made[-1]

    with django_db_blocker.unblock():
        with connect().cursor() as cursor:
            cursor.execute("CREATE TABLE counter (value INTEGER)")
            cursor.execute("INSERT INTO counter VALUES (0)")
        yield connect
        for one in made:
            one.close()


@contextlib.contextmanager
def writing(database_connection):
    """A transaction as `atomic` opens and ends one."""
    database_connection.ensure_connection()
    database_connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    try:
        yield database_connection.connection
    except BaseException:
        database_connection.rollback()
        raise
    else:
        database_connection.commit()
    finally:
        database_connection.set_autocommit(True)


def count_up(database_connection):
    with writing(database_connection) as raw:
        (value,) = raw.execute("SELECT value FROM counter").fetchone()
        time.sleep(0.001)
        raw.execute("UPDATE counter SET value = ?", [value + 1])


def value_of(database_connection):
    with database_connection.cursor() as cursor:
        return cursor.execute("SELECT value FROM counter").fetchone()[0]


def count_up_in_a_process(path, times):
    settings = connection.settings_dict | {"NAME": path}
    one = DatabaseWrapper(settings, alias="default")
    for _ in range(times):
        count_up(one)
    one.close()


@pytest.mark.django_db
def test_connections_are_set_up_as_the_ledger_needs_them():
    with connection.cursor() as cursor:
        pragmas = {
            name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "recursive_triggers", "foreign_keys", "busy_timeout")
        }

    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "recursive_triggers": 1,
        "foreign_keys": 1,
        "busy_timeout": 20_000,
    }


def test_threads_write_one_after_the_other_and_lose_nothing(database):
    threads = [
        threading.Thread(target=lambda one: [count_up(one) for _ in range(20)], args=(database(),))
        for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert value_of(database()) == 160


def test_processes_write_one_after_the_other_and_lose_nothing(database, tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=count_up_in_a_process, args=(str(tmp_path / "db.sqlite3"), 20))
        for _ in range(4)
    ]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert [worker.exitcode for worker in workers] == [0] * 4
    assert value_of(database()) == 80


def test_a_writer_that_waits_gets_its_turn_when_the_other_commits(database):
    other, ours = database(), database()
    got_it = threading.Event()

    def write():
        count_up(ours)
        got_it.set()

    with writing(other) as raw:
        raw.execute("UPDATE counter SET value = 10")
        thread = threading.Thread(target=write)
        thread.start()
        assert not got_it.wait(0.2)

    assert got_it.wait(30)
    thread.join()
    assert value_of(ours) == 11


def test_a_wait_ends_with_the_error_of_sqlite(database):
    with writing(database()), pytest.raises(OperationalError, match="database is locked"):
        count_up(database(timeout=0.1))


def test_the_wait_for_the_lock_counts_as_time_of_the_database(database):
    started = database_time.start()

    with writing(database()), pytest.raises(OperationalError, match="database is locked"):
        count_up(database(timeout=0.1))

    assert database_time.since(started) >= 0.1


def test_a_lock_of_another_process_ends_the_wait_too(database, tmp_path):
    path = str(tmp_path / "db.sqlite3.lock")
    foreign = WriteLock(path, timeout_seconds=1)
    foreign._lock_file(deadline=0)  # as another process would: past the lock between threads

    with pytest.raises(OperationalError, match="database is locked"):
        count_up(database(timeout=0.1))

    foreign.close()
    count_up(database(timeout=0.1))


def test_the_lock_is_free_after_its_file_could_not_be_opened(database, monkeypatch):
    def too_many_open_files(path, mode):
        raise OSError(errno.EMFILE, "Too many open files", path)

    one = database()
    one.ensure_connection()
    monkeypatch.setattr(base, "open", too_many_open_files, raising=False)
    with pytest.raises(OperationalError, match="Too many open files"):
        one.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    monkeypatch.undo()

    count_up(database(timeout=0.1))
    assert value_of(database()) == 1


def test_the_lock_is_free_after_the_wait_for_it_was_interrupted(database, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    one = database()
    foreign = WriteLock(f"{one.settings_dict['NAME']}.lock", timeout_seconds=1)
    foreign._lock_file(deadline=0)
    one.ensure_connection()
    monkeypatch.setattr(base.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        one.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    monkeypatch.undo()
    foreign.close()

    count_up(database(timeout=0.1))
    assert value_of(database()) == 1


def test_processes_take_turns_although_one_that_has_just_written_would_be_first_again(database, tmp_path):
    """Each process writes without a pause, so that without a queue one of them writes alone for long."""
    path, context = str(tmp_path / "db.sqlite3.lock"), multiprocessing.get_context("fork")
    order = context.SimpleQueue()

    def take_turns(number):
        lock = WriteLock(path, timeout_seconds=20)
        for _ in range(100):
            lock.acquire()
            order.put(number)
            time.sleep(0.001)
            lock.release()

    workers = [context.Process(target=take_turns, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    turns = [order.get() for _ in range(200)]
    for worker in workers:
        worker.join(30)

    first_to_end = min(len(turns) - 1 - turns[::-1].index(number) for number in range(2))
    while_both_wrote = turns[turns.index(1 - turns[0]) : first_to_end]
    repeats = sum(one == next_one for one, next_one in itertools.pairwise(while_both_wrote))
    assert repeats < len(while_both_wrote) / 4


def test_a_write_that_knows_nothing_of_the_lock_is_still_waited_for(database, tmp_path):
    ours = database()
    foreign = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None, check_same_thread=False)
    foreign.execute("BEGIN IMMEDIATE")
    foreign.execute("UPDATE counter SET value = 5")
    threading.Timer(0.2, foreign.execute, ["COMMIT"]).start()

    count_up(ours)

    assert value_of(ours) == 6


@pytest.mark.parametrize("ending", ["rollback", "close"])
def test_the_lock_is_free_after(database, ending):
    one = database()
    one.ensure_connection()
    one.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)

    getattr(one, ending)()

    count_up(database(timeout=0.1))
    assert value_of(database()) == 1


@pytest.mark.django_db(transaction=True)
def test_the_lock_is_free_after_a_commit_that_failed():
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        cursor.execute(
            "INSERT INTO accounts_user_groups (user_id, group_id) VALUES (9999, 9999)"
        )  # found out at COMMIT

    assert connection.write_lock.held_thread_lock is None
    assert User.objects.create_user("dora@example.com").pk


@pytest.mark.django_db(transaction=True)
def test_nested_blocks_take_the_lock_once_and_give_it_back_at_the_end():
    with transaction.atomic():
        with transaction.atomic():
            User.objects.create_user("dora@example.com")
        assert connection.write_lock.held_thread_lock.locked()

    assert connection.write_lock.held_thread_lock is None


def test_fast_hand_over_keeps_the_slowest_writer_near_the_others(database):
    waits = []

    def write(one):
        for _ in range(50):
            started = time.perf_counter()
            with writing(one) as raw:
                raw.execute("UPDATE counter SET value = value + 1")
            waits.append(time.perf_counter() - started)

    threads = [threading.Thread(target=write, args=(database(timeout=20),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(waits) == 400
    assert max(waits) < 5  # with SQLite's own retry some of the 400 wait for many seconds
