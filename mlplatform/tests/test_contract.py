"""Every call of the two services that this one replaces, as their clients send it, with bodies and codes."""

import csv
import io
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

PASSWORD = "a long pass phrase 17"
FLATS = [["size", "rooms", "city", "price"]] + [
    [40 + n % 90, 1 + n % 4, ["Bonn", "Kiel", "Ulm"][n % 3], 1000 * (40 + n % 90) + 7000 * (n % 3)]
    for n in range(90)
]


def csv_file(rows=FLATS, name="flats.csv"):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return SimpleUploadedFile(name, text.getvalue().encode(), content_type="text/csv")


def order(**changes):
    return {
        "model_type": "linear",
        "feature_cols": json.dumps(["size", "rooms", "city"]),
        "label_col": "price",
        "csv_file": csv_file(),
        **changes,
    }


@pytest.fixture
def client():
    """Signed up and logged in as an existing client does it: with nothing but JSON over HTTP."""
    client = APIClient()
    client.post("/api/user/create", {"email": "alice@example.com", "pwd": PASSWORD}, format="json")
    answer = client.post("/api/user/login", {"email": "alice@example.com", "pwd": PASSWORD}, format="json")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
    return client


def tokens_of(client):
    return client.get("/api/user/tokens").json()["tokens"]


def test_the_algorithms_are_public_with_their_parameters():
    answer = APIClient().get("/api/models")

    assert answer.status_code == 200
    assert answer.json()["linear"] == {"params": {"fit_intercept": "bool"}}
    assert {"n_neighbors": "int", "weights": "str"}.items() <= answer.json()["knn"]["params"].items()
    assert {
        "linear", "logistic", "knn", "decision_tree", "random_forest", "gradient_boosting", "auto"
    } <= answer.json().keys()  # fmt: skip


# Accounts


def test_signing_up_answers_with_the_address():
    answer = APIClient().post(
        "/api/user/create", {"email": "alice@example.com", "pwd": PASSWORD}, format="json"
    )

    assert answer.status_code == 200
    assert answer.json().keys() == {"status", "message", "email"}
    assert (answer.json()["status"], answer.json()["email"]) == ("success", "alice@example.com")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ALICE@example.com", "pwd": PASSWORD},
        {"email": "no address", "pwd": PASSWORD},
        {"email": "dora@example.com", "pwd": "short"},
    ],
)
def test_a_taken_or_invalid_address_and_a_weak_password_are_refused(client, body):
    answer = APIClient().post("/api/user/create", body, format="json")

    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_logging_in_answers_with_tokens(client):
    answer = APIClient().post(
        "/api/user/login", {"email": "alice@example.com", "pwd": PASSWORD}, format="json"
    )

    assert answer.status_code == 200
    assert answer.json().keys() == {"status", "access_token", "token_type", "refresh_token"}
    assert (answer.json()["status"], answer.json()["token_type"]) == ("OK", "bearer")


def test_a_token_is_requested_with_user_name_and_password(client):
    body = {"username": "alice@example.com", "password": PASSWORD}
    answer = APIClient().post("/api/request_token", body, format="json")

    assert (answer.status_code, list(answer.json())) == (200, ["token"])
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {answer.json()['token']}"}
    assert APIClient().get("/api/user/tokens", **bearer).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/user/login", {"email": "alice@example.com", "pwd": "wrong"}),
        ("/api/request_token", {"username": "alice@example.com", "password": "wrong"}),
    ],
)
def test_a_wrong_password_is_a_401(client, path, body):
    assert APIClient().post(path, body, format="json").status_code == 401


def test_the_balance_starts_at_fifteen(client):
    answer = client.get("/api/user/tokens")

    assert (answer.status_code, answer.json()) == (200, {"username": "alice@example.com", "tokens": 15})


def reset(client, **body):
    return client.post("/api/user/reset_password", body, format="json")


def test_the_own_password_is_changed_and_nobody_elses(client):
    others = reset(client, email="bob@example.com", new_password="another pass phrase 18")
    own = reset(client, email="alice@example.com", new_password="another pass phrase 18")

    assert others.status_code == 403
    assert (own.status_code, own.json()["status"]) == (200, "success")
    assert reset(APIClient(), email="alice@example.com", new_password=PASSWORD).status_code == 401


def test_a_forgotten_password_is_reset_by_mail_and_nobody_learns_who_has_an_account(client, mailoutbox):
    unknown = reset(APIClient(), email="nobody@example.com")
    known = reset(APIClient(), email="alice@example.com")

    assert (unknown.status_code, known.status_code) == (200, 200)
    assert unknown.json() == known.json()
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"]]


@pytest.fixture
def administrator(admin_user):
    client = APIClient()
    body = {"username": admin_user.email, "password": "correct horse battery"}
    token = client.post("/api/request_token", body, format="json").json()["token"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_administrators_list_people(administrator, admin_user, alice, charlie):
    answer = administrator.get("/api/admin/users?min_tokens=1")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["count"]) == ("success", 2)
    assert {"id": alice.pk, "email": alice.email, "tokens": 15, "is_admin": False} in answer.json()["users"]


def test_administrators_give_tokens(administrator, alice):
    path = f"/api/admin/users/{alice.pk}/tokens"
    body = {"email": alice.email, "credit_card": "4111 1111 1111 1111", "amount": 10}

    answer = administrator.post(path, body, format="json")

    assert answer.status_code == 200
    assert answer.json().keys() == {"status", "message", "email", "amount"}
    alice.refresh_from_db()
    assert alice.token_balance == 25
    assert administrator.post(path, {**body, "email": "x@example.com"}, format="json").status_code == 400
    assert administrator.post(path, {**body, "amount": -1}, format="json").status_code == 400


def test_administrators_set_passwords(administrator, alice):
    body = {"email": alice.email, "new_password": "another pass phrase 18"}

    answer = administrator.post(f"/api/admin/users/{alice.pk}/reset_password", body, format="json")

    assert answer.status_code == 200
    log_in = {"email": alice.email, "pwd": "another pass phrase 18"}
    assert APIClient().post("/api/user/login", log_in, format="json").status_code == 200


def test_administrators_remove_people_in_two_ways_and_never_themselves(administrator, admin_user, alice, bob):
    by_address = administrator.delete(f"/api/admin/users/{alice.pk}")
    by_body = administrator.delete("/api/user/remove_user", {"user_id": bob.pk}, format="json")

    assert (by_address.status_code, by_body.status_code) == (200, 200)
    assert by_body.json().keys() == {"status", "message"}
    assert administrator.delete(f"/api/admin/users/{alice.pk}").status_code == 404
    assert administrator.delete("/api/user/remove_user", {"user_id": 10**6}, format="json").status_code == 404
    assert administrator.delete(f"/api/admin/users/{admin_user.pk}").status_code == 403
    assert administrator.delete(
        "/api/user/remove_user", {"user_id": admin_user.pk}, format="json"
    ).status_code == 403  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/admin/users"),
        ("post", "/api/admin/users/1/tokens"),
        ("post", "/api/admin/users/1/reset_password"),
        ("delete", "/api/admin/users/1"),
        ("delete", "/api/user/remove_user"),
    ],
)
def test_whoever_is_no_administrator_is_refused(client, method, path):
    assert getattr(client, method)(path, {"user_id": 1}, format="json").status_code == 403
    assert getattr(APIClient(), method)(path, {"user_id": 1}, format="json").status_code == 401


# POST /api/create


def test_a_table_becomes_a_model_in_one_call(client, trains_at_once):
    answer = client.post("/api/create", order(), format="multipart")

    body = answer.json()
    assert (answer.status_code, body["status"], body["tokens_deducted"]) == (200, "success", 1)
    assert {"r2_score", "mean_squared_error", "mean_absolute_error"} <= body["metrics"].keys()
    assert body["metrics"]["r2_score"] > 0.99
    assert re.fullmatch(r"\d+_linear_\d{8}_\d{6}_\d{6}", body["model_name"])
    assert tokens_of(client) == 14


def test_a_classifier_answers_accuracy_and_f1(client, trains_at_once):
    answer = client.post(
        "/api/create",
        order(
            model_type="decision_tree",
            feature_cols="size, price",
            label_col="city",
            optional_params='{"max_depth": 4}',
        ),
        format="multipart",
    )

    assert answer.status_code == 200
    assert {"accuracy", "f1_score"} <= answer.json()["metrics"].keys()


@pytest.mark.parametrize("nothing", ["", " ", "null", "{}"])
def test_no_parameters_can_be_said_in_many_ways(client, trains_at_once, nothing):
    answer = client.post("/api/create", order(optional_params=nothing), format="multipart")

    assert answer.status_code == 200
    name = answer.json()["model_name"]
    assert client.get(f"/api/trained/{name}").json()["parameters"] == {"fit_intercept": True}


def test_a_column_that_is_numbers_but_for_one_cell_is_pointed_out(client, trains_at_once):
    rows = [*FLATS, ["abc", 1, "Bonn", 47000]]
    said = (
        'The column "size" is read as words. Every value is unique. Not numbers, because of "abc" in row 92.'
    )

    answer = client.post("/api/create", order(csv_file=csv_file(rows)), format="multipart")

    assert (answer.status_code, answer.json()["notes"]) == (200, [said])
    assert client.get(f"/api/trained/{answer.json()['model_name']}").json()["notes"] == [said]


def test_an_ordinary_table_leaves_nothing_to_note(client, trains_at_once):
    assert client.post("/api/create", order(), format="multipart").json()["notes"] == []


def test_a_name_of_ones_own_is_cleaned_and_prefixed(client, trains_at_once):
    answer = client.post("/api/create", order(model_filename="my flats/2026.pkl"), format="multipart")

    assert re.fullmatch(r"\d+_my_flats_2026_pkl", answer.json()["model_name"])


def test_a_taken_name_is_refused_and_costs_nothing(client, trains_at_once):
    client.post("/api/create", order(model_filename="flats"), format="multipart")

    answer = client.post("/api/create", order(model_filename="flats"), format="multipart")

    assert answer.status_code == 409
    assert "model_filename" in answer.json()["fields"]
    assert tokens_of(client) == 14


def test_wrong_input_is_a_400_that_names_the_field_and_costs_nothing(client):
    answer = client.post("/api/create", order(label_col="prize"), format="multipart")

    assert answer.status_code == 400
    assert "prize" in answer.json()["detail"]
    assert list(answer.json()["fields"]) == ["label_col"]
    assert tokens_of(client) == 15


def test_whoever_prefers_not_to_wait_gets_an_address_to_ask(client):
    answer = client.post("/api/create", order(), format="multipart", HTTP_PREFER="respond-async")

    body = answer.json()
    assert (answer.status_code, body["status"]) == (202, "accepted")
    assert answer["Preference-Applied"] == "respond-async"
    assert answer["Location"] == body["url"]
    assert client.get(body["url"]).json()["status"] == "queued"
    assert client.get(body["url"]).json()["model_name"] == body["model_name"]
    assert tokens_of(client) == 14


def test_a_training_that_takes_too_long_is_answered_with_202(client, monkeypatch):
    monkeypatch.setattr("mlmodels.api.waiting.WAIT_SECONDS_MAX", 0.1)

    answer = client.post("/api/create", order(), format="multipart")

    assert answer.status_code == 202
    assert "Preference-Applied" not in answer


# The models


@pytest.fixture
def flats(client, trains_at_once):
    """The name of a trained model."""
    return client.post("/api/create", order(), format="multipart").json()["model_name"]


def test_the_trained_models_are_listed_newest_first(client, flats):
    newer = client.post("/api/create", order(model_type="ridge"), format="multipart").json()["model_name"]

    answer = client.get("/api/trained")

    assert (answer.status_code, answer.json()) == (200, [newer, flats])


def test_a_trained_model_is_described(client, flats):
    answer = client.get(f"/api/trained/{flats}")

    assert answer.status_code == 200
    assert {
        "model_name": flats,
        "model_type": "linear",
        "feature_cols": ["size", "rooms", "city"],
    }.items() <= (answer.json().items())
    assert "created_at" in answer.json()


def test_an_unknown_model_is_a_404(client):
    assert client.get("/api/trained/nothing").status_code == 404


def test_a_prediction_costs_five_tokens(client, flats):
    answer = client.post(
        f"/api/predict/{flats}",
        {"features": {"size": 70, "rooms": 2, "city": "Kiel"}, "note": "unknown keys are ignored"},
        format="json",
    )

    body = answer.json()
    assert answer.status_code == 200
    interval = body.pop("interval")
    assert interval["low"] <= body["prediction"] <= interval["high"]
    assert body == {
        "status": "success",
        "prediction": pytest.approx(77000, rel=1e-6),
        "tokens_deducted": 5,
        "warnings": [],
    }
    assert tokens_of(client) == 9


def test_every_missing_or_unusable_feature_is_named_and_costs_nothing(client, flats):
    answer = client.post(
        f"/api/predict/{flats}", {"features": {"size": "large", "city": "Bonn"}}, format="json"
    )

    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == {"size", "rooms"}
    assert tokens_of(client) == 14


def test_a_prediction_without_enough_tokens_is_a_402(client, flats):
    row = {"features": {"size": 70, "rooms": 2, "city": "Kiel"}}
    codes = [client.post(f"/api/predict/{flats}", row, format="json").status_code for _ in range(3)]

    assert codes == [200, 200, 402]
    assert tokens_of(client) == 4


def test_a_prediction_with_an_unknown_model_is_a_404(client):
    assert client.post("/api/predict/nothing", {"features": {}}, format="json").status_code == 404


def test_a_deleted_model_is_gone(client, flats):
    answer = client.delete(f"/api/delete/{flats}")

    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert "message" in answer.json()
    assert client.get("/api/trained").json() == []
    assert client.delete(f"/api/delete/{flats}").status_code == 404


# Search on the Iris sample, and the model that it made last


def test_before_a_search_there_is_nothing_to_ask(client):
    status = client.get("/api/status")

    assert status.status_code == 200
    assert status.json() == {
        "is_trained": False,
        "model_algorithm": None,
        "best_params": None,
        "training_accuracy": None,
        "model_name": None,
    }
    assert client.post("/api/predict", {"input": [5.1, 3.5, 1.4, 0.2]}, format="json").status_code == 400


def test_a_search_finds_the_best_parameters(client, trains_at_once):
    answer = client.post(
        "/api/train", {"algorithm": "decision_tree", "params": {"max_depth": [2, 3]}}, format="json"
    )

    body = answer.json()
    assert answer.status_code == 200
    assert body["best_params"]["max_depth"] in (2, 3)
    assert body["best_params_"] == body["best_params"]
    assert 0.9 < body["best_score"] <= 1
    assert 0.9 < body["training_accuracy"] <= 1
    assert body["message"]
    assert client.get("/api/status").json() == {
        "is_trained": True,
        "model_algorithm": "decision_tree",
        "best_params": body["best_params"],
        "training_accuracy": body["training_accuracy"],
        "model_name": body["model_name"],
    }


@pytest.mark.parametrize("grid_name", ["params", "param_grid"])
def test_both_names_of_the_grid_are_understood(client, trains_at_once, grid_name):
    answer = client.post(
        "/api/train", {"algorithm": "random_forest", grid_name: {"n_estimators": [10]}}, format="json"
    )

    assert answer.status_code == 200
    assert answer.json()["best_params"] == {"n_estimators": 10}


def test_what_is_null_is_left_out(client, trains_at_once):
    body = {"params": None, "param_grid": {"max_depth": [3]}, "dataset": None, "target": None}

    answer = client.post("/api/train", {"algorithm": "decision_tree", **body}, format="json")

    assert answer.status_code == 200
    assert answer.json()["best_params"] == {"max_depth": 3}


def test_the_last_searched_model_answers(client, trains_at_once):
    client.post("/api/train", {"algorithm": "decision_tree", "params": {"max_depth": [3]}}, format="json")

    by_order = client.post("/api/predict", {"input": [5.1, 3.5, 1.4, 0.2]}, format="json")

    assert (by_order.status_code, list(by_order.json())) == (200, ["prediction"])
    assert tokens_of(client) == 15 - 1 - 5


@pytest.mark.parametrize(
    "body",
    [
        {"algorithm": "oracle"},
        {"algorithm": "decision_tree", "params": {"magic": [1]}},
        {"algorithm": "decision_tree", "params": {"max_depth": [*range(1, 60)], "min_samples_leaf": [1, 2]}},
    ],
)
def test_a_search_that_cannot_be_made_is_a_400(client, body):
    answer = client.post("/api/train", body, format="json")

    assert (answer.status_code, tokens_of(client)) == (400, 15)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/api/create"),
        ("get", "/api/trained"),
        ("get", "/api/trained/x"),
        ("post", "/api/predict/x"),
        ("delete", "/api/delete/x"),
        ("post", "/api/train"),
        ("post", "/api/predict"),
        ("get", "/api/status"),
    ],
)
@pytest.mark.parametrize("header", [None, "Bearer nonsense"])
def test_whoever_is_not_signed_in_is_asked_to(method, path, header):
    client = APIClient(**({"HTTP_AUTHORIZATION": header} if header else {}))

    answer = getattr(client, method)(path)

    assert answer.status_code == 401
    assert answer.json()["detail"]
