"""A storage that is slow, refuses, hangs up or sends half a file: said in words, and nothing is charged."""

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from billing.verify import verify_ledger
from mlmodels.models import Batch, Dataset, PendingFile, TrainedModel, TrainingRun
from mlmodels.operations import jobs, model_cache, pending_files, predictions
from mlmodels.tests.factories import houses_csv, make_dataset, start_batch, start_run, work_off
from mlmodels.tests.leftovers import grow_old
from mlmodels.worker import supervision
from mlmodels.worker.loop import JobWorker
from mlplatform.core import object_storage

pytestmark = pytest.mark.django_db(transaction=True)

A_HOUSE = {"size": 100, "rooms": 2, "place": "city"}
FAULTS = pytest.mark.parametrize("fault", ["refuse", "gone", "slow"])


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """One attempt, and none waits for longer than a moment."""
    monkeypatch.setattr(object_storage, "READ_SECONDS", 0.3)
    monkeypatch.setattr(object_storage, "ATTEMPTS", 1)
    monkeypatch.setattr(supervision, "STORAGE_RETRY_SECONDS", 0.05)


@pytest.fixture
def break_it(faulty_storage):
    def break_it(fault):
        faulty_storage.fault, faulty_storage.seconds = fault, 1.0
        return faulty_storage

    return break_it


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def assert_said_and_free(response, user, tokens=15):
    assert response.status_code == 503
    assert response["Retry-After"]
    assert response.json()["code"] == "storage_unavailable"
    assert "storage of files cannot be reached" in response.json()["detail"]
    assert balance_of(user) == tokens
    assert verify_ledger() == []


@FAULTS
def test_an_upload_is_refused_and_leaves_no_row(alice, break_it, api_as, fault):
    proxy = break_it(fault)

    upload = SimpleUploadedFile("houses.csv", houses_csv())
    response = api_as(alice).post("/api/v1/datasets", {"file": upload}, "multipart")

    proxy.fault = None
    assert_said_and_free(response, alice)
    assert proxy.faults
    assert not Dataset.objects.exists()
    assert PendingFile.objects.count() == 1  # to be swept: nobody knows whether it arrived


def test_a_page_says_so_as_well(alice, break_it, pages_of):
    break_it("refuse")

    upload = {"file": SimpleUploadedFile("houses.csv", houses_csv())}
    response = pages_of(alice).post("/datasets/", upload)

    assert response.status_code == 503
    assert "storage of files cannot be reached" in response.content.decode()


@FAULTS
def test_a_prediction_whose_model_cannot_be_loaded_costs_nothing(
    alice, make_model, break_it, faulty_storage, api_as, fault
):
    model = make_model(alice)
    proxy = break_it(fault)

    response = api_as(alice).post(f"/api/v1/models/{model.name}/predict", {"features": A_HOUSE})

    proxy.fault = None
    assert_said_and_free(response, alice)
    assert predictions.predict(owner=alice, model=model, features=A_HOUSE)


def test_half_a_model_is_never_loaded(alice, make_model, break_it, faulty_storage, api_as):
    model = make_model(alice)
    proxy = break_it("cut")

    response = api_as(alice).post(f"/api/v1/models/{model.name}/predict", {"features": A_HOUSE})

    proxy.fault = None
    assert_said_and_free(response, alice)
    assert model_cache._copies() == []


def test_a_model_that_is_cut_off_in_the_storage_is_refused_and_costs_nothing(
    alice, make_model, bucket, api_as
):
    model = make_model(alice)
    bucket.write(model.file.name, bucket.read(model.file.name)[:-100])

    response = api_as(alice).post(f"/api/v1/models/{model.name}/predict", {"features": A_HOUSE})

    assert response.status_code == 409
    assert "was altered" in response.json()["detail"]
    assert balance_of(alice) == 15


@FAULTS
def test_a_file_of_rows_is_refused_and_costs_nothing(
    alice, make_model, break_it, faulty_storage, api_as, fault
):
    model = make_model(alice)
    proxy = break_it(fault)

    upload = SimpleUploadedFile("rows.csv", houses_csv())
    response = api_as(alice).post(f"/api/v1/models/{model.name}/batches", {"file": upload}, "multipart")

    proxy.fault = None
    assert_said_and_free(response, alice)
    assert not Batch.objects.exists()


def test_a_deletion_goes_on_and_the_file_follows(alice, make_model, break_it, faulty_storage, bucket, api_as):
    model = make_model(alice)
    proxy = break_it("gone")

    assert api_as(alice).delete(f"/api/v1/models/{model.name}").status_code == 204

    proxy.fault = None
    assert model.file.name in bucket.names()
    grow_old()
    pending_files.sweep()
    assert model.file.name not in bucket.names()
    assert not PendingFile.objects.exists()


def test_a_run_waits_for_a_storage_that_comes_back(alice, break_it, settings, in_background):
    settings.RUN_LEASE_SECONDS = 60
    run = start_run(alice)
    proxy = break_it("refuse")
    thread = in_background(run)
    while not proxy.faults:
        time.sleep(0.05)

    proxy.fault = None
    thread.join()

    run.refresh_from_db()
    assert (run.status, run.attempt, run.lapses) == ("succeeded", 1, 0), run.error


def test_a_run_whose_storage_is_gone_is_tried_twice_and_refunded(alice, break_it, settings):
    settings.RUN_LEASE_SECONDS = 0.2
    run = start_run(alice)
    proxy = break_it("gone")

    JobWorker("first").work_on(run)
    run.refresh_from_db()
    queued_again = (run.status, run.lapses)
    JobWorker("second").work_on(run)

    proxy.fault = None
    run.refresh_from_db()
    assert queued_again == ("queued", 1)
    assert (run.status, run.error_code) == ("failed", "storage_unavailable")
    assert "The charge is refunded." in run.error
    assert balance_of(alice) == 15
    assert verify_ledger() == []


def test_a_model_that_cannot_be_stored_is_no_model(alice, break_it, settings):
    settings.RUN_LEASE_SECONDS = 0.2
    run = start_run(alice)
    proxy = break_it("refuse")
    proxy.methods = ("PUT", "POST")

    JobWorker("first").work_on(run)

    proxy.fault = None
    run.refresh_from_db()
    assert (run.status, run.lapses) == ("queued", 1)
    assert not TrainedModel.objects.exists()
    assert list(pending_files.work_folder().iterdir()) == []
    work_off()
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("succeeded", 2)
    assert balance_of(alice) == 14


def test_a_table_that_is_cut_off_in_the_storage_makes_no_model(alice, bucket, settings, caplog):
    """Its rows would all be readable: only its checksum tells."""
    settings.RUN_LEASE_SECONDS = 0.2
    dataset = make_dataset(alice)
    lines = houses_csv().splitlines(keepends=True)
    run = start_run(alice, dataset)
    bucket.write(dataset.file.name, b"".join(lines[:40]))

    work_off()

    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "storage_unavailable")
    assert not TrainedModel.objects.exists()
    assert balance_of(alice) == 15
    assert "did not arrive" in caplog.text


def test_a_batch_whose_storage_is_gone_is_refunded(alice, make_model, break_it, faulty_storage, settings):
    settings.RUN_LEASE_SECONDS = 0.2
    batch = start_batch(alice, make_model(alice))
    proxy = break_it("gone")

    work_off()

    proxy.fault = None
    batch.refresh_from_db()
    assert (batch.status, batch.error_code) == ("failed", "storage_unavailable")
    assert balance_of(alice) == 15
    assert verify_ledger() == []


def test_a_worker_without_storage_goes_on_asking(alice, break_it):
    """Neither sweeping nor taking back what a lost worker had ends it."""
    pending_files.register(name="datasets/left.csv")
    run = jobs.claim(job=start_run(alice), worker="lost")
    TrainingRun.objects.filter(pk=run.pk).update(attempt=2)
    grow_old()
    break_it("gone")

    worker = JobWorker("test")
    worker._sweep_when_due()
    jobs.discard_attempts(run, before=3)

    assert PendingFile.objects.exists()
