"""A name that programs call, and the models that answer under it one after the other."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mlmodels.models import ModelAlias, Prediction, TrainedModel
from mlmodels.tests.factories import make_dataset, make_model_row, start_run

pytestmark = pytest.mark.django_db

ROW = {"features": {"size": 70, "rooms": 2, "place": "city"}}


@pytest.fixture
def old(alice, make_model):
    return make_model(alice, model_name="houses")


@pytest.fixture
def new(alice, old, make_model):
    return make_model(alice, old.dataset, model_name="houses_2", algorithm="decision_tree")


def promote(client, model, name):
    return client.put(f"/api/v1/models/{model.name}/aliases/{name}")


def test_after_a_promotion_every_door_of_the_name_leads_to_the_new_model(alice, api_as, pages_of, old, new):
    client, name = api_as(alice), old.name

    answer = promote(client, new, name)

    assert answer.status_code == 200
    assert answer.json()["model"] == new.name
    classic = client.post(f"/api/predict/{name}", ROW)
    rows = client.post(f"/api/v1/models/{name}/predict", ROW)
    explained = client.post(f"/api/v1/models/{name}/explain", ROW)
    assert (classic.status_code, rows.status_code, explained.status_code) == (200, 200, 200)
    assert set(Prediction.objects.values_list("model_name", "model")) == {(new.name, new.pk)}
    assert client.get(f"/api/v1/models/{name}").json()["name"] == new.name
    assert client.get(f"/api/v1/models/{name}/schema").json()["title"] == "A row for houses_2"
    assert client.get(f"/api/trained/{name}").json()["model_name"] == new.name
    assert "houses_2" in pages_of(alice).get(f"/models/{name}/").content.decode()
    alice.refresh_from_db()
    assert alice.token_balance == 0 and alice.ledger_entries.count() == 4


def test_the_model_that_had_the_name_gets_another_one_and_is_the_way_back(alice, api_as, old, new):
    client, name = api_as(alice), old.name
    promote(client, new, name)

    old.refresh_from_db()
    back = promote(client, old, name)

    assert old.name == f"{name}_v1"
    assert [line["model_name"] for line in back.json()["history"]] == [old.name, new.name, old.name]
    assert client.get(f"/api/v1/models/{name}").json()["id"] == str(old.uuid)
    assert client.get(f"/api/v1/models/{old.name}").json()["aliases"] == [name]
    assert set(client.get("/api/trained").json()) == {name, old.name, new.name}


def test_the_same_promotion_twice_is_one(alice, api_as, old, new):
    first, second = (promote(api_as(alice), new, old.name).json() for _ in range(2))

    assert first == second
    assert ModelAlias.objects.count() == 1


def test_a_free_name_can_be_given_without_the_number_of_its_owner(alice, api_as, old):
    client = api_as(alice)

    answer = promote(client, old, "production")

    assert answer.json()["name"] == f"{alice.pk}_production"
    listed = client.get(f"/api/v1/models/{old.name}/aliases").json()
    assert [(alias["name"], len(alias["history"])) for alias in listed] == [(f"{alice.pk}_production", 1)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"target": {"name": "rent"}}, "not_a_replacement"),
        ({"features": [{"name": "garden"}]}, "not_a_replacement"),
    ],
    ids=["another target", "a column that nobody sends"],
)
def test_a_model_that_would_break_programs_is_refused_and_nothing_changes(alice, api_as, old, change, code):
    other = make_model_row(alice, f"{alice.pk}_other", **change)

    answer = promote(api_as(alice), other, old.name)

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert not ModelAlias.objects.exists()
    assert TrainedModel.objects.filter(pk=old.pk, name=old.name).exists()


def test_a_name_that_is_too_long_is_refused_as_the_alias_that_was_sent(alice, api_as, old):
    refused = api_as(alice).put(f"/api/v1/models/{old.name}/aliases/{'a' * 101}")

    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["alias"])


def test_a_model_that_a_name_stands_for_is_not_deleted_until_the_name_is_removed(alice, api_as, old, new):
    client, name = api_as(alice), old.name
    promote(client, new, name)

    refused = client.delete(f"/api/delete/{name}")

    assert (refused.status_code, refused.json()["code"]) == (409, "model_in_use")
    assert client.delete(f"/api/v1/models/{new.name}/aliases/{name}").status_code == 204
    assert client.delete(f"/api/v1/models/{new.name}").status_code == 204
    assert client.post(f"/api/predict/{name}", ROW).status_code == 404
    assert TrainedModel.objects.get() == old


def test_a_name_that_is_an_alias_or_reserved_by_a_run_is_taken(alice, api_as, old):
    client, dataset = api_as(alice), make_dataset(alice)
    promote(client, old, "production")
    start_run(alice, dataset, model_name="candidate")

    run = client.post("/api/v1/runs", {"dataset": str(dataset.uuid), "name": "production"}, format="json")
    reserved = promote(client, old, "candidate")

    assert (run.status_code, run.json()["code"]) == (409, "name_taken")
    assert (reserved.status_code, reserved.json()["code"]) == (409, "name_taken")
    alice.refresh_from_db()
    assert alice.token_balance == 14 and alice.ledger_entries.count() == 2


def test_bob_can_neither_use_nor_change_the_name(alice, bob, api_as, old, new):
    name = old.name
    promote(api_as(alice), new, name)
    client = api_as(bob)

    answers = [
        promote(client, new, name),
        client.delete(f"/api/v1/models/{new.name}/aliases/{name}"),
        client.get(f"/api/v1/models/{name}/aliases"),
        client.post(f"/api/predict/{name}", ROW),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert ModelAlias.objects.get().model == new


def test_the_quick_look_up_finds_what_the_orm_finds_in_one_statement(alice, bob, api_as, old, new):
    name = old.name
    promote(api_as(alice), new, name)

    with CaptureQueriesContext(connection) as queries:
        found = TrainedModel.objects.find_for_scoring(alice, name)

    assert len(queries) == 1
    assert found == alice.trained_models.answering_to(name).get() == new
    assert (found.name, found.owner_id) == (new.name, alice.pk)
    assert TrainedModel.objects.find_for_scoring(bob, name) is None
    assert TrainedModel.objects.find_for_scoring(alice, f"{name}_v1").pk == old.pk
