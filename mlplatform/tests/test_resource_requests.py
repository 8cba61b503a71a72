"""What requests to /api/v1/ have in common: strict bodies, ETags, told limits, one form of error."""

import pytest

from mlmodels.operations import jobs
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import start_batch, start_upload
from mlplatform.tests.described import openapi

pytestmark = pytest.mark.django_db

ROW = {"size": 70, "rooms": 2, "place": "city"}
SIGNED = {"/api/v1/shop/grants"}  # as a whole: nobody else can send it
WITH_A_BODY = [
    (method, path)
    for path, operations in openapi()["paths"].items()
    for method, operation in operations.items()
    if path.startswith("/api/v1/") and path not in SIGNED and "requestBody" in operation
]


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


@pytest.fixture
def urls(alice, model):
    """Of her things, by their collection."""
    prediction = predict(owner=alice, model=model, features=ROW)
    return {
        "datasets": f"/api/v1/datasets/{model.dataset.uuid}",
        "runs": f"/api/v1/runs/{model.run.uuid}",
        "models": f"/api/v1/models/{model.name}",
        "predictions": f"/api/v1/predictions/{prediction.uuid}",
    }


@pytest.mark.parametrize(("method", "path"), WITH_A_BODY, ids=lambda part: part)
def test_a_field_that_a_call_does_not_know_is_named_with_what_it_knows(method, path, api_as, alice, urls):
    collection = path.split("/")[3]
    url = urls.get(collection, "") + path.partition("}")[2] if "{" in path else path
    sent_as = "multipart" if "multipart/form-data" in body_types(method, path) else "json"

    answer = getattr(api_as(alice), method)(url, {"no_such_field": "1"}, format=sent_as)

    assert answer.status_code == 400
    assert answer.json()["fields"]["no_such_field"].startswith("Unknown. This takes ")


def body_types(method, path):
    return openapi()["paths"][path][method]["requestBody"]["content"]


def test_all_that_is_wrong_is_named_at_once(api_as, alice):
    body = {"dataset": "x", "algorithm": "oracle", "budget_seconds": "long", "traget": "price"}

    answer = api_as(alice).post("/api/v1/runs", body)

    assert set(answer.json()["fields"]) == set(body)


def test_classic_calls_ignore_what_they_do_not_know_and_name_all_that_is_wrong(api_as, alice, model):
    client = api_as(alice)

    taken = client.post(f"/api/predict/{model.name}", {"features": ROW, "client_version": 7})
    refused = client.post(
        "/api/create", {"model_type": "oracle", "train_percentage": "x"}, format="multipart"
    )

    assert taken.status_code == 200
    assert set(refused.json()["fields"]) == {
        "model_type", "train_percentage", "feature_cols", "label_col", "csv_file",
    }  # fmt: skip


@pytest.mark.parametrize("sent", ["W/{etag}", '"other", W/{etag}', "*"])
def test_an_etag_that_a_proxy_has_weakened_is_still_the_same(api_as, alice, urls, sent):
    client = api_as(alice)
    etag = client.get(urls["models"])["ETag"]

    assert client.get(urls["models"], headers={"If-None-Match": sent.format(etag=etag)}).status_code == 304


@pytest.mark.parametrize("thing", ["datasets", "runs", "models", "predictions"])
def test_what_has_not_changed_is_not_sent_again(thing, api_as, alice, urls):
    client = api_as(alice)
    etag = client.get(urls[thing])["ETag"]

    same = client.get(urls[thing], headers={"If-None-Match": etag})
    other = client.get(urls[thing], headers={"If-None-Match": '"another"'})

    assert (same.status_code, same.content, same["ETag"]) == (304, b"", etag)
    assert (other.status_code, other["ETag"]) == (200, etag)


def test_a_change_to_what_somebody_else_changed_is_refused(api_as, alice, urls):
    client, url = api_as(alice), urls["models"]
    read = client.get(url)["ETag"]
    changed = client.patch(url, {"label": "first"}, headers={"If-Match": read})

    late = client.patch(url, {"label": "second"}, headers={"If-Match": read})
    deleted = client.delete(url, headers={"If-Match": read})

    assert (changed.status_code, late.status_code, deleted.status_code) == (200, 412, 412)
    assert late.json()["code"] == "precondition_failed"
    assert client.get(url).json()["label"] == "first"
    assert client.delete(url, headers={"If-Match": client.get(url)["ETag"]}).status_code == 204


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("thing", "field"), [("models", "label"), ("datasets", "name"), ("datasets", "target")]
)
def test_of_changes_at_once_to_what_all_have_read_one_is_made(thing, field, api_as, alice, urls, at_once):
    url = urls[thing]
    read = api_as(alice).get(url)["ETag"]
    values = ["size", "place"] if field == "target" else [f"by {number}" for number in range(8)]

    def change(value):
        return api_as(alice).patch(url, {field: value}, headers={"If-Match": read})

    answers = at_once(change, each=values)

    statuses = sorted(answer.status_code for answer in answers)
    [made] = [answer.json()[field] for answer in answers if answer.status_code == 200]
    assert statuses == [200] + [412] * (len(values) - 1)
    assert api_as(alice).get(url).json()[field] == made


@pytest.mark.django_db(transaction=True)
def test_what_is_changed_is_not_deleted_by_who_has_read_it_before(api_as, alice, urls, at_once):
    url = urls["models"]
    read = api_as(alice).get(url)["ETag"]

    def send(method):
        body = {"label": "first"} if method == "patch" else None
        return getattr(api_as(alice), method)(url, body, headers={"If-Match": read}).status_code

    statuses = at_once(send, each=["patch", "delete"] * 3)

    assert sorted(statuses) in ([200, *[412] * 5], [204, *[404] * 5])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("thing", ["datasets", "models", "predictions", "batches", "uploads"])
def test_what_is_as_it_was_read_is_deleted(thing, alice, pages_of, model, urls):
    """By the scripts of a page, which are signed in by its session."""
    if thing == "batches":
        urls[thing] = f"/api/v1/batches/{jobs.cancel(job=start_batch(alice, model)).uuid}"
    if thing == "uploads":
        urls[thing] = f"/api/v1/uploads/{start_upload(alice).uuid}"
    client, url = pages_of(alice), urls[thing]
    read = client.get(url)["ETag"]

    other = client.delete(url, headers={"If-Match": '"another"'})
    deleted = client.delete(url, headers={"If-Match": f'"another", {read}'})

    assert (other.status_code, deleted.status_code) == (412, 204)
    assert client.get(url).status_code == (200 if thing == "batches" else 404)  # a batch loses its files


def test_who_is_counted_is_told_what_is_left(api, monkeypatch, settings):
    from mlplatform.core.api import AnonRateThrottle

    monkeypatch.setattr(AnonRateThrottle, "THROTTLE_RATES", {"anon": "2/min"})

    first, second, third = (api.get("/api/v1/algorithms", REMOTE_ADDR="192.0.2.77") for _ in range(3))

    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert second["RateLimit-Remaining"] == "0"
    assert (third.status_code, third["RateLimit-Remaining"]) == (429, "0")
    assert 1 <= int(third["Retry-After"]) <= 60 and 1 <= int(third["RateLimit-Reset"]) <= 60


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("get", "/api/no/such/call", {}, 404),
        ("get", "/api/v1/no-such-resource", {}, 404),
        ("get", "/api/v1/runs/no-uuid", {}, 404),
        ("put", "/api/v1/runs", {}, 405),
        ("get", "/api/v1/runs", {"headers": {"Accept": "application/xml"}}, 406),
        ("post", "/api/v1/runs", {"data": b"a=1", "content_type": "application/xml"}, 415),
        ("post", "/api/v1/runs", {"data": b"{", "content_type": "application/json"}, 400),
        ("post", "/api/v1/runs", {"data": b"[]", "content_type": "application/json"}, 400),
    ],
)
def test_every_error_has_the_same_form(method, path, options, status, api_as, alice):
    client = api_as(alice)
    options = {"data": None, **options} if method != "get" else options

    answer = getattr(client, method)(path, **options)

    assert answer.status_code == status
    assert set(answer.json()) == {"detail", "code", "fields"}
    assert answer.json()["detail"] and answer.json()["code"]
