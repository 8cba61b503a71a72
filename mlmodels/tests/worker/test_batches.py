"""Batches in real worker processes, and their faults. Each test proves that its fault happened."""

import pytest

from billing import operations as billing
from billing.verify import verify_ledger
from mlmodels.models import Batch
from mlmodels.operations import jobs
from mlmodels.tests.factories import make_dataset, slow_csv, start_batch, work_off
from mlplatform.tests.processes import is_alive, kill, training_child_of, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sqlite_only,  # on PostgreSQL the same faults befall training runs
]


@pytest.fixture
def afford(alice):
    billing.grant(user=alice, amount=485, reason="gift", operation="gift:1")


@pytest.fixture
def slow_batch(alice, work_space, make_model, afford):
    """Neighbors of many rows among many: some seconds of work, more than is predicted together."""
    model = make_model(alice, make_dataset(alice, slow_csv(20_000)), algorithm="knn", target="sum")
    rows = "a,b,c,note\n" + "".join(f"0.{n % 997},0.{n % 89},0.{n % 13},{'x' * 400}\n" for n in range(90_000))
    return start_batch(alice, model, rows.encode())


def reread(batch):
    return Batch.objects.get(pk=batch.pk)


def is_predicting(batch, worker=""):
    batch = reread(batch)
    return batch.status == "running" and batch.rows_done > 0 and batch.worker.startswith(worker)


def has_ended(batch):
    return not reread(batch).is_open


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_killed_in_the_middle_it_is_finished_once_by_another_worker(
    alice, slow_batch, start_worker, work_space
):
    first = start_worker("first")
    until(lambda: is_predicting(slow_batch))
    child = until(lambda: training_child_of(first.pid))
    kill(first)
    assert reread(slow_batch).status == "running"
    until(lambda: not is_alive(child), what="for the child to die with its worker")

    start_worker("second")
    until(lambda: has_ended(slow_batch))

    batch = reread(slow_batch)
    assert (batch.status, batch.attempt, batch.lapses, batch.worker) == ("succeeded", 2, 1, "second")
    assert batch.answer.read().count(b"\n") == 90_001
    assert files_in(work_space / "files" / "batches") == [f"{batch.uuid}.2.csv", f"{batch.uuid}.csv"]
    assert files_in(work_space / "work") == [f"{batch.uuid}.1.part"]  # until the sweep
    assert balance_of(alice) == 500 - 90 * 5
    assert verify_ledger() == []


def test_killed_twice_it_is_refunded_once(alice, slow_batch, start_worker, work_space):
    for name in ("first", "second"):
        worker = start_worker(name)
        until(lambda name=name: is_predicting(slow_batch, name))
        kill(worker)

    until(lambda: jobs.recover() and has_ended(slow_batch))

    batch = reread(slow_batch)
    assert (batch.status, batch.error_code, batch.attempt) == ("failed", "worker_lost", 2)
    assert balance_of(alice) == 500
    assert verify_ledger() == []


def test_cancelled_in_the_middle_it_ends_within_seconds_and_is_refunded(
    alice, slow_batch, in_background, work_space
):
    thread = in_background(slow_batch)
    until(lambda: is_predicting(slow_batch))

    jobs.cancel(job=slow_batch)
    thread.join(timeout=60)

    assert not thread.is_alive()
    assert reread(slow_batch).status == "cancelled"
    assert files_in(work_space / "work") == []
    assert balance_of(alice) == 500
    assert verify_ledger() == []


@pytest.mark.parametrize(
    ("setting", "limit", "code"),
    [("TRAINING_TIME_LIMIT_SECONDS", 0.3, "time_limit"), ("TRAINING_MEMORY_LIMIT_MB", 1, "memory_limit")],
)
def test_past_a_limit_it_is_stopped_with_the_reason_and_refunded(
    alice, slow_batch, settings, setting, limit, code
):
    setattr(settings, setting, limit)

    work_off()

    batch = reread(slow_batch)
    assert (batch.status, batch.error_code) == ("failed", code)
    assert "Split the file." in batch.error
    assert balance_of(alice) == 500
    assert verify_ledger() == []
