"""Each resource links to those that it was made from and to those made from it."""

import re
from html import unescape

import pytest

from mlmodels.operations import jobs
from mlmodels.operations.aliases import promote
from mlmodels.operations.datasets import delete_dataset
from mlmodels.operations.predictions import predict
from mlmodels.operations.sharing import share_model
from mlmodels.operations.trained_models import delete_model
from mlmodels.operations.training import retrain
from mlmodels.tests.factories import make_dataset, make_version, start_batch

pytestmark = pytest.mark.django_db

SITE = "http://testserver"
ROW = {"size": 70, "rooms": 2, "place": "city"}


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


def url_of_model(model):
    return f"{SITE}/api/v1/models/{model.name}"


def links_of(client, path) -> dict:
    """The links of an object to other resources."""
    body = client.get(path.removeprefix(SITE)).json()
    return {name: value for name, value in body.items() if name.endswith("_url")}


def ids(client, url) -> list[str]:
    return [found["id"] for found in client.get(url.removeprefix(SITE)).json()["results"]]


def test_a_run_leads_to_its_dataset_and_its_model_and_back(alice, api_as, model):
    client = api_as(alice)

    of_run = links_of(client, f"/api/v1/runs/{model.run.uuid}")
    of_model = links_of(client, of_run["model_url"])
    of_dataset = links_of(client, of_run["dataset_url"])

    assert of_run["model_url"] == url_of_model(model) and of_run["repeats_url"] is None
    assert of_model["run_url"] == f"{SITE}/api/v1/runs/{model.run.uuid}"
    assert of_model["dataset_url"] == of_run["dataset_url"] == f"{SITE}/api/v1/datasets/{model.dataset.uuid}"
    assert ids(client, of_dataset["runs_url"]) == [str(model.run.uuid)]
    assert ids(client, of_dataset["models_url"]) == [str(model.uuid)]
    assert client.get(of_dataset["versions_url"].removeprefix(SITE)).json()[0]["url"] == of_run["dataset_url"]


def test_a_model_leads_to_what_it_was_asked_and_back(alice, api_as, model, make_model):
    client, other = api_as(alice), make_model(alice, model.dataset)
    prediction, batch = predict(owner=alice, model=model, features=ROW), start_batch(alice, model)
    predict(owner=alice, model=other, features=ROW)

    links = links_of(client, url_of_model(model))

    assert ids(client, links["predictions_url"]) == [str(prediction.uuid)]
    assert ids(client, links["batches_url"]) == [str(batch.uuid)]
    for path in (f"predictions/{prediction.uuid}", f"batches/{batch.uuid}"):
        assert links_of(client, f"/api/v1/{path}") == {"model_url": url_of_model(model)}


def test_the_links_of_a_model_hold_when_another_gets_its_name(alice, api_as, model, make_model):
    prediction = predict(owner=alice, model=model, features=ROW)
    newer, name = make_model(alice, model.dataset), model.name
    client = api_as(alice)

    promote(model=newer, name=name)
    model.refresh_from_db()

    [alias] = client.get(f"/api/v1/models/{newer.name}/aliases").json()
    assert alias["model_url"] == url_of_model(newer)
    assert links_of(client, f"/api/v1/predictions/{prediction.uuid}") == {"model_url": url_of_model(model)}
    assert ids(client, links_of(client, url_of_model(model))["predictions_url"]) == [str(prediction.uuid)]


def test_a_run_that_repeats_a_model_leads_to_it(alice, api_as, model):
    make_version(model.dataset)

    run = retrain(model=model)

    links = links_of(api_as(alice), f"/api/v1/runs/{run.uuid}")
    assert (links["repeats_url"], links["model_url"]) == (url_of_model(model), None)


def test_what_is_deleted_is_null(alice, api_as, model):
    client, run = api_as(alice), model.run
    prediction, batch = predict(owner=alice, model=model, features=ROW), start_batch(alice, model)
    jobs.cancel(job=batch)

    delete_dataset(dataset=model.dataset)
    assert links_of(client, url_of_model(model))["dataset_url"] is None
    delete_model(model=model)

    for path in (f"runs/{run.uuid}", f"predictions/{prediction.uuid}", f"batches/{batch.uuid}"):
        assert set(links_of(client, f"/api/v1/{path}").values()) == {None}


def test_bob_follows_links_of_a_shared_model_to_what_is_his(alice, bob, api_as, model):
    client = api_as(bob)
    share = share_model(model=model, email=bob.email, site_url=f"{SITE}/")
    predict(owner=alice, model=model, features=ROW)
    prediction = predict(owner=bob, model=model, features=ROW)

    [shared] = client.get("/api/v1/shared-models").json()["results"]
    links = links_of(client, shared["model_url"])

    assert (links["run_url"], links["dataset_url"]) == (None, None)
    assert ids(client, links["predictions_url"]) == [str(prediction.uuid)]
    path = f"/api/v1/predictions/{prediction.uuid}"
    assert links_of(client, path) == {"model_url": url_of_model(model)}
    type(share).objects.filter(pk=share.pk).revoke()
    assert links_of(client, path) == {"model_url": None}
    [listed] = client.get("/api/v1/predictions").json()["results"]
    assert listed["model_url"] is None


def test_a_list_filtered_by_the_model_of_another_shows_nothing(alice, bob, api_as, model):
    predict(owner=alice, model=model, features=ROW)

    assert ids(api_as(bob), f"/api/v1/predictions?model__uuid={model.uuid}") == []
    assert ids(api_as(bob), f"/api/v1/runs?dataset__uuid={model.dataset.uuid}") == []


def test_a_browser_gets_links_to_click(client, alice, model):
    client.force_login(alice)

    page = client.get(f"/api/v1/runs/{model.run.uuid}", HTTP_ACCEPT="text/html").content.decode()

    links = set(re.findall(r'<a href="([^"]+)" rel="nofollow"', unescape(page)))
    assert {url_of_model(model), f"{SITE}/api/v1/datasets/{model.dataset.uuid}"} <= links


def test_a_dataset_without_models_leads_to_empty_lists(alice, api_as):
    client, dataset = api_as(alice), make_dataset(alice)

    links = links_of(client, f"/api/v1/datasets/{dataset.uuid}")

    assert ids(client, links["runs_url"]) == ids(client, links["models_url"]) == []
