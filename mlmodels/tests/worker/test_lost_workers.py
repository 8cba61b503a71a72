"""Faults of real worker processes. Each test proves that its fault happened."""

import os
import signal

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from billing.verify import verify_ledger
from mlmodels.models import TrainedModel, TrainingRun, Worker
from mlmodels.operations import predictions
from mlmodels.tests.factories import make_dataset, slow_csv, slow_order, start_run
from mlplatform.tests.processes import (
    PATIENCE_SECONDS,
    descendants,
    is_alive,
    kill,
    pause,
    training_child_of,
    until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def reread(run):
    return TrainingRun.objects.get(pk=run.pk)


def is_fitting(run):
    run = reread(run)
    return run.status == "running" and run.progress_note.startswith("Fitting")


def has_ended(run):
    return not reread(run).is_open


def pause_without_locks(worker, run):
    """With a lock, the paused process would keep everybody from the database."""
    while True:
        pause(worker.pid)
        try:
            with transaction.atomic():
                TrainingRun.objects.select_for_update().get(pk=run.pk)
            return
        except OperationalError:  # a write waited in vain
            os.kill(worker.pid, signal.SIGCONT)


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def slow_run(alice, work_space):
    return start_run(alice, make_dataset(alice, slow_csv()), **slow_order())


def test_killed_in_mid_fit_the_run_is_finished_once_by_another_worker(
    alice, slow_run, start_worker, work_space
):
    first = start_worker("first")
    until(lambda: is_fitting(slow_run))
    child = until(lambda: training_child_of(first.pid))
    kill(first)
    assert reread(slow_run).status == "running"
    until(lambda: not is_alive(child), what="for the child to die with its worker")

    start_worker("second")
    until(lambda: has_ended(slow_run))

    run = reread(slow_run)
    assert (run.status, run.attempt, run.lapses, run.worker) == ("succeeded", 2, 1, "second")
    assert TrainedModel.objects.count() == 1
    assert files_in(work_space / "files" / "models") == [f"{run.uuid}.2.joblib"]
    assert files_in(work_space / "work") == []
    assert predictions.predict(owner=alice, model=run.trained_model, features={"a": 1, "b": 1, "c": 1})
    assert balance_of(alice) == 15 - 1 - 5
    assert verify_ledger() == []


@pytest.mark.sqlite_only  # that it is counted is tested with the queue on both
def test_killed_twice_the_run_is_refunded_once(alice, slow_run, start_worker):
    for name in ("first", "second"):
        worker = start_worker(name)
        until(lambda name=name: is_fitting(slow_run) and reread(slow_run).worker == name)
        kill(worker)

    until(lambda: call_command("recover_runs") or has_ended(slow_run))

    run = reread(slow_run)
    assert (run.status, run.error_code, run.attempt) == ("failed", "worker_lost", 2)
    assert balance_of(alice) == 15
    assert verify_ledger() == []


def test_paused_beyond_its_lease_a_worker_is_fenced_out_and_removes_what_it_made(
    alice, slow_run, start_worker, work_space
):
    paused = start_worker("paused")
    until(lambda: is_fitting(slow_run))
    own_part = work_space / "work" / f"{slow_run.uuid}.1.part"
    pause_without_locks(paused, slow_run)
    until(own_part.exists, what="for the child of the paused worker to save its model")

    start_worker("second")
    until(lambda: has_ended(slow_run))
    assert own_part.exists()
    os.kill(paused.pid, signal.SIGCONT)
    models = work_space / "files" / "models"
    until(lambda: not own_part.exists() and len(files_in(models)) == 1)

    run = reread(slow_run)
    assert (run.status, run.attempt, run.worker) == ("succeeded", 2, "second")
    assert TrainedModel.objects.count() == 1
    assert files_in(models) == [f"{run.uuid}.2.joblib"]
    assert paused.poll() is None
    assert balance_of(alice) == 14
    assert verify_ledger() == []


@pytest.mark.sqlite_only  # about processes
def test_told_to_stop_a_worker_hands_its_run_back_and_leaves_no_process(alice, slow_run, start_worker):
    worker = start_worker("worker")
    until(lambda: is_fitting(slow_run))
    below = descendants(worker.pid)
    assert len(below) >= 2

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    until(lambda: not any(map(is_alive, below)))
    run = reread(slow_run)
    assert (run.status, run.attempt, run.lapses) == ("queued", 1, 0)
    assert not Worker.objects.exists()
    assert balance_of(alice) == 14


def test_two_workers_do_each_of_twelve_runs_once(make_user, start_worker, work_space):
    workers = [start_worker("one"), start_worker("two")]
    until(lambda: Worker.objects.count() == 2, what="for both to wait for jobs")

    runs = []
    for number in range(4):
        owner = make_user(f"user{number}@example.com")
        dataset = make_dataset(owner)
        runs += [start_run(owner, dataset) for _ in range(3)]
    until(lambda: not TrainingRun.objects.open().exists())

    assert all(worker.poll() is None for worker in workers)
    done = TrainingRun.objects.filter(pk__in=[run.pk for run in runs])
    assert set(done.values_list("status", "attempt")) == {("succeeded", 1)}
    assert set(done.values_list("worker", flat=True)) == {"one", "two"}
    assert TrainedModel.objects.count() == 12
    assert len(files_in(work_space / "files" / "models")) == 12
    assert verify_ledger() == []


@pytest.mark.postgresql_only
def test_a_worker_survives_the_loss_of_its_database_connections(alice, slow_run, start_worker):
    worker = start_worker("worker")
    until(lambda: is_fitting(slow_run))

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] >= 1

    until(lambda: has_ended(slow_run))
    run = reread(slow_run)
    assert (run.status, run.attempt) == ("succeeded", 1)
    assert worker.poll() is None
