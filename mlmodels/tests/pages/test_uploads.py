"""/uploads/: how far the inspection of a large file is."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mlmodels.models import Upload
from mlmodels.tests.factories import houses_csv, inspect_now, make_dataset, start_upload

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def send(client, address, content, **options):
    return client.post(address, {"file": SimpleUploadedFile("houses.csv", content, "text/csv")}, **options)


def page_of(client, upload, **options):
    return client.get(f"/uploads/{upload.uuid}/", **options)


def test_a_large_file_leads_to_its_progress_and_then_to_the_dataset(alice, pages_of, settings):
    settings.INSPECTED_AT_ONCE_MB = 0

    answer = send(pages_of(alice), "/datasets/", houses_csv(), headers=HTMX)

    upload = Upload.objects.get()
    assert answer["HX-Redirect"] == f"/uploads/{upload.uuid}/"
    waiting = page_of(pages_of(alice), upload).content.decode()
    assert "Waiting" in waiting and "every 1s" in waiting and "Cancel" in waiting
    inspect_now()
    assert page_of(pages_of(alice), upload, headers=HTMX)["HX-Redirect"] == f"/datasets/{upload.uuid}/"
    assert page_of(pages_of(alice), upload).url == f"/datasets/{upload.uuid}/"


def test_a_large_version_likewise(alice, pages_of, settings):
    dataset = make_dataset(alice)
    settings.INSPECTED_AT_ONCE_MB = 0

    answer = send(pages_of(alice), f"/datasets/{dataset.uuid}/versions/", houses_csv(90))

    assert answer.url == f"/uploads/{Upload.objects.get().uuid}/"


def test_the_part_that_polls_shows_how_far_it_is(alice, pages_of):
    upload = start_upload(alice)
    Upload.objects.update(status="running", progress=0.42)

    part = page_of(pages_of(alice), upload, headers=HTMX).content.decode()

    assert "<html" not in part
    assert 'value="0.420"' in part and "42%" in part


def test_a_refusal_stays_on_the_page_until_it_is_removed(alice, pages_of):
    upload = start_upload(alice, b"a,b\n1,2\n3\n")
    inspect_now()
    client = pages_of(alice)

    page, listed = page_of(client, upload).content.decode(), client.get("/datasets/").content.decode()
    assert "Row 3 has 1 cell" in page and "Nothing was charged" in page and "every" not in page
    assert "Row 3 has 1 cell" in listed

    assert client.post(f"/uploads/{upload.uuid}/delete/").url == "/datasets/"
    assert "Row 3 has 1 cell" not in client.get("/datasets/").content.decode()


def test_the_list_of_datasets_shows_what_is_being_inspected(alice, pages_of):
    client, upload = pages_of(alice), start_upload(alice)

    assert f"/uploads/{upload.uuid}/" in client.get("/datasets/").content.decode()
    inspect_now()
    assert f"/uploads/{upload.uuid}/" not in client.get("/datasets/").content.decode()


def test_bob_sees_and_deletes_nothing(alice, bob, pages_of):
    upload = start_upload(alice)

    assert page_of(pages_of(bob), upload).status_code == 404
    assert pages_of(bob).post(f"/uploads/{upload.uuid}/delete/").status_code == 404
    assert str(upload.uuid) not in pages_of(bob).get("/datasets/").content.decode()
    assert Upload.objects.exists()
