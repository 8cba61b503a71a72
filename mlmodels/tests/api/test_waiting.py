"""How long a request waits for its training."""

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError

from mlmodels.api import classic, responses, waiting
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import jobs
from mlmodels.tests.factories import houses_csv

pytestmark = pytest.mark.django_db


def order():
    table = SimpleUploadedFile("houses.csv", houses_csv())
    return {"model_type": "linear", "feature_cols": "size,rooms", "label_col": "price", "csv_file": table}


@pytest.fixture
def waited(monkeypatch):
    """How many seconds were allowed for each training; none of them ends in that time."""
    seconds_of = []

    def wait(*, job, seconds):
        seconds_of.append(seconds)
        return job

    monkeypatch.setattr(waiting, "wait_for_end", wait)
    return seconds_of


def test_a_request_waits_for_a_minute_at_most(alice, api_as, waited):
    answer = api_as(alice).post("/api/create", order(), format="multipart")

    assert answer.status_code == 202
    assert 50 < waited[0] < 60


def test_what_taking_the_table_needs_is_part_of_the_minute(alice, api_as, waited, monkeypatch):
    def take_slowly(**order):
        time.sleep(0.5)
        return train_on_upload(**order)

    train_on_upload = classic.train_on_upload
    monkeypatch.setattr(classic, "train_on_upload", take_slowly)
    monkeypatch.setattr(waiting, "WAIT_SECONDS_MAX", 5)

    api_as(alice).post("/api/create", order(), format="multipart")

    assert 0 < waited[0] < 4.5


def test_a_table_that_needed_longer_is_answered_at_once(alice, api_as, waited, monkeypatch):
    monkeypatch.setattr(waiting, "WAIT_SECONDS_MAX", 0)

    answer = api_as(alice).post("/api/create", order(), format="multipart")

    assert answer.status_code == 202
    assert waited == [0]


@pytest.mark.parametrize("failure", [OperationalError, InterfaceError])
def test_when_the_database_goes_away_after_the_charge_the_run_is_accepted(
    alice, api_as, failure, monkeypatch
):
    def lose_the_database(*arguments, **options):
        raise failure("server closed the connection unexpectedly")

    monkeypatch.setattr(jobs.time, "sleep", lose_the_database)

    answer = api_as(alice).post("/api/create", order(), format="multipart")

    run = TrainingRun.objects.get()
    assert answer.status_code == 202
    assert answer.json()["run"] == str(run.uuid)
    assert answer["Location"].endswith(f"/api/v1/runs/{run.uuid}")
    alice.refresh_from_db()
    assert alice.token_balance == 14


def test_a_model_deleted_while_its_training_is_answered_is_answered_all_the_same(
    alice, api_as, trains_at_once, monkeypatch
):
    created = responses.created

    def delete_first(run, model):
        TrainedModel.objects.filter(pk=model.pk).delete()
        return created(run, model)

    monkeypatch.setattr(responses, "created", delete_first)

    answer = api_as(alice).post("/api/create", order(), format="multipart")

    assert answer.status_code == 200
    assert answer.json()["tokens_deducted"] == 1
