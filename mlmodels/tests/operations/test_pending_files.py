"""What a process leaves when it is killed between a file and its row is removed, and nothing else is."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from billing.verify import verify_ledger
from mlmodels.models import Dataset, PendingFile, TrainedModel
from mlmodels.operations import datasets, jobs, model_files, pending_files, training
from mlmodels.operations.trained_models import delete_model
from mlmodels.tests.factories import houses_csv, make_dataset, make_model, start_run
from mlmodels.tests.leftovers import grow_old, stored
from mlmodels.tests.worker.conftest import url_of_test_database
from mlmodels.worker.loop import JobWorker
from mlplatform.core import storage
from mlplatform.core.errors import StorageUnavailable, Unavailable

pytestmark = pytest.mark.django_db

KILLED_BEFORE_ITS_ROW = """
import io, os, signal, sys
import django
django.setup()
from django.contrib.auth import get_user_model
from mlmodels.models import Dataset
from mlmodels.operations import datasets
Dataset.save = lambda *args, **options: os.kill(os.getpid(), signal.SIGKILL)
alice = get_user_model().objects.get(email="alice@example.com")
datasets.create_dataset(owner=alice, name="houses", upload=io.BytesIO(sys.stdin.buffer.read()))
"""


@pytest.fixture(autouse=True)
def own_work_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def put(name):
    return default_storage.save(name, ContentFile(b"left over"))


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_was_killed_before_its_row_is_swept_after_an_hour(alice, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mlplatform.settings",
        "DATABASE_URL": url_of_test_database(),
        "DATA_DIR": str(tmp_path),
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_ITS_ROW],
        input=houses_csv(),
        env=environment,
        cwd=settings.BASE_DIR,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(stored()) == 1
    assert not Dataset.objects.exists()

    assert pending_files.sweep() == 0
    grow_old(timedelta(hours=3))
    assert [difference.check for difference in verify_ledger()] == ["orphaned_files"]
    assert pending_files.sweep() == 1

    assert stored() == []
    assert not PendingFile.objects.exists()
    assert verify_ledger() == []


def test_what_has_its_row_is_not_announced_any_more_and_stays(alice):
    model = make_model(alice)
    grow_old()

    assert not PendingFile.objects.exists()
    assert pending_files.sweep() == 0
    model_files.read_checked(model)
    assert len(stored()) == 1


def test_a_file_that_nobody_here_announced_stays(alice):
    """It may belong to another installation on the same storage, or to the database of before."""
    put("datasets/unknown.csv")
    put("models/unknown.joblib")
    grow_old()

    assert pending_files.sweep() == 0
    assert (stored(), stored("models")) == (["unknown.csv"], ["unknown.joblib"])


def test_an_announced_file_that_a_row_names_after_all_stays(alice):
    dataset = make_dataset(alice)
    pending_files.register(name=dataset.file.name)
    grow_old()

    assert pending_files.sweep() == 0

    assert default_storage.exists(dataset.file.name)
    assert not PendingFile.objects.exists()


def test_an_upload_whose_file_was_swept_meanwhile_gets_no_row(alice, monkeypatch):
    save = Dataset.save

    def save_much_later(dataset, **options):
        grow_old()
        pending_files.sweep()
        save(dataset, **options)

    monkeypatch.setattr(Dataset, "save", save_much_later)

    with pytest.raises(Unavailable, match="Upload it again"):
        make_dataset(alice)

    assert not Dataset.objects.exists()
    assert stored() == []


@pytest.mark.django_db(transaction=True)
def test_others_write_while_the_storage_deletes_slowly(monkeypatch):
    """And a very late upload of this file learns at once that it gets no row."""
    pending_files.register(name=put("datasets/left.csv"))
    grow_old()
    written = []

    def write():
        written.append(pending_files.confirm(name="datasets/left.csv"))
        pending_files.register(name="datasets/next.csv")
        connection.close()

    def delete_slowly(name):
        with ThreadPoolExecutor() as pool:
            pool.submit(write).result(timeout=30)

    monkeypatch.setattr(storage, "delete_leftover", delete_slowly)

    assert pending_files.sweep() == 1

    assert written == [False]
    assert [pending.name for pending in PendingFile.objects.all()] == ["datasets/next.csv"]


def test_what_the_storage_does_not_delete_is_tried_again(faulty_storage):
    pending_files.register(name=put("datasets/left.csv"))
    PendingFile.objects.update(registered_at=Now() - timedelta(hours=2))
    faulty_storage.fault = "refuse"
    with pytest.raises(StorageUnavailable):
        pending_files.sweep()
    faulty_storage.fault = None

    assert pending_files.sweep() == 1
    assert not PendingFile.objects.exists()


def test_a_training_whose_file_was_swept_meanwhile_makes_no_model(alice):
    run = jobs.claim(job=start_run(alice), worker="late")
    name = run.result_path(run.attempt)
    model = TrainedModel(owner=alice, run=run, name=run.model_name, target={}, features=[], file=name)
    model.size_bytes = 0

    assert not training.finish_run(run=run, model=model)

    run.refresh_from_db()
    assert run.status == "running"
    assert not TrainedModel.objects.exists()


def test_files_of_rows_that_are_gone_are_swept_when_their_removal_was_cut_off(alice):
    """Here the callbacks after the commit never come, as after `kill -9`."""
    model = make_model(alice)
    delete_model(model=model)
    datasets.delete_dataset(dataset=Dataset.objects.get())
    assert (len(stored()), len(stored("models"))) == (1, 1)
    grow_old()

    assert pending_files.sweep() == 2

    assert (stored(), stored("models")) == ([], [])
    assert pending_files.sweep() == 0


def test_files_that_a_killed_worker_left_are_swept_but_not_those_of_an_open_run(alice):
    ended, open_one = start_run(alice), start_run(alice)
    jobs.fail(job=jobs.claim(job=ended, worker="gone"), error="", code="")
    folder = pending_files.work_folder()
    for name in (f"{ended.uuid}.1.part", f"{ended.uuid}.1.csv", f"{open_one.uuid}.1.part", "notes.txt"):
        (folder / name).write_bytes(b"half a model")

    assert pending_files.sweep() == 0
    grow_old()
    assert pending_files.sweep() == 2

    assert {path.name for path in folder.iterdir()} == {f"{open_one.uuid}.1.part", "notes.txt"}


def test_long_trainings_make_for_a_later_sweep(settings):
    settings.TRAINING_TIME_LIMIT_SECONDS, settings.RUN_LEASE_SECONDS = 7200, 60

    assert pending_files.left_over_age() > timedelta(hours=4)


def test_a_worker_sweeps_at_its_start_and_then_now_and_then(alice):
    worker = JobWorker("test")
    pending_files.register(name=put("datasets/first.csv"))
    grow_old()
    worker._sweep_when_due()
    pending_files.register(name=put("datasets/second.csv"))
    grow_old()
    worker._sweep_when_due()

    assert stored() == ["second.csv"]


def test_recover_runs_sweeps_too(capsys):
    pending_files.register(name=put("datasets/left.csv"))
    grow_old()

    call_command("recover_runs")

    assert capsys.readouterr().out == "0 queued, 0 failed, 0 cancelled; 1 orphaned file removed\n"
    assert stored() == []
