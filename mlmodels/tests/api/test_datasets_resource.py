"""Datasets under /api/v1/: upload, show, change, delete."""

import io

import pytest

from mlmodels.models import Dataset
from mlmodels.operations.datasets import create_version
from mlmodels.tests.factories import houses_csv, make_dataset, start_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice, api_as):
    return api_as(alice)


def upload(client, content=None, **more):
    file = io.BytesIO(houses_csv() if content is None else content)
    file.name = "houses.csv"
    return client.post("/api/v1/datasets", {"file": file, **more}, format="multipart")


def test_an_uploaded_file_is_described(client, alice):
    answer = upload(client)

    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"].endswith(f"/api/v1/datasets/{body['id']}")
    assert (body["name"], body["rows"]) == ("houses.csv", 60)
    assert {column["name"]: column["kind"] for column in body["columns"]} == {
        "size": "number", "rooms": "number", "place": "category", "price": "number",
    }  # fmt: skip
    assert body["target_guess"]["name"] == "price" and body["target_guess"]["reason"]
    assert Dataset.objects.get().owner == alice
    alice.refresh_from_db()
    assert alice.token_balance == 15


def test_the_location_shows_the_dataset(client):
    created = upload(client)

    assert client.get(created["Location"]).json() == created.json()


def test_a_name_of_ones_own_counts(client):
    assert upload(client, name="May").json()["name"] == "May"


@pytest.mark.parametrize("content", [b"", b"one line only", b"a,a\n1,2\n"], ids=["empty", "no_rows", "twice"])
def test_a_file_that_is_no_table_is_refused_and_leaves_nothing(client, content):
    answer = upload(client, content)

    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not Dataset.objects.exists()


def test_columns_are_read_otherwise_on_request(client, alice):
    dataset = make_dataset(alice)

    answer = client.patch(
        f"/api/v1/datasets/{dataset.uuid}",
        {"columns": {"rooms": {"kind": "category"}, "size": {"use": False}}, "name": "Houses of May"},
    )

    columns = {column["name"]: column for column in answer.json()["columns"]}
    assert answer.status_code == 200
    assert (columns["rooms"]["kind"], columns["size"]["use"]) == ("category", False)
    assert answer.json()["name"] == "Houses of May"


def test_findings_offer_a_change_that_can_be_sent_back(client, alice):
    table = "id,size,price\n" + "\n".join(f"{1000 + n},{n % 37},{n % 37 * 3 + n % 5}" for n in range(300))
    body = client.get(f"/api/v1/datasets/{make_dataset(alice, table.encode()).uuid}").json()

    [finding] = [finding for finding in body["findings"] if finding["columns"] == ["id"]]
    other = next(choice for choice in finding["choices"] if not choice["is_current"])
    changed = client.patch(body["url"], other["change"])

    assert finding["seen"] and finding["happens"]
    assert changed.status_code == 200
    assert {column["name"]: column["use"] for column in changed.json()["columns"]}["id"] is True


def test_another_target_is_remembered(client, alice):
    url = f"/api/v1/datasets/{make_dataset(alice).uuid}"

    client.patch(url, {"target": "size"})

    assert client.get(url).json()["target"] == "size"


def test_a_change_of_a_column_that_is_no_object_is_refused(client, alice):
    dataset = make_dataset(alice)

    for change in (None, "number", [None]):
        answer = client.patch(f"/api/v1/datasets/{dataset.uuid}", {"columns": {"size": change}})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["columns.size"])


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"garden": {"use": True}}, "columns.garden"),
        ({"rooms": {"kind": "category"}, "place": {"kind": "number"}}, "columns.place.kind"),
        ({"rooms": {"kind": "category"}, "size": {"kind": "colour"}}, "columns.size.kind"),
        ({"size": {"kind": ["number"]}}, "columns.size.kind"),
        ({"size": {"colour": "red"}}, "columns.size.colour"),
        ({"place": {"use": True}, "size": {"use": 1}}, "columns.size.use"),
        ({"size": {"merge_spellings": "no"}}, "columns.size.merge_spellings"),
        ({"size": {"blanks": "-1"}}, "columns.size.blanks"),
        ({"size": {"blanks": ["x"] * 51}}, "columns.size.blanks"),
    ],
)
def test_an_impossible_change_is_refused_by_its_place_and_changes_nothing(client, alice, columns, named):
    dataset = make_dataset(alice)

    answer = client.patch(f"/api/v1/datasets/{dataset.uuid}", {"columns": columns})

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [named])
    assert Dataset.objects.get().columns == dataset.columns


def test_a_kind_that_single_cells_do_not_fit_is_refused_by_its_column(client, alice):
    rows = [f"{n},{n if n % 9 else 'unknown size'}" for n in range(1, 60)]
    dataset = make_dataset(alice, "\n".join(["size,yard", *rows]).encode())

    answer = client.patch(f"/api/v1/datasets/{dataset.uuid}", {"columns": {"yard": {"kind": "number"}}})

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["columns.yard"])
    assert "unknown size" in answer.json()["detail"]


@pytest.mark.parametrize(
    "refused",
    [
        {"columns": {"place": {"kind": "number"}}},
        {"target": "garden"},
        {"evaluation": {"kind": "time", "by": "garden"}},
    ],
    ids=lambda refused: next(iter(refused)),
)
def test_of_a_change_that_is_refused_in_part_nothing_is_done(client, alice, refused):
    dataset = make_dataset(alice)

    answer = client.patch(f"/api/v1/datasets/{dataset.uuid}", {"name": "Houses of May", **refused})

    assert answer.status_code == 400
    assert Dataset.objects.get().name == dataset.name


def test_a_name_is_changed_in_all_versions(client, alice):
    dataset = make_dataset(alice)
    newer = create_version(dataset=dataset, upload=io.BytesIO(houses_csv(rows=70)))

    client.patch(f"/api/v1/datasets/{newer.uuid}", {"name": "Houses of May"})

    assert set(Dataset.objects.values_list("name", flat=True)) == {"Houses of May"}


@pytest.mark.parametrize("more", [{"folds": 7}, {"train_percentage": 0.5}, {"fold": 3}])
def test_an_evaluation_of_a_dataset_that_would_be_ignored_in_part_is_refused(client, alice, more):
    dataset = make_dataset(alice)

    answer = client.patch(f"/api/v1/datasets/{dataset.uuid}", {"evaluation": {"kind": "k_fold", **more}})

    assert answer.status_code == 400 and next(iter(more)) in answer.json()["fields"]["evaluation"]
    assert Dataset.objects.get().evaluation == dataset.evaluation


def test_the_evaluation_that_a_dataset_shows_can_be_sent_back(client, alice):
    url = f"/api/v1/datasets/{make_dataset(alice).uuid}"
    client.patch(url, {"evaluation": {"kind": "group", "by": "place"}})

    shown = client.get(url).json()["evaluation"]

    assert client.patch(url, {"evaluation": shown}).json()["evaluation"] == shown


def test_a_dataset_is_deleted_unless_a_run_needs_it(client, alice):
    dataset = make_dataset(alice)
    start_run(alice, dataset)

    while_it_runs = client.delete(f"/api/v1/datasets/{dataset.uuid}")
    dataset.training_runs.update(status="cancelled")
    afterwards = client.delete(f"/api/v1/datasets/{dataset.uuid}")

    assert (while_it_runs.status_code, afterwards.status_code) == (409, 204)
    assert not Dataset.objects.exists()


def test_another_users_dataset_is_a_404(api_as, alice, bob):
    path = f"/api/v1/datasets/{make_dataset(alice).uuid}"

    answers = [api_as(bob).get(path), api_as(bob).patch(path, {"name": "mine"}), api_as(bob).delete(path)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_the_list_costs_the_same_queries_for_many(client, alice, django_assert_num_queries):
    for number in range(4):
        make_dataset(alice, name=f"table {number}")

    with django_assert_num_queries(2):
        body = client.get("/api/v1/datasets?page_size=3").json()

    assert (body["count"], len(body["results"])) == (4, 3)
