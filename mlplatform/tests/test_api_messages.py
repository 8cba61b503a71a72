"""What a developer is told who gets a request wrong: each refusal says what to send instead."""

import gzip
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.api.tokens import AccessToken, RefreshToken
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import classic_order, houses_csv, make_dataset

pytestmark = pytest.mark.django_db

ROW = {"size": 70, "rooms": 2, "place": "city"}


@pytest.mark.parametrize("header", ["", "Token abc", "eyJhbGciOi", "Bearer", "Bearer "])
def test_who_is_not_signed_in_is_told_what_to_send(api, header):
    refused = api.get("/api/v1/datasets", headers={"Authorization": header})

    assert refused.status_code == 401
    assert 'Send "Authorization: Bearer …" with a key' in refused.json()["detail"]


def test_who_comes_with_an_old_token_is_told_that_it_has_expired(api, alice):
    token = AccessToken.for_user(alice)
    token.set_exp(lifetime=-timedelta(seconds=1))

    refused = api.get("/api/v1/datasets", headers={"Authorization": f"Bearer {token}"})

    assert (refused.status_code, refused.json()["code"]) == (401, "token_not_valid")
    assert refused.json()["detail"].startswith("This access token has expired. Get a new one")


@pytest.mark.parametrize("kind", [RefreshToken, None], ids=["refresh_token", "garbage"])
def test_who_comes_with_something_else_than_an_access_token_is_told_so(api, alice, kind):
    token = kind.for_user(alice) if kind else "abc"

    refused = api.get("/api/v1/datasets", headers={"Authorization": f"Bearer {token}"})

    assert (refused.status_code, refused.json()["code"]) == (401, "token_not_valid")
    assert refused.json()["detail"].startswith("This is neither a key nor an access token")


@pytest.mark.parametrize("path", ["/api/v1/datasets/", "/api/v1/nowhere", "/api/v1/runs/abc"])
def test_a_url_that_is_none_leads_to_those_that_are(alice, api_as, path):
    refused = api_as(alice).get(path)

    assert refused.status_code == 404
    assert "/api/docs lists all URLs; none of them ends in a slash" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "sentence"),
    [
        ("put", "runs", "PUT is not allowed here. Use GET or POST."),
        ("get", "models/1_houses/batches", "GET is not allowed here. Use POST."),
    ],
)
def test_a_method_that_a_url_does_not_have_is_answered_by_those_it_has(alice, api_as, method, path, sentence):
    refused = getattr(api_as(alice), method)(f"/api/v1/{path}")

    assert (refused.status_code, refused.json()["detail"]) == (405, sentence)


@pytest.mark.parametrize(
    ("path", "sent_as", "sentence"),
    [
        ("datasets", "text/csv", "Send multipart/form-data or application/json."),
        ("runs", "application/x-www-form-urlencoded", "Send application/json."),
    ],
)
def test_a_body_of_another_type_is_answered_by_the_right_one(alice, api_as, path, sent_as, sentence):
    refused = api_as(alice).generic("POST", f"/api/v1/{path}", b"a,b", content_type=sent_as)

    assert refused.status_code == 415
    assert refused.json()["detail"] == f"A body of type {sent_as} is not accepted here. {sentence}"


@pytest.mark.parametrize(
    ("path", "body", "field", "sentence"),
    [
        ("keys", {"name": "x", "scope": "write"}, "scope", "“write” is not one of predict, all."),
        (
            "webhooks",
            {"url": "https://8.8.8.8/", "events": ["run.finished"]},
            "events.0",
            "“run.finished” is not one of run.ended, batch.ended.",
        ),
        (
            "runs",
            {"dataset": "houses"},
            "dataset",
            "Send the id of one of your datasets. GET /api/v1/datasets lists them.",
        ),
        (
            "datasets",
            {"file": "a,b"},
            "file",
            "Send this as a file, in a body of the type multipart/form-data.",
        ),
        ("datasets", {}, "file", "Send a CSV file, in a body of the type multipart/form-data."),
        (
            "models/{model}/predict",
            {"rows": [ROW] * 101},
            "rows",
            "At most 100 rows. For more, send a CSV file to `batches`.",
        ),
    ],
    ids=str,
)
def test_a_wrong_value_is_answered_by_the_right_ones(alice, api_as, make_model, path, body, field, sentence):
    path = path.format(model=make_model(alice).name)
    refused = api_as(alice).post(f"/api/v1/{path}", body, format="json")

    assert refused.status_code == 400 and refused.json()["fields"][field] == sentence


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("columns", 'Send an object such as {"zip": {"kind": "category"}}.'),
        ("evaluation", 'Send an object such as {"kind": "k_fold"}.'),
    ],
)
def test_what_should_be_an_object_is_answered_by_one_that_the_field_takes(alice, api_as, field, sentence):
    refused = api_as(alice).patch(f"/api/v1/datasets/{make_dataset(alice).uuid}", {field: "x"}, format="json")

    assert refused.status_code == 400 and refused.json()["fields"][field] == sentence


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("create", "csv_file"),
        ("v1/datasets", "file"),
        ("v1/datasets/{dataset}/versions", "file"),
        ("v1/models/{model}/batches", "file"),
    ],
)
def test_a_file_that_is_no_table_is_named_as_it_was_sent(alice, api_as, make_model, path, field):
    model = make_model(alice)
    order = classic_order(b"PK\x03\x04 a spreadsheet") if path == "create" else {}
    file = {field: SimpleUploadedFile("houses.xlsx", b"PK\x03\x04 a spreadsheet")}

    path = path.format(model=model.name, dataset=model.dataset.uuid)
    refused = api_as(alice).post(f"/api/{path}", {**order, **file}, format="multipart")

    assert (refused.status_code, refused.json()["code"]) == (400, "table_refused")
    assert refused.json()["fields"] == {field: refused.json()["detail"]}


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        (
            {"label_col": "x" * 1_000_001},
            413,
            "A form may have 1,000,000 bytes without its file.",
        ),
        ({f"column{number}": "1" for number in range(2_001)}, 400, "A form may have 2,000 fields at most."),
    ],
    ids=["bytes", "fields"],
)
def test_a_form_beyond_the_limits_is_answered_by_them(alice, api_as, fields, status, sentence):
    refused = api_as(alice).post("/api/create", {**classic_order(), **fields}, format="multipart")

    assert (refused.status_code, refused.json()["detail"]) == (status, sentence)


def test_who_sends_two_files_is_told_to_send_one(alice, api_as):
    files = {name: SimpleUploadedFile("a.csv", b"a,b\n1,2\n") for name in ("file", "other")}

    refused = api_as(alice).post("/api/v1/datasets", files, format="multipart")

    assert (refused.status_code, refused.json()["detail"]) == (400, "Send one file at a time.")


@pytest.mark.parametrize(
    ("method", "collection"),
    [
        ("get", "batches"),
        ("get", "runs"),
        ("get", "webhooks"),
        ("delete", "keys"),
        ("delete", "shared-models"),
    ],
)
def test_an_object_that_there_is_not_is_said_not_to_be_there(alice, api_as, method, collection):
    refused = getattr(api_as(alice), method)(f"/api/v1/{collection}/{uuid4()}")

    assert refused.status_code == 404
    assert refused.json()["detail"] == "There is no such object, or it belongs to another user."


@pytest.mark.parametrize("body", ["null", "[1]", '"text"', "7"])
@pytest.mark.parametrize(
    "path",
    [
        "v1/runs",
        "v1/token",
        "v1/keys",
        "train",
        "predict",
        "predict/1_houses",
        "user/create",
        "request_token",
    ],
)
def test_a_body_that_is_no_object_is_told_so(alice, api_as, path, body):
    refused = api_as(alice).generic("POST", f"/api/{path}", body, "application/json")

    assert (refused.status_code, refused.json()["detail"]) == (400, "Send a JSON object.")


@pytest.mark.parametrize("path", ["v1/runs", "v1/datasets", "train", "predict/1_houses", "user/create"])
def test_a_compressed_body_is_refused_with_what_to_send(alice, api_as, path):
    media_type = "multipart/form-data; boundary=x" if path == "v1/datasets" else "application/json"

    refused = api_as(alice).generic(
        "POST", f"/api/{path}", gzip.compress(b"{}"), media_type, headers={"Content-Encoding": "gzip"}
    )
    plain = api_as(alice).post("/api/user/login", {}, headers={"Content-Encoding": "identity"})

    assert (refused.status_code, refused["Accept-Encoding"]) == (415, "identity")
    assert refused.json()["detail"] == (
        "A body with Content-Encoding is not accepted here. Send it as it is, without this header."
    )
    assert plain.status_code == 400 and set(plain.json()["fields"]) == {"email", "pwd"}


@pytest.mark.parametrize(
    ("call", "body", "sentence"),
    [
        ("patch", {"threshold": 10**400}, "A threshold is above 0 and below 1, such as 0.3."),
        ("patch", {"threshold": -(10**400)}, "A threshold is above 0 and below 1, such as 0.3."),
        ("predict", {"features": {}, "level": 10**400}, "less than or equal to 0.99"),
    ],
)
def test_a_number_that_is_far_too_large_is_refused_with_what_is_allowed(
    alice, api_as, make_model, call, body, sentence
):
    answers = "\n".join(f"{n},{'yes' if n % 7 > 3 else 'no'}" for n in range(60))
    model = make_model(
        alice, make_dataset(alice, f"size,sold\n{answers}".encode()), target="sold", algorithm="logistic"
    )
    url = f"/api/v1/models/{model.name}"
    client = api_as(alice)

    refused = client.patch(url, body) if call == "patch" else client.post(f"{url}/predict", body)

    assert refused.status_code == 400
    assert sentence in refused.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("status=done", 400, "“done” is not one of queued, running, succeeded, failed, cancelled."),
        ("page_size=many", 400, "page_size is a whole number from 1 to 200."),
        ("page_size=0", 400, "page_size is a whole number from 1 to 200."),
        ("page=9", 404, "This list has no page 9."),
    ],
)
def test_a_query_that_a_list_does_not_understand_is_refused(alice, api_as, query, status, sentence):
    refused = api_as(alice).get(f"/api/v1/runs?{query}")

    assert refused.status_code == status and sentence in refused.json()["detail"]


def test_a_page_size_above_the_most_gets_the_most(alice, api_as):
    assert api_as(alice).get("/api/v1/runs?page_size=1000").status_code == 200


@pytest.mark.parametrize("path", ["models/houses", "models/houses/predict", "models/houses/monitoring"])
def test_the_name_without_the_number_leads_to_the_full_name(alice, bob, api_as, make_model, path):
    name = make_model(alice, model_name="houses").name
    body = {"features": ROW} if path.endswith("predict") else None
    method = "post" if body else "get"

    hers = getattr(api_as(alice), method)(f"/api/v1/{path}", body, format="json")
    his = getattr(api_as(bob), method)(f"/api/v1/{path}", body, format="json")

    assert hers.json()["detail"] == f'You have no model called "houses". Its full name is "{name}".'
    assert his.json()["detail"] == 'You have no model called "houses".'


@pytest.mark.parametrize(
    ("body", "field"),
    [({"target": "cost"}, "target"), ({"columns": {"size": {"uses": True}}}, "columns.size.uses")],
)
def test_a_change_of_a_dataset_names_the_input_that_is_wrong(alice, api_as, body, field):
    refused = api_as(alice).patch(f"/api/v1/datasets/{make_dataset(alice).uuid}", body, format="json")

    assert refused.status_code == 400 and list(refused.json()["fields"]) == [field]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("much", '"price": "much" is not a number.'),
        ("", "Enter the actual value."),
        (True, "price is a number; true is not."),
        ([1], '"price": the value is neither a number nor a text.'),
        ({"a": 1}, '"price": the value is neither a number nor a text.'),
        (None, "This field may not be null."),
    ],
    ids=str,
)
def test_an_actual_value_that_is_none_is_refused_by_name(alice, api_as, make_model, value, sentence):
    prediction = predict(owner=alice, model=make_model(alice), features=ROW)
    client, path = api_as(alice), f"/api/v1/predictions/{prediction.uuid}/actual"
    client.post(path, {"value": 70_000}, format="json")

    refused = client.post(path, {"value": value}, format="json")

    assert (refused.status_code, refused.json()["fields"]) == (400, {"value": sentence})
    assert client.get(f"/api/v1/predictions/{prediction.uuid}").json()["actual"] == 70_000


def test_the_prices_of_all_that_costs_are_told(alice, api_as):
    assert api_as(alice).get("/api/v1/account").json()["prices"] == {
        "training": 1,
        "prediction": 5,
        "batch": 5,
    }


def test_a_run_tells_which_columns_it_learns_from(alice, api_as):
    dataset = make_dataset(alice, houses_csv())
    body = {"dataset": str(dataset.uuid), "features": ["size", "place"]}

    assert api_as(alice).post("/api/v1/runs", body, format="json").json()["features"] == ["size", "place"]
