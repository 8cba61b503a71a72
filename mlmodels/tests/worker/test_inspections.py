"""Large uploads are inspected by real workers, beside their jobs, and survive the loss of one."""

import os
import signal
import threading
import time

import pytest
from django.db import connection

from billing.verify import verify_ledger
from mlmodels.models import Dataset, Upload
from mlmodels.operations import datasets, uploads
from mlmodels.tests.factories import make_dataset, slow_csv, slow_order, start_run, start_upload
from mlmodels.worker import inspections, threads
from mlmodels.worker.inspections import InspectionThread
from mlplatform.tests.processes import PATIENCE_SECONDS, descendants, is_alive, kill, pause, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def large_table():
    """Of some seconds."""
    return slow_csv(1_500_000)


def reread(upload):
    return Upload.objects.get(pk=upload.pk)


def is_under_way(upload):
    return reread(upload).status == "running" and reread(upload).progress > 0


def inspecting_child_of(worker):
    return next(
        (pid for pid in descendants(worker.pid) if "mlmodels.learning.apart" in command_of(pid)), None
    )


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


def test_it_does_not_wait_for_the_training_run_of_the_same_worker(alice, start_worker, work_space):
    run = start_run(alice, make_dataset(alice, slow_csv(rows=30_000)), **slow_order())  # half a minute
    worker = start_worker("only")
    until(lambda: type(run).objects.get(pk=run.pk).status == "running")
    upload = start_upload(alice)

    until(lambda: reread(upload).dataset)

    assert type(run).objects.get(pk=run.pk).is_open
    assert worker.poll() is None


@pytest.mark.sqlite_only  # on PostgreSQL the same fault befalls training runs
def test_killed_in_the_middle_another_worker_finishes_it_once(alice, large_table, start_worker, work_space):
    first = start_worker("first")
    upload = start_upload(alice, large_table)
    until(lambda: is_under_way(upload))
    child = until(lambda: inspecting_child_of(first))
    kill(first)
    until(lambda: not is_alive(child), what="for the process that inspects to end with its worker")

    start_worker("second")
    until(lambda: not reread(upload).is_open)

    upload = reread(upload)
    assert (upload.status, upload.attempt, upload.lapses) == ("succeeded", 2, 1)
    assert Dataset.objects.get().row_count == 1_500_000
    assert [path.name for path in (work_space / "files" / "datasets").iterdir()] == [f"{upload.uuid}.csv"]
    alice.refresh_from_db()
    assert alice.token_balance == 15 and verify_ledger() == []


@pytest.mark.sqlite_only  # about processes
def test_a_worker_that_is_told_to_stop_hands_it_back(alice, large_table, start_worker):
    worker = start_worker("leaving")
    upload = start_upload(alice, large_table)
    until(lambda: is_under_way(upload))
    child = until(lambda: inspecting_child_of(worker))
    pause(child)  # it cannot end before the worker

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    if is_alive(child):
        os.kill(child, signal.SIGKILL)  # stopped, it would stay for good
    assert (reread(upload).status, reread(upload).lapses) == ("queued", 0)


@pytest.mark.sqlite_only  # about processes
def test_deleted_in_the_middle_its_process_ends(alice, large_table, start_worker, work_space):
    worker = start_worker("only")
    upload = start_upload(alice, large_table)
    until(lambda: is_under_way(upload))
    child = until(lambda: inspecting_child_of(worker))

    uploads.delete_upload(upload=upload)

    until(lambda: not is_alive(child))
    assert not Dataset.objects.exists()
    assert list((work_space / "files" / "datasets").iterdir()) == []


def test_a_crash_of_the_process_is_said_and_the_file_goes(alice, monkeypatch, work_space):
    upload = start_upload(alice)
    crash = inspections.subprocess.CalledProcessError(-9, "inspect")
    monkeypatch.setattr(datasets, "inspect", lambda *arguments, **options: _raise(crash))

    InspectionThread().work_once()

    assert (reread(upload).status, reread(upload).error_code) == ("failed", "crashed")
    assert list((work_space / "files" / "datasets").iterdir()) == []


def test_an_unexpected_error_is_logged_and_does_not_end_the_thread(alice, monkeypatch, work_space, caplog):
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0)
    broken, inspect = start_upload(alice), datasets.inspect
    monkeypatch.setattr(datasets, "inspect", lambda *arguments, **options: _raise(RuntimeError("a bug")))

    with InspectionThread():
        until(lambda: "a bug" in caplog.text)
        monkeypatch.setattr(datasets, "inspect", inspect)
        next_one = start_upload(alice)
        until(lambda: reread(next_one).dataset)

    assert reread(broken).is_open  # until its lease ends and it is tried again
    connection.close()


def test_what_takes_too_long_is_given_up(alice, monkeypatch):
    upload = start_upload(alice)
    monkeypatch.setattr(inspections, "INSPECTION_SECONDS_MAX", 0)
    monkeypatch.setattr(inspections, "REPORT_SECONDS", 0.01)
    monkeypatch.setattr(datasets, "inspect", lambda *arguments, **options: time.sleep(0.2))

    InspectionThread().work_once()

    assert reread(upload).error_code == "time_limit"


def test_while_the_storage_is_away_it_waits(alice, faulty_storage, monkeypatch):
    monkeypatch.setattr(inspections, "STORAGE_RETRY_SECONDS", 0)
    upload = start_upload(alice)
    faulty_storage.fault = "refuse"
    assert InspectionThread().work_once()
    assert (reread(upload).status, reread(upload).lapses) == ("queued", 0)
    faulty_storage.fault = None

    InspectionThread().work_once()

    assert reread(upload).dataset == Dataset.objects.get()


def test_the_thread_ends_with_its_worker(alice, work_space):
    upload = start_upload(alice)

    with InspectionThread():
        until(lambda: reread(upload).dataset)

    assert "uploads" not in [thread.name for thread in threading.enumerate()]
    connection.close()


def _raise(error):
    raise error
