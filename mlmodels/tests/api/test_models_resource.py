"""Models under /api/v1/: list, show, change, predict, explain, download, delete."""

import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta

import joblib
import onnxruntime
import pytest
import skops.io
from django.utils import timezone

from billing.verify import verify_ledger
from mlmodels.limits import VARIATIONS_MAX
from mlmodels.models import Prediction, TrainedModel
from mlmodels.tests.factories import make_dataset

pytestmark = pytest.mark.django_db

HOUSE = {"size": 100, "rooms": 2, "place": "city"}


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


@pytest.fixture
def classifier(alice, make_model):
    return make_model(alice, target="place", algorithm="decision_tree")


@pytest.fixture
def client(alice, api_as):
    return api_as(alice)


def url(model, action=""):
    return f"/api/v1/models/{model.name}{action and '/' + action}"


def balance(user):
    user.refresh_from_db()
    assert user.token_balance == sum(user.ledger_entries.values_list("amount", flat=True))
    assert verify_ledger() == []
    return user.token_balance


def test_the_list_shows_the_callers_models_newest_first(client, model, classifier):
    body = client.get("/api/v1/models").json()

    assert [row["name"] for row in body["results"]] == [classifier.name, model.name]
    assert body["results"][1]["target"] == "price"
    assert "report" not in body["results"][0]


def test_the_list_is_filtered_ordered_and_cut_into_pages(client, model, classifier):
    trees = client.get("/api/v1/models?algorithm=decision_tree").json()
    first = client.get("/api/v1/models?ordering=created_at&page_size=1").json()

    assert [row["name"] for row in trees["results"]] == [classifier.name]
    assert first["count"] == 2 and [row["name"] for row in first["results"]] == [model.name]


@pytest.mark.parametrize("query", ["status=failed", "ordering=secret", "algoritm=linear"])
def test_an_unknown_filter_or_order_is_refused(client, query):
    answer = client.get(f"/api/v1/models?{query}")

    assert answer.status_code == 400
    assert answer.json()["fields"]


def test_a_model_is_shown_with_its_report(client, model):
    body = client.get(url(model)).json()

    assert body["features"][0] == {"name": "size", "kind": "number"}
    assert body["report"]["task"] == "regression"
    assert body["sha256"] == model.sha256


def test_a_model_is_renamed(client, model):
    answer = client.patch(url(model), {"label": "Houses of May"})

    assert (answer.status_code, answer.json()["label"]) == (200, "Houses of May")
    assert TrainedModel.objects.get().label == "Houses of May"


def test_only_two_classes_have_a_threshold(client, model, classifier):
    for several in (model, classifier):
        answer = client.patch(url(several), {"threshold": 0.3})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["threshold"])


def test_of_a_change_that_is_refused_in_part_nothing_is_done(client, model):
    answer = client.patch(url(model), {"label": "Prices", "threshold": 0.3})

    model.refresh_from_db()
    assert (answer.status_code, model.label) == (400, "")


def test_a_threshold_changes_what_is_predicted(client, alice, make_model):
    table = "size,sold\n" + "\n".join(f"{size},{'yes' if size % 10 > 6 else 'no'}" for size in range(200))
    model = make_model(alice, make_dataset(alice, table.encode()), target="sold", algorithm="logistic")
    before = client.post(url(model, "predict"), {"features": {"size": 50}}).json()["predictions"][0]

    set_to = client.patch(url(model), {"threshold": 0.01})
    after = client.post(url(model, "predict"), {"features": {"size": 50}}).json()["predictions"][0]

    assert set_to.status_code == 200
    assert (before["prediction"], after["prediction"]) == ("no", "yes")
    assert before["probabilities"] == after["probabilities"]


def test_a_model_is_deleted(client, model):
    assert client.delete(url(model)).status_code == 204
    assert not TrainedModel.objects.exists()


def test_rows_are_predicted_and_each_is_paid(client, alice, model):
    answer = client.post(url(model, "predict"), {"rows": [HOUSE, {**HOUSE, "size": 50}]})

    body = answer.json()
    assert answer.status_code == 200
    assert body["tokens_deducted"] == 10
    first, second = body["predictions"]
    assert first["prediction"] == pytest.approx(130_000) and second["prediction"] == pytest.approx(80_000)
    assert first["interval"]["low"] <= first["prediction"] <= first["interval"]["high"]
    assert first["interval"]["level"] == 0.9
    assert (first["warnings"], first["probabilities"]) == ([], None)
    assert {str(row.uuid) for row in Prediction.objects.all()} == {first["id"], second["id"]}
    assert balance(alice) == 15 - 10


def test_a_wider_interval_can_be_asked_for(client, model):
    def width(level):
        body = client.post(url(model, "predict"), {"features": HOUSE, "level": level}).json()
        return body["predictions"][0]["interval"]["high"] - body["predictions"][0]["interval"]["low"]

    assert width(0.5) <= width(0.8)


def test_values_outside_training_are_said(client, model):
    body = client.post(url(model, "predict"), {"features": {**HOUSE, "size": 9000, "place": "moon"}}).json()

    warned = {warning["column"]: warning["message"] for warning in body["predictions"][0]["warnings"]}
    assert set(warned) == {"size", "place"}
    assert "largest value in training" in warned["size"]


def test_classes_come_with_probabilities_and_the_likely_ones(client, classifier):
    row = {"size": 40, "rooms": 1, "price": 65000}

    [answer] = client.post(url(classifier, "predict"), {"features": row}).json()["predictions"]

    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["prediction"] in answer["prediction_set"]
    assert answer["interval"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rows": []},
        {"features": HOUSE, "rows": [HOUSE]},
        {"rows": [HOUSE] * 101},
        {"features": {"size": 1}},
    ],
    ids=["nothing", "no_rows", "both", "too_many", "missing_columns"],
)
def test_a_wrong_body_is_refused_and_costs_nothing(client, alice, model, body):
    answer = client.post(url(model, "predict"), body)

    assert answer.status_code == 400
    assert balance(alice) == 15
    assert not Prediction.objects.exists()


def test_a_repeated_request_is_charged_once(client, alice, model):
    first, again = (
        client.post(url(model, "predict"), {"rows": [HOUSE]}, HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)
    )

    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert balance(alice) == 10


def test_too_few_tokens_for_all_rows_predict_none(client, alice, model):
    answer = client.post(url(model, "predict"), {"rows": [HOUSE] * 4})

    assert answer.status_code == 402
    assert balance(alice) == 15


@pytest.mark.parametrize("algorithm", ["linear", "decision_tree", "knn"])
def test_an_explanation_adds_up(client, alice, make_model, algorithm):
    model = make_model(alice, algorithm=algorithm)

    body = client.post(url(model, "explain"), {"features": HOUSE}).json()

    assert set(body["contributions"]) == set(HOUSE)
    assert body["base"] + sum(body["contributions"].values()) == pytest.approx(body["explained"], abs=1e-6)
    assert body["explained"] == pytest.approx(body["prediction"])
    assert body["tokens_deducted"] == 5
    assert balance(alice) == 10


def test_the_probability_of_the_predicted_class_is_explained(client, classifier):
    body = client.post(
        url(classifier, "explain"), {"features": {"size": 40, "rooms": 1, "price": 65000}}
    ).json()

    assert body["label"] == body["prediction"]
    assert body["explained"] == pytest.approx(body["probabilities"][body["prediction"]])
    assert body["base"] + sum(body["contributions"].values()) == pytest.approx(body["explained"], abs=1e-6)


def test_variations_of_a_paid_row_are_free(client, alice, model):
    paid = client.post(url(model, "explain"), {"features": HOUSE}).json()

    varied = client.post(
        url(model, "explain"), {"features": {**HOUSE, "size": 110}, "variation_of": paid["id"]}
    ).json()

    assert varied["tokens_deducted"] == 0
    assert varied["difference"] == pytest.approx(10_000)
    assert balance(alice) == 10
    assert Prediction.objects.count() == 1


def test_variations_end_after_ten_minutes(client, model):
    paid = client.post(url(model, "explain"), {"features": HOUSE}).json()
    Prediction.objects.update(created_at=timezone.now() - timedelta(minutes=11))

    answer = client.post(url(model, "explain"), {"features": HOUSE, "variation_of": paid["id"]})

    assert (answer.status_code, answer.json()["code"]) == (409, "no_free_variation")


def test_variations_are_counted(client, model):
    paid = client.post(url(model, "explain"), {"features": HOUSE}).json()
    Prediction.objects.update(variations=VARIATIONS_MAX)

    answer = client.post(url(model, "explain"), {"features": HOUSE, "variation_of": paid["id"]})

    assert answer.status_code == 409


def test_another_row_is_no_variation(client, alice, make_model):
    table = "a,b,c,d,y\n" + "\n".join(f"{n % 11},{n % 7},{n % 3},{n % 5},{n % 11 + n % 7}" for n in range(60))
    model = make_model(alice, make_dataset(alice, table.encode()), target="y")
    paid = client.post(url(model, "explain"), {"features": {"a": 1, "b": 1, "c": 1, "d": 1}}).json()

    answer = client.post(
        url(model, "explain"), {"features": {"a": 2, "b": 2, "c": 2, "d": 2}, "variation_of": paid["id"]}
    )

    assert answer.status_code == 409
    assert "at most 3 columns" in answer.json()["detail"]


def test_nobody_varies_the_prediction_of_another(api_as, bob, client, model):
    paid = client.post(url(model, "explain"), {"features": HOUSE}).json()

    answer = api_as(bob).post(url(model, "explain"), {"features": HOUSE, "variation_of": paid["id"]})

    assert answer.status_code == 404


def test_the_schema_of_a_row_describes_every_column(client, model):
    schema = client.get(url(model, "schema")).json()

    assert schema["required"] == ["size", "rooms", "place"]
    assert "number" in schema["properties"]["size"]["type"]
    assert sorted(schema["properties"]["place"]["examples"]) == ["city", "coast", "village"]
    assert client.post(url(model, "predict"), {"features": schema["examples"][0]}).status_code == 200


def test_the_card_says_what_the_model_is_and_where_it_ends(client, model):
    card = client.get(url(model, "card"))

    text = card.content.decode()
    assert card["Content-Type"].startswith("text/markdown")
    assert "Predicts price (a number) from 3 columns" in text
    assert model.dataset.sha256 in text
    assert "| size | number |" in text


def test_a_card_makes_no_markup_of_names(client, alice, make_model):
    table = "[a](http://x)|<b>,y\n" + "\n".join(f"{n},{2 * n}" for n in range(40))
    model = make_model(alice, make_dataset(alice, table.encode()), target="y")

    text = client.get(url(model, "card")).content.decode()

    assert r"\[a\](http://x)\|\<b\>" in text


def test_the_downloaded_file_is_the_signed_one(client, model):
    answer = client.get(url(model, "download"))

    data = b"".join(answer.streaming_content)
    assert f'filename="{model.name}.joblib"' in answer["Content-Disposition"]
    assert len(data) == model.size_bytes
    assert hasattr(joblib.load(io.BytesIO(data)), "predict")


def test_a_skops_file_can_be_read_without_running_code(client, model):
    data = b"".join(client.get(url(model, "download") + "?format=skops").streaming_content)

    pipeline = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    assert hasattr(pipeline, "predict")


def test_an_onnx_file_predicts_the_same(client, model):
    data = b"".join(client.get(url(model, "download") + "?format=onnx").streaming_content)

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    assert len(session.get_inputs()) == 3


def test_onnx_is_refused_where_it_would_predict_something_else(client, alice, make_model):
    model = make_model(alice, algorithm="gradient_boosting")

    answer = client.get(url(model, "download") + "?format=onnx")

    assert (answer.status_code, answer.json()["code"]) == (422, "not_exportable")


def test_an_unknown_format_is_refused(client, model):
    answer = client.get(url(model, "download") + "?format=exe")

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["format"])


@pytest.mark.sqlite_only  # about files
def test_a_bundle_predicts_and_rebuilds_without_this_software(client, model, tmp_path):
    data = b"".join(client.get(url(model, "download") + "?format=bundle").streaming_content)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
    with model.dataset.file.open("rb") as table:
        (tmp_path / "houses.csv").write_bytes(table.read())

    row = (tmp_path / "example_row.json").read_text()
    predicted = run(tmp_path, "predict.py", row)
    rebuilt = run(tmp_path, "rebuild.py", "houses.csv")

    [answer] = client.post(url(model, "predict"), {"features": json.loads(row)}).json()["predictions"]
    assert json.loads(predicted.stdout)["prediction"] == answer["prediction"]
    assert "bit for bit" in rebuilt.stdout
    assert "scikit-learn==" in (tmp_path / "requirements.txt").read_text()


def run(folder, script, argument):
    finished = subprocess.run(
        [sys.executable, "-P", "-c", RUN, script, argument],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished


# The folder of the bundle first, as it is for `python script.py`, and Django made unimportable
RUN = """
import runpy, sys
sys.modules["django"] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, "")
runpy.run_path(sys.argv[0], run_name="__main__")
"""
