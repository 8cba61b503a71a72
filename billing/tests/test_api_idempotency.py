import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import resolve
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from billing.api.idempotency import idempotent_request, plain_body, replay
from billing.models import IdempotencyKey
from mlplatform.core.errors import InvalidInput

pytestmark = pytest.mark.django_db


def arrive(user, data, form="json", key="k1", path="/admin/login/"):
    """A request as a view of the API sees it."""
    headers = {} if key is None else {"Idempotency-Key": key}
    plain = APIRequestFactory().post(path, data, format=form, headers=headers)
    plain.resolver_match = resolve(path)
    request = Request(plain, parsers=[JSONParser(), MultiPartParser()])
    request.user = user
    return request


def csv(content=b"a,b\n1,2\n", name="table.csv"):
    return SimpleUploadedFile(name, content, content_type="text/csv")


def test_without_the_header_a_request_is_not_idempotent(alice):
    assert idempotent_request(arrive(alice, {"x": 1}, key=None)) is None


def test_the_header_names_the_request_of_this_endpoint(alice):
    request = idempotent_request(arrive(alice, {"x": 1}))

    assert (request.key, request.endpoint) == ("k1", "POST admin/login/")


def test_the_same_body_in_another_order_is_the_same_request(alice):
    first = idempotent_request(arrive(alice, {"features": {"a": 1, "b": 2}, "c": 3}))
    second = idempotent_request(arrive(alice, {"c": 3, "features": {"b": 2, "a": 1}}))

    assert first == second


def test_another_user_path_or_body_is_another_request(alice, bob):
    reference = idempotent_request(arrive(alice, {"x": 1})).fingerprint

    assert idempotent_request(arrive(bob, {"x": 1})).fingerprint != reference
    assert idempotent_request(arrive(alice, {"x": 2})).fingerprint != reference
    assert idempotent_request(arrive(alice, {"x": 1}, path="/admin/logout/")).fingerprint != reference


def test_files_count_by_their_contents_and_can_still_be_read(alice):
    def upload(**changes):
        request = arrive(alice, {"label_col": "b", "csv_file": csv(**changes)}, form="multipart")
        return idempotent_request(request).fingerprint, request.data["csv_file"].read()

    fingerprint, content = upload()

    assert content == b"a,b\n1,2\n"
    assert upload()[0] == fingerprint
    assert upload(name="renamed.csv")[0] == fingerprint
    assert upload(content=b"a,b\n1,3\n")[0] != fingerprint


def test_every_value_of_a_form_counts(alice):
    request = arrive(alice, {"column": ["a", "b"], "csv_file": csv()}, form="multipart")

    body = plain_body(request.data)

    assert body["column"] == ["a", "b"]
    assert list(body["csv_file"][0]) == ["sha256"]
    json.dumps(body)


def test_a_key_beyond_ascii_is_refused(alice):
    with pytest.raises(InvalidInput, match="printable ASCII"):
        idempotent_request(arrive(alice, {"x": 1}, key="schlüssel"))


def test_a_replay_says_that_it_is_one():
    response = replay(IdempotencyKey(reference="prediction:1", status=201, body='{"prediction": 7}'))

    assert (response.status_code, response.data) == (201, {"prediction": 7})
    assert response["Idempotency-Replayed"] == "true"
