"""From a CSV to a paid prediction with all files on object storage, and none on this machine."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from billing.verify import verify_ledger
from mlmodels.models import Batch, Dataset, PendingFile, TrainedModel
from mlmodels.operations import datasets, pending_files, predictions, training
from mlmodels.tests.factories import (
    houses_csv,
    make_dataset,
    make_version,
    start_batch,
    start_run,
    train_model,
    work_off,
)
from mlplatform.core import storage

pytestmark = pytest.mark.django_db(transaction=True)

A_HOUSE = {"size": 100, "rooms": 2, "place": "city"}


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def answer_of(response) -> bytes:
    return b"".join(response.streaming_content)


def test_a_table_becomes_a_model_and_the_model_a_paid_prediction(alice, bucket, api_as):
    upload = SimpleUploadedFile("houses.csv", houses_csv())
    dataset = Dataset.objects.get(
        uuid=api_as(alice).post("/api/v1/datasets", {"file": upload}, "multipart").json()["id"]
    )
    model = train_model(alice, dataset)

    answer = predictions.predict(owner=alice, model=model, features=A_HOUSE)

    assert not storage.is_local()
    assert answer.output["prediction"] == pytest.approx(130_000)
    assert bucket.names() == [dataset.file.name, f"models/{model.run.uuid}.1.joblib"]
    assert bucket.read(dataset.file.name) == houses_csv()
    assert list(pending_files.work_folder().iterdir()) == []
    assert not PendingFile.objects.exists()
    assert balance_of(alice) == 15 - 1 - 5
    assert verify_ledger() == []


def test_a_file_is_predicted_and_its_answer_comes_through_every_door(alice, bucket, api_as, pages_of):
    model = train_model(alice)
    batch = start_batch(alice, model)
    work_off()

    batch.refresh_from_db()
    over_the_api = api_as(alice).get(f"/api/v1/batches/{batch.uuid}/result", {"redirect": "true"})
    from_the_page = pages_of(alice).get(f"/batches/{batch.uuid}/answer.csv")

    assert batch.status == "succeeded", batch.error
    stored = bucket.read(f"batches/{batch.uuid}.1.csv")
    assert stored.splitlines()[1].startswith(houses_csv().splitlines()[1] + b",")
    assert answer_of(over_the_api) == answer_of(from_the_page) == stored
    assert from_the_page["Content-Type"] == "text/csv; charset=utf-8"
    assert list(pending_files.work_folder().iterdir()) == []
    assert balance_of(alice) == 15 - 1 - 5


def test_a_model_is_trained_again_on_a_newer_version_and_compared(alice, bucket):
    model = train_model(alice)
    make_version(model.dataset)
    run = training.retrain(model=model)
    work_off()

    run.refresh_from_db()

    assert run.status == "succeeded", run.error
    assert run.trained_model.report["comparison"]
    assert list(pending_files.work_folder().iterdir()) == []


def test_columns_are_changed_after_another_look_at_the_file(alice, bucket):
    dataset = make_dataset(alice)

    changed = datasets.change(dataset=dataset, columns={"rooms": {"kind": "category"}})

    assert changed.column("rooms").kind == "category"


@pytest.mark.parametrize("file_format", ["joblib", "bundle"])
def test_a_model_leaves_as_a_file(alice, bucket, make_model, api_as, file_format):
    model = make_model(alice)

    response = api_as(alice).get(f"/api/v1/models/{model.name}/download", {"format": file_format})

    assert response.status_code == 200
    data = answer_of(response)
    if file_format == "joblib":
        assert data == bucket.read(model.file.name)
    else:
        assert zipfile.ZipFile(io.BytesIO(data)).read("model.joblib") == bucket.read(model.file.name)


def test_the_export_of_an_account_holds_its_files(alice, bucket, pages_of, make_model):
    batch = start_batch(alice, make_model(alice))

    archive = zipfile.ZipFile(io.BytesIO(answer_of(pages_of(alice).get("/accounts/export/"))))

    dataset = Dataset.objects.get()
    assert archive.read(dataset.file.name) == archive.read(batch.file.name) == houses_csv()


def test_what_is_deleted_is_gone_from_the_bucket(alice, bucket, make_model, api_as):
    model = make_model(alice)
    batch = start_batch(alice, model)
    work_off()

    for address in (f"batches/{batch.uuid}", f"models/{model.name}", f"datasets/{model.dataset.uuid}"):
        assert api_as(alice).delete(f"/api/v1/{address}").status_code == 204

    assert bucket.names() == []
    assert not TrainedModel.objects.exists()
    assert Batch.objects.get().erased_at


def test_a_run_without_its_dataset_fails_in_words_and_is_refunded(alice, bucket):
    run = start_run(alice)
    bucket.delete(run.dataset.file.name)
    work_off()

    run.refresh_from_db()

    assert (run.status, run.error_code) == ("failed", "dataset_missing")
    assert balance_of(alice) == 15
