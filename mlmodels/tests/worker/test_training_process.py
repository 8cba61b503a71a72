"""What becomes of a run when its child process is refused, stopped, or dies."""

import errno
import json
import os
import signal
import time
from pathlib import Path

import pytest

from billing.verify import verify_ledger
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import jobs
from mlmodels.tests.factories import (
    houses_csv,
    make_dataset,
    slow_csv,
    slow_order,
    start_run,
    work_off,
)
from mlmodels.worker import child, supervision, trainings
from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by
from mlplatform.tests.processes import descendants, is_alive, session_of, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("work_space"),
    pytest.mark.sqlite_only,  # the child process knows no database
]


@pytest.fixture
def slow_run(alice):
    return start_run(alice, make_dataset(alice, slow_csv()), **slow_order())


def assert_failed_and_refunded(run, code, words):
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", code)
    assert words in run.error
    assert_refunded(run)


def assert_refunded(run):
    run.owner.refresh_from_db()
    assert run.owner.token_balance == 15
    assert list(run.owner.ledger_entries.order_by("seq").values_list("amount", flat=True)) == [15, -1, 1]
    assert not TrainedModel.objects.exists()
    assert list(supervision.work_folder().iterdir()) == []
    assert verify_ledger() == []


def training_child():
    return next((pid for pid in descendants(os.getpid()) if session_of(pid) == pid), None)


def wait_until_fitting(run):
    until(lambda: TrainingRun.objects.get(pk=run.pk).progress_note.startswith("Fitting"))


def test_a_killed_child_is_a_failed_and_refunded_training(slow_run, in_background):
    thread = in_background(slow_run)
    wait_until_fitting(slow_run)
    os.kill(training_child(), signal.SIGKILL)
    thread.join()

    assert_failed_and_refunded(slow_run, "killed", "ran out of memory")


def test_a_cancelled_training_of_minutes_ends_within_seconds(alice, in_background):
    run = start_run(alice, make_dataset(alice, slow_csv(rows=30_000)), **slow_order())
    thread = in_background(run)
    wait_until_fitting(run)
    pid = training_child()

    jobs.cancel(job=run)
    thread.join(timeout=20)

    assert not thread.is_alive()
    assert not is_alive(pid)
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert_refunded(run)


def test_a_child_lives_under_limits_of_its_own(slow_run, in_background, settings):
    settings.TRAINING_NICENESS = 10
    thread = in_background(slow_run)
    wait_until_fitting(slow_run)
    process = Path(f"/proc/{training_child()}")
    niceness = int((process / "stat").read_text().rpartition(")")[2].split()[16])
    autogroup = process / "autogroup"  # where Linux schedules by session
    of_session = autogroup.read_text() if autogroup.exists() else "nice 10\n"
    limits = {
        line[:26].strip(): line[26:].split()[0] for line in (process / "limits").read_text().splitlines()
    }
    environment = (process / "environ").read_text().split("\0")
    jobs.cancel(job=slow_run)
    thread.join()

    assert niceness == 10
    assert of_session.endswith("nice 10\n")
    assert limits["Max cpu time"] == "630"
    assert limits["Max file size"] == "1000000000"
    assert 4e9 < int(limits["Max address space"]) < 10e9
    assert limits["Max core file size"] == "0"
    assert "OMP_NUM_THREADS=1" in environment


def test_a_training_past_its_time_is_stopped_with_the_reason(alice, settings):
    settings.TRAINING_TIME_LIMIT_SECONDS = 1
    slow_run = start_run(alice, make_dataset(alice, slow_csv(rows=30_000)), **slow_order())

    started = time.monotonic()
    work_off()

    assert time.monotonic() - started < 15
    assert_failed_and_refunded(slow_run, "time_limit", "longer than the 1 seconds")


def test_a_training_past_its_memory_is_stopped_with_the_reason(alice, settings):
    settings.TRAINING_MEMORY_LIMIT_MB = 8
    run = start_run(alice, make_dataset(alice, slow_csv(60_000)), target="sum", algorithm="knn")

    work_off()

    assert_failed_and_refunded(run, "memory_limit", "more than the 8 MB of memory")


def test_a_model_past_its_size_is_refused_with_the_reason(slow_run, monkeypatch):
    monkeypatch.setattr(trainings, "MODEL_BYTES_MAX", 1_000_000)

    work_off()

    assert_failed_and_refunded(slow_run, "model_too_large", "more than 1 MB")


def test_a_cell_that_does_not_fit_is_refused_with_its_place(alice):
    lines = houses_csv().decode().splitlines()
    dataset = make_dataset(alice, "\n".join([*lines, "12,2,city,1"]).encode())
    run = start_run(alice, dataset)
    with open(dataset.file.path, "a") as handle:
        handle.write("\nlarge,3,city,2")

    work_off()

    assert_failed_and_refunded(run, "table_refused", "large")


def test_a_data_set_without_its_file_fails_the_run_in_words(alice):
    run = start_run(alice)
    os.unlink(run.dataset.file.path)

    work_off()

    assert_failed_and_refunded(run, "dataset_missing", "Upload it again")


def test_a_disk_that_is_full_for_the_process_fails_the_run_in_words(alice, monkeypatch, tmp_path, caplog):
    full = tmp_path / "model.part"
    full.symlink_to("/dev/full")
    monkeypatch.setattr(trainings, "part_path", lambda run: full)
    run = start_run(alice)

    work_off()

    assert_failed_and_refunded(run, "storage_full", "There is no space left for files")
    assert "no space left for files" in caplog.messages


def test_a_disk_that_is_full_for_the_model_fails_the_run_in_words(alice, monkeypatch):
    def keep_file(**options):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(trainings.model_files, "keep_file", keep_file)
    run = start_run(alice)

    work_off()

    assert_failed_and_refunded(run, "storage_full", "There is no space left for files")


def test_a_search_reports_what_it_found(alice):
    run = start_run(alice, algorithm="knn", grid={"n_neighbors": [1, 3]}, is_classic=True)

    work_off()

    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    assert run.trained_model.search.keys() == {"best_params", "best_score", "training_accuracy"}
    assert alice.trained_models.last_search() == run.trained_model


def test_an_auto_training_keeps_its_leaderboard_and_names_the_winner(alice):
    run = start_run(alice, algorithm="auto")

    work_off()

    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    assert run.algorithm == "auto"
    assert run.trained_model.algorithm not in ("auto", "baseline")
    assert len(run.trained_model.report["candidates"]) >= 5
    assert len(run.candidates) >= 5


class Listener:
    def __init__(self):
        self.messages = []

    def send_bytes(self, message):
        self.messages.append(json.loads(message))


def test_a_crash_is_told_by_its_name_and_place_and_never_quotes_the_data():
    listener, cell = Listener(), "alice" + "@example.com"

    with child.Reporter(listener, "model_too_large"):
        raise ValueError(f"could not convert {cell}")

    (message,) = listener.messages
    assert (message["kind"], message["error"]) == ("crashed", "ValueError")
    assert "test_training_process.py" in message["frames"][0]
    assert cell not in json.dumps(message)


def test_the_child_knows_no_django():
    assert imported_by("from mlmodels.worker import child, process", {"django"}) == set()


def test_waiting_for_work_needs_no_learning_library():
    code = (
        "import django; django.setup(); import mlmodels.worker.loop, mlmodels.operations.training; "
        "import mlmodels.operations.predictions"
    )

    assert imported_by(code, LEARNING_LIBRARIES) == set()
