"""New versions of a dataset, and training on them as before, over the API."""

import io
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mlmodels import limits
from mlmodels.models import Dataset, TrainedModel, TrainingRun
from mlmodels.operations import datasets
from mlmodels.tests.factories import houses_csv, make_dataset, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(alice):
    return make_dataset(alice)


def upload(client, dataset, content, name="newer.csv"):
    file = io.BytesIO(content)
    file.name = name
    return client.post(f"/api/v1/datasets/{dataset.uuid}/versions", {"file": file}, format="multipart")


def with_other_columns(rows=90):
    """Without rooms, with a garden, and with places that are new."""
    lines = houses_csv(rows).decode().replace("village", "harbor").splitlines()
    cells = [line.split(",") for line in lines[1:]]
    return "\n".join(
        ["size,place,price,garden", *(f"{a},{c},{d},{int(a) % 7}" for a, _, c, d in cells)]
    ).encode()


def test_a_newer_file_is_a_version_with_the_choices_of_the_one_before(alice, api_as, dataset):
    datasets.change(
        dataset=dataset,
        columns={"rooms": {"kind": "category"}, "place": {"use": False}},
        target="size",
        evaluation={"kind": "k_fold"},
    )

    answer = upload(api_as(alice), dataset, houses_csv(90))

    body = answer.json()
    assert answer.status_code == 201 and answer["Location"].endswith(body["id"])
    assert (body["version"], body["rows"], body["name"]) == (2, 90, "houses")
    columns = {column["name"]: column for column in body["columns"]}
    assert (columns["rooms"]["kind"], columns["place"]["use"]) == ("category", False)
    assert (body["target"], body["evaluation"]) == ("size", {"kind": "k_fold"})
    assert [(change["column"], change["code"]) for change in body["changes"]] == [("price", "range")]
    alice.refresh_from_db()
    assert alice.token_balance == 15 and alice.ledger_entries.count() == 1


def test_what_changed_is_named(alice, api_as, dataset):
    changes = upload(api_as(alice), dataset, with_other_columns()).json()["changes"]

    assert {(change["column"], change["code"]) for change in changes} == {
        ("rooms", "removed"),
        ("garden", "added"),
        ("place", "values"),
        ("price", "range"),
    }


def test_lists_show_the_newest_version_and_the_others_stay_within_reach(alice, api_as, dataset):
    client, version = api_as(alice), make_version(dataset)

    listed = client.get("/api/v1/datasets").json()["results"]
    versions = client.get(f"/api/v1/datasets/{version.uuid}/versions").json()

    assert [found["id"] for found in listed] == [str(version.uuid)]
    assert [(found["id"], found["version"]) for found in versions] == [
        (str(version.uuid), 2),
        (str(dataset.uuid), 1),
    ]
    assert client.get(f"/api/v1/datasets/{dataset.uuid}").status_code == 200


def test_the_list_of_versions_costs_the_same_for_many(alice, api_as, dataset):
    client, url = api_as(alice), f"/api/v1/datasets/{dataset.uuid}/versions"
    make_version(dataset)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    make_version(dataset, houses_csv(95))

    with CaptureQueriesContext(connection) as many:
        assert len(client.get(url).json()) == 3

    assert len(many) == len(few)


def test_when_the_newest_version_is_deleted_the_one_before_is_the_newest(alice, api_as, dataset):
    client, version = api_as(alice), make_version(dataset)

    client.delete(f"/api/v1/datasets/{version.uuid}")

    assert [found["id"] for found in client.get("/api/v1/datasets").json()["results"]] == [str(dataset.uuid)]
    assert make_version(dataset).version == 2


def test_a_version_counts_as_a_dataset(alice, api_as, dataset, monkeypatch, files_folder):
    monkeypatch.setattr(limits, "DATASETS_MAX", 1)
    monkeypatch.setattr(datasets, "DATASETS_MAX", 1)

    refused = upload(api_as(alice), dataset, houses_csv(90))

    assert (refused.status_code, refused.json()["code"]) == (409, "room_exceeded")
    assert Dataset.objects.count() == 1
    assert len(list((files_folder / "datasets").iterdir())) == 1


@pytest.mark.parametrize(
    "content", [houses_csv(), b"", b"%PDF-1.4 \x00"], ids=["the same file", "empty", "no table"]
)
def test_a_file_that_is_no_newer_table_is_refused_and_leaves_nothing(
    alice, api_as, dataset, content, files_folder
):
    refused = upload(api_as(alice), dataset, content)

    assert refused.status_code == 400 and refused.json()["detail"]
    assert Dataset.objects.count() == 1
    assert len(list((files_folder / "datasets").iterdir())) == 1


def test_a_new_name_is_that_of_all_versions(alice, api_as, dataset):
    version = make_version(dataset)

    api_as(alice).patch(f"/api/v1/datasets/{version.uuid}", {"name": "homes"}, format="json")

    assert set(Dataset.objects.values_list("name", flat=True)) == {"homes"}


def test_a_model_is_trained_again_on_the_newest_version_with_its_plan(alice, api_as, dataset, make_model):
    model = make_model(
        alice, dataset, algorithm="decision_tree", parameters={"max_depth": 3}, features=["size", "place"],
        evaluation={"kind": "k_fold", "folds": 4}, model_name="homes",
    )  # fmt: skip
    version = make_version(dataset)

    answer = api_as(alice).post(f"/api/v1/models/{model.name}/retrain")

    body, run = answer.json(), TrainingRun.objects.latest("id")
    assert answer.status_code == 202 and answer["Location"].endswith(str(run.uuid))
    assert (body["dataset"], body["repeats"], body["cost_tokens"]) == (str(version.uuid), model.name, 1)
    assert run.model_name == f"{alice.pk}_homes_2"
    same = ("algorithm", "target", "task", "parameters", "evaluation", "features")
    assert {name: run.plan[name] for name in same} == {name: model.run.plan[name] for name in same}
    alice.refresh_from_db()
    assert alice.token_balance == 14 and alice.ledger_entries.count() == 2


def test_a_search_is_repeated_as_a_search(alice, api_as, dataset, make_model):
    model = make_model(alice, dataset, algorithm="decision_tree", grid={"max_depth": [2, 3]})
    make_version(dataset)

    api_as(alice).post(f"/api/v1/models/{model.name}/retrain", {"name": "deeper"}, format="json")

    run = TrainingRun.objects.latest("id")
    assert (run.plan["search"], run.plan["grid"]) == ("grid", {"max_depth": [2, 3]})
    assert run.model_name == f"{alice.pk}_deeper"


def test_a_column_that_is_gone_is_named_before_the_charge(alice, api_as, dataset, make_model):
    model = make_model(alice, dataset)
    make_version(dataset, with_other_columns())

    refused = api_as(alice).post(f"/api/v1/models/{model.name}/retrain")

    assert refused.status_code == 400
    assert "has no column rooms" in refused.json()["detail"] and "rooms" in refused.json()["fields"]
    alice.refresh_from_db()
    assert alice.token_balance == 15 and alice.ledger_entries.count() == 1


def test_without_its_own_version_a_model_is_trained_again_on_the_newest_that_is_left(
    alice, api_as, dataset, make_model
):
    version, client = make_version(dataset), api_as(alice)
    model = make_model(alice, version)
    datasets.delete_dataset(dataset=version)

    answer = client.post(f"/api/v1/models/{model.name}/retrain")

    assert (answer.status_code, answer.json()["dataset"]) == (202, str(dataset.uuid))


def test_without_any_version_the_refusal_says_which_file_to_upload(alice, api_as, dataset, make_model):
    model, client = make_model(alice, dataset), api_as(alice)
    datasets.delete_dataset(dataset=dataset)

    refused = client.post(f"/api/v1/models/{model.name}/retrain")

    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_gone")
    assert (
        "Choose a dataset with the columns size, rooms, place, price, or upload one"
        in refused.json()["fields"]["dataset"]
    )
    alice.refresh_from_db()
    assert alice.token_balance == 15 and alice.ledger_entries.count() == 1
    other = make_dataset(alice, name="homes")
    path, body = f"/api/v1/models/{model.name}/retrain", {"dataset": str(other.uuid)}
    assert client.post(path, body, format="json").json()["dataset"] == str(other.uuid)


def test_models_of_before_learn_the_series_of_their_datasets(alice, dataset, make_model):
    migration = import_module("mlmodels.migrations.0016_trainedmodel_series")
    model, other = make_model(alice, dataset), make_model(alice, make_dataset(alice, name="homes"))
    datasets.delete_dataset(dataset=other.dataset)
    TrainedModel.objects.update(series=None)

    migration.note_series(apps, None)

    assert TrainedModel.objects.get(pk=model.pk).series == dataset.series
    assert TrainedModel.objects.get(pk=other.pk).series is None


def test_a_model_without_its_run_cannot_be_repeated(alice, api_as, dataset, make_model):
    model = make_model(alice, dataset)
    model.run.delete()

    refused = api_as(alice).post(f"/api/v1/models/{model.name}/retrain")

    assert (refused.status_code, refused.json()["code"]) == (409, "not_reproducible")
    assert "Train a new model" in refused.json()["detail"]


def test_a_broke_owner_is_refused_and_no_run_is_left(charlie, api_as, make_model):
    model = make_model(charlie, make_dataset(charlie))

    refused = api_as(charlie).post(f"/api/v1/models/{model.name}/retrain")

    assert refused.status_code == 402
    assert charlie.training_runs.count() == 1 and charlie.ledger_entries.count() == 0


def test_the_same_request_twice_trains_once(alice, api_as, dataset, make_model):
    model, client = make_model(alice, dataset), api_as(alice)

    first, second = (
        client.post(f"/api/v1/models/{model.name}/retrain", HTTP_IDEMPOTENCY_KEY="again") for _ in range(2)
    )

    assert first.json()["id"] == second.json()["id"] and second["Idempotency-Replayed"] == "true"
    alice.refresh_from_db()
    assert alice.token_balance == 14 and alice.ledger_entries.count() == 2


def test_bob_finds_neither_the_dataset_nor_the_model(alice, bob, api_as, dataset, make_model):
    model, client = make_model(alice, dataset), api_as(bob)

    answers = [
        upload(client, dataset, houses_csv(90)),
        client.get(f"/api/v1/datasets/{dataset.uuid}/versions"),
        client.post(f"/api/v1/models/{model.name}/retrain"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert Dataset.objects.count() == 1 and bob.ledger_entries.count() == 1
