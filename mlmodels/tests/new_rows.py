"""A file of new rows, one of them unreadable, sent to a model by its page and over the API."""

from django.core.files.uploadedfile import SimpleUploadedFile

NEW = b"Size;rooms;place;agent\n70,5;2;city;Ann\nca. 90;2;city;Bob\n500;3;moon;Eve\n"


def send_by_page(client, model, content=NEW, **headers):
    file = SimpleUploadedFile("new.csv", content)
    return client.post(f"/models/{model.name}/files/", {"file": file}, **headers)


def send_by_api(client, model, content=NEW, **fields):
    headers = {"headers": {"Idempotency-Key": fields.pop("key")}} if "key" in fields else {}
    body = {"file": SimpleUploadedFile("new.csv", content), **fields}
    return client.post(f"/api/v1/models/{model.name}/batches", body, format="multipart", **headers)
