"""Drift and actual values over the API and by command."""

import io

import pytest
from django.core.management import CommandError, call_command

from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations.actuals import record_actuals
from mlmodels.operations.predictions import predict_rows
from mlmodels.tests.factories import houses_csv, make_dataset

pytestmark = pytest.mark.django_db

TYPICAL = [
    {"size": 40 + n * 3 % 97, "rooms": 1 + n % 5, "place": ("city", "village", "coast")[n % 3]}
    for n in range(60)
]


@pytest.fixture(autouse=True)
def free_predictions(settings):
    settings.PREDICTION_TOKEN_COST = 0


@pytest.fixture
def model(alice, make_model):
    return make_model(alice, model_name="houses")


@pytest.fixture
def classifier(alice, make_model):
    content = houses_csv(90).replace(b",village", b",coast")
    return make_model(
        alice,
        make_dataset(alice, content),
        algorithm="decision_tree",
        target="place",
        features=["size", "price"],
    )


def monitored(client, model) -> dict:
    answer = client.get(f"/api/v1/models/{model.name}/monitoring")
    assert answer.status_code == 200
    return answer.json()


def send(client, prediction, value):
    return client.post(f"/api/v1/predictions/{prediction.uuid}/actual", {"value": value}, format="json")


def test_rows_like_those_of_training_have_not_drifted(alice, api_as, model):
    predict_rows(owner=alice, model=model, rows=TYPICAL)

    drift = monitored(api_as(alice), model)["drift"]

    assert (drift["rows"], drift["trained_on"]) == (60, 60)
    assert drift["sentence"] == "In the latest 60 predictions, no column has drifted from the training data."
    assert {column["level"] for column in drift["columns"]} == {"none"}
    for column in drift["columns"]:
        assert sum(part["share"] for part in column["bins"]) == pytest.approx(1)
        assert sum(part["asked"] for part in column["bins"]) == pytest.approx(1)


def test_a_column_that_drifted_is_named_first_with_what_changed(alice, api_as, model):
    predict_rows(owner=alice, model=model, rows=[{**row, "size": 400, "place": "harbor"} for row in TYPICAL])

    drift = monitored(api_as(alice), model)["drift"]

    assert [(column["column"], column["level"]) for column in drift["columns"]] == [
        ("place", "large"), ("size", "large"), ("rooms", "none"),
    ]  # fmt: skip
    assert (
        drift["columns"][0]["sentence"]
        == '"place" is another value in 100% of the predicted rows, compared with 0% of the training rows.'
    )
    assert drift["sentence"].startswith(
        "In the latest 60 predictions, 2 of 3 columns have drifted: place, size."
    )


def test_few_or_erased_predictions_say_nothing(alice, api_as, model):
    predict_rows(owner=alice, model=model, rows=[{**row, "size": 400} for row in TYPICAL])
    Prediction.objects.filter(pk__in=Prediction.objects.all()[:50].values("pk")).erase()

    drift = monitored(api_as(alice), model)["drift"]

    assert (drift["rows"], drift["columns"]) == (10, [])
    assert drift["sentence"] == "10 predictions so far. Drift is measured from 20 on."


def test_only_the_latest_predictions_are_looked_at(alice, api_as, model, monkeypatch):
    monkeypatch.setattr("mlmodels.operations.monitoring.MONITORED_PREDICTIONS_MAX", 30)
    predict_rows(owner=alice, model=model, rows=[{**row, "size": 400} for row in TYPICAL])
    predict_rows(owner=alice, model=model, rows=TYPICAL[:30])

    drift = monitored(api_as(alice), model)["drift"]

    assert (drift["rows"], drift["rows_max"]) == (30, 30)
    assert {column["level"] for column in drift["columns"]} == {"none"}


def test_actual_values_stand_beside_what_was_promised(alice, api_as, model):
    client = api_as(alice)
    for prediction in predict_rows(owner=alice, model=model, rows=TYPICAL[:12]):
        answer = send(client, prediction, prediction.output["prediction"] + 50_000)
        assert answer.status_code == 200

    live = monitored(client, model)["actuals"]

    assert (live["actuals"], live["measure"], live["verdict"]) == (12, "mean_absolute_error", "worse")
    assert live["live"] == pytest.approx(50_000)
    assert live["promised"] == model.metrics["mean_absolute_error"]
    assert live["coverage"] == {"of": 12, "held": 0, "level": 0.9}
    assert live["sentence"].startswith("12 actual values: average error 50,000 (50,000 to 50,000); promised ")


def test_an_actual_value_can_be_said_again_and_the_last_one_counts(alice, api_as, model):
    client, [prediction] = api_as(alice), predict_rows(owner=alice, model=model, rows=TYPICAL[:1])
    entries = alice.ledger_entries.count()

    answers = [send(client, prediction, value).json()["actual"] for value in (100, "120.5", 120.5)]

    assert answers == [100, 120.5, 120.5]
    prediction.refresh_from_db()
    assert prediction.actual == 120.5 and prediction.actual_at
    alice.refresh_from_db()
    assert alice.token_balance == 15 and alice.ledger_entries.count() == entries


@pytest.mark.parametrize("value", ["many", True, None, "", [1], {"a": 1}])
def test_what_is_no_number_is_refused_and_nothing_stored(alice, api_as, model, value):
    [prediction] = predict_rows(owner=alice, model=model, rows=TYPICAL[:1])

    answer = send(api_as(alice), prediction, value)

    assert answer.status_code == 400 and "value" in answer.json()["fields"]
    prediction.refresh_from_db()
    assert prediction.actual is None and prediction.actual_at is None


def test_a_class_is_taken_in_any_case_and_an_unknown_one_refused_with_those_there_are(
    alice, api_as, classifier
):
    client = api_as(alice)
    [prediction] = predict_rows(owner=alice, model=classifier, rows=[{"size": 70, "price": 90000}])

    assert send(client, prediction, "CITY").json()["actual"] == "city"
    refused = send(client, prediction, "harbor")

    assert refused.status_code == 400
    assert refused.json()["detail"] == "harbor is none of the classes that this model knows: city, coast."
    live = monitored(client, classifier)["actuals"]
    assert (live["measure"], live["live_interval"], live["verdict"]) == ("accuracy", None, "too few")
    assert live["coverage"]["of"] == 1


def test_erased_foreign_and_orphaned_predictions_take_no_actual_value(alice, bob, api_as, model):
    erased, orphan, kept = predict_rows(owner=alice, model=model, rows=TYPICAL[:3])
    Prediction.objects.filter(pk=erased.pk).erase()
    Prediction.objects.filter(pk=orphan.pk).update(model=None)

    answers = [
        send(api_as(alice), erased, 1),
        send(api_as(bob), kept, 1),
        send(api_as(alice), orphan, 1),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 409]
    assert not Prediction.objects.with_actual().exists()


def test_erasing_a_prediction_erases_its_actual_value(alice, api_as, model):
    [prediction] = predict_rows(owner=alice, model=model, rows=TYPICAL[:1])
    send(api_as(alice), prediction, 5)

    api_as(alice).delete(f"/api/v1/predictions/{prediction.uuid}")

    prediction.refresh_from_db()
    assert (prediction.actual, prediction.actual_at) == (None, None)


def test_a_file_of_actual_values_records_what_fits_and_names_the_rest(alice, bob, model, make_model):
    first, second = predict_rows(owner=alice, model=model, rows=TYPICAL[:2])
    [bobs] = predict_rows(owner=bob, model=make_model(bob), rows=TYPICAL[:1])
    lines = ["id;actual", f"{first.uuid};1.5", f"{second.uuid};much", f"{bobs.uuid};3", "nonsense;4"]

    found = record_actuals(owner=alice, table=io.BytesIO("\n".join(lines).encode()))

    assert (found.recorded, found.refused) == (1, 3)
    assert [reason.partition(":")[0] for reason in found.reasons] == ["Row 3", "Row 4", "Row 5"]
    assert list(Prediction.objects.with_actual()) == [first]


def test_the_file_names_a_prediction_whose_model_is_deleted_meanwhile(alice, model, monkeypatch):
    [prediction] = predict_rows(owner=alice, model=model, rows=TYPICAL[:1])
    monkeypatch.setattr(TrainedModel.objects, "in_bulk", lambda ids: {})

    found = record_actuals(owner=alice, table=io.BytesIO(f"id,actual\n{prediction.uuid},7\n".encode()))

    assert (found.recorded, found.refused) == (0, 1)


def test_the_command_records_a_file_and_fails_when_a_row_was_refused(alice, model, tmp_path, capsys):
    [prediction] = predict_rows(owner=alice, model=model, rows=TYPICAL[:1])
    path = tmp_path / "sold.csv"
    path.write_text(f"prediction,actual\n{prediction.uuid},7\n{prediction.uuid},8\n")

    call_command("record_actuals", path, owner=alice.email)

    assert "2 actual values recorded." in capsys.readouterr().out
    prediction.refresh_from_db()
    assert prediction.actual == 8
    path.write_text("prediction,actual\nnothing,7\nnowhere,8\n")
    with pytest.raises(CommandError, match="Row 2: There is no prediction"):
        call_command("record_actuals", path, owner=alice.email)


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n2,3\n", "", "prediction\nx\n"], ids=["other columns", "empty", "one column"]
)
def test_a_file_of_something_else_is_refused(alice, tmp_path, content):
    path = tmp_path / "other.csv"
    path.write_text(content)

    with pytest.raises(CommandError):
        call_command("record_actuals", path, owner=alice.email)
