"""Large files under /api/v1/: 202, progress, and the dataset that comes of them."""

import io

import pytest

from mlmodels.models import Dataset, Upload
from mlmodels.tests.factories import houses_csv, inspect_now, make_dataset, start_upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice, api_as):
    return api_as(alice)


@pytest.fixture
def inspected_later(settings):
    settings.INSPECTED_AT_ONCE_MB = 0


def send(client, address="/api/v1/datasets", content=None, **more):
    file = io.BytesIO(houses_csv() if content is None else content)
    file.name = "houses.csv"
    return client.post(address, {"file": file, **more}, format="multipart")


def test_a_large_file_is_accepted_and_its_location_leads_to_the_dataset(client, inspected_later):
    accepted = send(client, name="May")

    assert accepted.status_code == 202
    assert accepted["Retry-After"]
    waiting = client.get(accepted["Location"]).json()
    assert waiting == accepted.json()
    assert (waiting["status"], waiting["name"], waiting["dataset_url"]) == ("queued", "May", None)

    inspect_now()

    done = client.get(accepted["Location"]).json()
    assert (done["status"], done["progress"]) == ("succeeded", 1)
    dataset = client.get(done["dataset_url"]).json()
    assert (dataset["id"], dataset["name"], dataset["rows"]) == (waiting["id"], "May", 60)


def test_a_newer_version_likewise(client, alice, inspected_later):
    dataset = make_dataset(alice)

    accepted = send(client, f"/api/v1/datasets/{dataset.uuid}/versions", houses_csv(90))
    inspect_now()

    assert accepted.status_code == 202
    newest = client.get(client.get(accepted["Location"]).json()["dataset_url"]).json()
    assert (newest["version"], newest["rows"]) == (2, 90)


def test_why_there_is_no_dataset_is_said(client, inspected_later):
    accepted = send(client, content=b"a,b\n1,2\n3\n")
    inspect_now()

    failed = client.get(accepted["Location"]).json()

    assert (failed["status"], failed["error_code"], failed["dataset_url"]) == (
        "failed",
        "table_refused",
        None,
    )
    assert failed["error"].startswith("Row 3 has 1 cell")


def test_a_request_may_wait_for_the_end(client, alice):
    upload = start_upload(alice)
    inspect_now()

    answer = client.get(f"/api/v1/uploads/{upload.uuid}", headers={"Prefer": "wait=5"})

    assert answer.json()["status"] == "succeeded"


def test_the_list_is_filtered_by_status(client, alice):
    start_upload(alice)
    inspect_now()
    waiting = start_upload(alice, name="second")

    listed = client.get("/api/v1/uploads", {"status": "queued"}).json()

    assert [upload["id"] for upload in listed["results"]] == [str(waiting.uuid)]


def test_deleting_ends_the_inspection_and_a_dataset_stays(client, alice):
    done = start_upload(alice)
    inspect_now()
    waiting = start_upload(alice, name="second")

    assert client.delete(f"/api/v1/uploads/{waiting.uuid}").status_code == 204
    assert client.delete(f"/api/v1/uploads/{done.uuid}").status_code == 204

    assert not Upload.objects.exists() and inspect_now() == 0
    assert Dataset.objects.get().uuid == done.uuid


def test_bob_finds_nothing_of_alices(api_as, alice, bob):
    upload = start_upload(alice)

    assert api_as(bob).get(f"/api/v1/uploads/{upload.uuid}").status_code == 404
    assert api_as(bob).delete(f"/api/v1/uploads/{upload.uuid}").status_code == 404
    assert api_as(bob).get("/api/v1/uploads").json()["results"] == []
    assert Upload.objects.exists()


def test_the_classic_endpoint_inspects_within_its_request(client, alice, inspected_later):
    file = io.BytesIO(houses_csv())
    file.name = "houses.csv"
    form = {"model_type": "linear", "feature_cols": "size,rooms", "label_col": "price", "csv_file": file}

    answer = client.post("/api/create", form, format="multipart", headers={"Prefer": "respond-async"})

    assert answer.status_code == 202
    assert Dataset.objects.get().training_runs.count() == 1
