"""Downloads by a signed link of the storage: after the check of who asks, and for a short while."""

import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import use_storage
from mlmodels.models import Batch
from mlmodels.tests.factories import start_batch
from mlplatform.core.object_storage import LINK_SECONDS, ObjectStorage

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(alice, bucket, settings, make_model):
    """With a result that nobody has to compute."""
    use_storage(settings, bucket, public_url=bucket.address)
    batch = start_batch(alice, make_model(alice))
    name = f"batches/{batch.uuid}.1.csv"
    bucket.write(name, "größe\n1\n".encode("cp1252"))
    reading = {**batch.reading, "dialect": {**batch.reading["dialect"], "encoding": "cp1252"}}
    fields = {"status": "succeeded", "answer": name, "name": "Häuser.csv", "reading": reading}
    Batch.objects.filter(pk=batch.pk).update(**fields)
    return Batch.objects.get(pk=batch.pk)


def test_a_browser_is_sent_to_the_file_with_its_name_and_type(alice, batch, pages_of):
    response = pages_of(alice).get(f"/batches/{batch.uuid}/answer.csv")

    assert response.status_code == 302
    with urllib.request.urlopen(response["Location"]) as file:
        assert file.read().decode("cp1252") == "größe\n1\n"
        assert file.headers["Content-Type"] == "text/csv; charset=cp1252"
        assert (
            "attachment; filename*=utf-8''H%C3%A4user%20predicted.csv" in file.headers["Content-Disposition"]
        )


def test_the_link_ends_soon_and_is_for_one_file(alice, batch, pages_of):
    link = urlsplit(pages_of(alice).get(f"/batches/{batch.uuid}/answer.csv")["Location"])

    asked = parse_qs(link.query)
    assert link.path.endswith(batch.answer.name)
    assert asked["X-Amz-Expires"] == [str(LINK_SECONDS)]
    assert asked["response-cache-control"] == ["no-store"]


def test_nobody_else_gets_one(bob, batch, pages_of, api_as):
    assert pages_of(bob).get(f"/batches/{batch.uuid}/answer.csv").status_code == 404
    address = f"/api/v1/batches/{batch.uuid}/result?redirect=true"
    assert api_as(bob).get(address).status_code == 404


def test_a_client_of_the_api_gets_the_file_itself_unless_it_asks_for_a_link(alice, batch, api_as):
    address = f"/api/v1/batches/{batch.uuid}/result"

    file, link = api_as(alice).get(address), api_as(alice).get(address, {"redirect": "true"})

    assert file.status_code == 200
    assert b"".join(file.streaming_content).decode("cp1252") == "größe\n1\n"
    assert link.status_code == 302
    assert link["Location"].startswith("http")


@pytest.mark.parametrize(
    ("places", "has_links"),
    [
        ({}, True),  # Amazon's
        ({"endpoint_url": "http://storage:9000"}, False),  # perhaps a name inside a private network
        ({"endpoint_url": "http://storage:9000", "public_url": "https://files.example.com"}, True),
    ],
)
def test_there_are_links_where_browsers_reach_the_storage(places, has_links):
    storage = ObjectStorage(
        url="s3://bucket/folder", access_key="a", secret_key="b", region_name="us-east-1", **places
    )

    link = storage.signed_url("batches/a.csv", file_name="a.csv", content_type="text/csv")

    assert bool(link) == has_links
    if has_links:
        assert urlsplit(link).netloc == urlsplit(places.get("public_url", "")).netloc or not places
        assert urlsplit(link).path.endswith("/folder/batches/a.csv")
