import time
from contextlib import suppress

import pytest
from django.db import IntegrityError, connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from billing.idempotency import IdempotentRequest, RequestRepeated, find
from billing.operations import InsufficientTokens, grant
from billing.purchases import Condition, Purchase, buy
from billing.verify import verify_ledger
from mlmodels.errors import ModelUnusable
from mlmodels.learning.serving import NoFinitePrediction
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations import predictions, trained_models
from mlmodels.tests.factories import make_dataset, make_model
from mlplatform.core.errors import InvalidInput, NotFound, TooLarge
from mlplatform.tests.plans import plan_of

pytestmark = pytest.mark.django_db

HOUSE = {"size": 100, "rooms": 2, "place": "city"}


@pytest.fixture
def model(alice):
    return make_model(alice)


def predict(model, features=HOUSE, **more):
    return predictions.predict(owner=model.owner, model=model, features=features, **more)


def amounts_of(user):
    user.refresh_from_db()
    amounts = list(user.ledger_entries.order_by("seq").values_list("amount", flat=True))
    assert user.token_balance == sum(amounts)
    return amounts


def test_a_prediction_is_charged_and_stored_with_what_was_asked(alice, model):
    answer = predict(model, {**HOUSE, "garden": "ignored"})

    stored = Prediction.objects.get()
    assert stored.output["prediction"] == answer.output["prediction"] == pytest.approx(130_000)
    assert stored.inputs == {"size": 100.0, "rooms": 2.0, "place": "city"}
    assert amounts_of(alice) == [15, -1, -5]
    assert alice.ledger_entries.get(amount=-5).operation == f"prediction:{answer.uuid}"
    assert verify_ledger() == []


def test_a_classifier_answers_with_probabilities(alice):
    model = make_model(alice, target="place", algorithm="decision_tree")

    output = predict(model, {"size": 40, "rooms": 1, "price": 65000}).output

    assert output["prediction"] in ("city", "village", "coast")
    assert sum(output["probabilities"].values()) == pytest.approx(1)


def test_blank_values_are_answered_and_stored_as_null(alice, model):
    answer = predict(model, {"size": None, "rooms": "", "place": None})

    answer.refresh_from_db()
    assert answer.inputs == {"size": None, "rooms": None, "place": ""}


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"size": 100},
        {**HOUSE, "size": "large"},
        {**HOUSE, "size": [1]},
        {**HOUSE, "size": {"a": 1}},
        {**HOUSE, "size": float("nan")},
        {**HOUSE, "size": float("inf")},
        {**HOUSE, "size": 10**400},
        {**HOUSE, "place": ["city"]},
        {**HOUSE, "place": "x" * 200_000},
        {**HOUSE, "place": "ci\0ty"},
        {**HOUSE, "place": "ci\ud800ty"},
        ["size", "rooms"],
        None,
    ],
)
def test_a_refused_row_costs_nothing_and_leaves_nothing(alice, model, features):
    with pytest.raises(InvalidInput):
        predict(model, features)

    assert not Prediction.objects.exists()
    assert amounts_of(alice) == [15, -1]


def test_every_missing_and_unusable_column_is_named(model):
    with pytest.raises(InvalidInput) as refused:
        predict(model, {"size": "large"})

    assert refused.value.fields.keys() == {"size", "rooms", "place"}


def test_a_number_that_no_model_takes_is_refused_by_its_column_and_costs_nothing(alice, model):
    with pytest.raises(InvalidInput, match='"size".*too large') as refused:
        predict(model, {**HOUSE, "size": 1.7e308})

    assert refused.value.fields.keys() == {"size"}
    assert amounts_of(alice) == [15, -1]


def test_a_prediction_that_is_no_number_is_refused_and_costs_nothing(alice, model, monkeypatch):
    scorer = type(predictions.load(model).scorer)
    monkeypatch.setattr(scorer, "predict_as_dict", lambda self, row: {"prediction": float("inf")})

    with pytest.raises(NoFinitePrediction, match="far too large"):
        predict(model)

    assert amounts_of(alice) == [15, -1]


def test_a_broke_user_is_refused_and_nothing_is_written(alice, model):
    predict(model)
    predict(model)

    with pytest.raises(InsufficientTokens, match="This costs 5 tokens and you have 4"):
        predict(model)

    assert Prediction.objects.count() == 2
    assert amounts_of(alice) == [15, -1, -5, -5]


def test_when_the_result_cannot_be_stored_nothing_is_charged(alice, model, monkeypatch):
    monkeypatch.setattr(predictions, "answered", lambda model, features: ({}, None))

    with pytest.raises(IntegrityError, match="prediction_has_its_output"):
        predict(model)

    assert not Prediction.objects.exists()
    assert amounts_of(alice) == [15, -1]


@pytest.mark.sqlite_only
def test_a_warm_prediction_is_three_statements_on_sqlite(alice, model):
    predict(model)
    light, statements = TrainedModel.objects.find_for_scoring(alice, model.name), []

    connection.connection.set_trace_callback(statements.append)
    predictions.predict(owner=alice, model=light, features=HOUSE)
    connection.connection.set_trace_callback(None)

    kinds = [statement.split()[0] for statement in statements if "SAVEPOINT" not in statement]
    assert kinds == ["UPDATE", "INSERT", "INSERT"]


@pytest.mark.sqlite_only  # with few rows PostgreSQL would read them all
def test_a_page_of_many_predictions_and_their_number_come_from_one_index(alice):
    stored = Prediction.objects.owned_by(alice).stored()

    page, number = stored.newest_first()[:25], stored.values("owner").annotate(number=Count("pk"))

    for plan in (page.explain(), number.explain()):
        assert "INDEX prediction_stored_of_owner" in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.postgresql_only
def test_a_warm_prediction_is_one_message_on_postgresql(alice, model):
    predict(model)
    light = TrainedModel.objects.find_for_scoring(alice, model.name)

    with CaptureQueriesContext(connection) as queries:
        predictions.predict(owner=alice, model=light, features=HOUSE)

    messages = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert [message.count("EXECUTE") for message in messages] == [2]


def test_a_warm_prediction_reads_no_file(alice, model):
    predict(model)
    model.file.storage.delete(model.file.name)

    assert predict(model)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_predictions_at_once_with_tokens_for_three_three_succeed(make_user, at_once):
    dora = make_user("dora@example.com", tokens=16)
    model = make_model(dora)

    outcomes = at_once(lambda: predict(model), times=50)

    assert sum(isinstance(outcome, Prediction) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, InsufficientTokens) for outcome in outcomes) == 47
    assert amounts_of(dora) == [16, -1, -5, -5, -5]
    assert Prediction.objects.count() == 3
    assert verify_ledger() == []


def body_of(answer):
    return {"prediction": answer.output["prediction"]}


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twenty_times_at_once_is_charged_once(alice, at_once):
    model = make_model(alice)
    request = IdempotentRequest(endpoint="POST /predict", key="k1", fingerprint="f" * 64)

    outcomes = at_once(lambda: predict(model, idempotency=request, body_of=body_of), times=20)

    first = next(outcome for outcome in outcomes if isinstance(outcome, Prediction))
    repeated = [outcome.earlier for outcome in outcomes if isinstance(outcome, RequestRepeated)]
    assert len(repeated) == 19
    assert {earlier.reference for earlier in repeated} == {first.reference}
    assert all(earlier.answer == body_of(first) for earlier in repeated)
    assert amounts_of(alice) == [15, -1, -5]


def test_a_refused_request_does_not_use_up_its_key(alice, model):
    request = IdempotentRequest(endpoint="POST /predict", key="k1", fingerprint="f" * 64)
    predict(model)
    predict(model)
    with suppress(InsufficientTokens):
        predict(model, idempotency=request, body_of=body_of)
    assert find(user=alice, request=request) is None
    grant(user=alice, amount=5, reason="test", operation="grant:test")

    answer = predict(model, idempotency=request, body_of=body_of)

    assert find(user=alice, request=request).answer == body_of(answer)


@pytest.mark.django_db(transaction=True)
def test_a_model_deleted_while_it_answers_costs_nothing(alice, monkeypatch):
    model = make_model(alice)
    loaded = predictions.load(model)

    def delete_meanwhile(looked_up):
        TrainedModel.objects.filter(pk=looked_up.pk).delete()
        return loaded

    monkeypatch.setattr(predictions, "load", delete_meanwhile)

    with pytest.raises(NotFound, match="just deleted"):
        predict(model)

    assert amounts_of(alice) == [15, -1]


def test_a_model_deleted_between_its_lookup_and_its_loading_costs_nothing(alice):
    model = make_model(alice)
    found = TrainedModel.objects.find_for_scoring(alice, model.name)
    predictions.forget(model)
    TrainedModel.objects.filter(pk=model.pk).delete()

    with pytest.raises(NotFound, match="was deleted"):
        predict(found)

    assert amounts_of(alice) == [15, -1]


@pytest.mark.django_db(transaction=True)
def test_a_deleted_model_takes_its_file_along_and_leaves_its_predictions(alice, files_folder):
    model = make_model(alice)
    answer = predict(model)

    trained_models.delete_model(model=TrainedModel.objects.get(pk=model.pk))

    answer.refresh_from_db()
    assert answer.model is None
    assert answer.output
    assert list((files_folder / "models").iterdir()) == []
    assert verify_ledger() == []


def test_the_label_of_a_model_can_be_changed_and_its_name_cannot(model):
    name = model.name

    trained_models.rename_model(model=model, label="  Häuser 2026 ")

    model.refresh_from_db()
    assert (str(model), model.name) == ("Häuser 2026", name)
    for refused in ("x" * 201, "a\nb"):
        with pytest.raises(InvalidInput):
            trained_models.rename_model(model=model, label=refused)


def test_many_rows_are_each_charged_and_stored(alice, model):
    grant(user=alice, amount=10, reason="test", operation="grant:test")

    answers = predictions.predict_rows(owner=alice, model=model, rows=[HOUSE, {**HOUSE, "size": 50}])

    assert [round(answer.output["prediction"]) for answer in answers] == [130_000, 80_000]
    assert amounts_of(alice) == [15, -1, 10, -5, -5]
    assert verify_ledger() == []


def test_many_rows_are_predicted_as_a_whole_or_not_at_all(alice, model):
    with pytest.raises(InvalidInput, match="Row 2: ") as refused:
        predictions.predict_rows(owner=alice, model=model, rows=[HOUSE, {"size": 1}])
    assert refused.value.fields.keys() == {"rooms", "place"}

    with pytest.raises(InsufficientTokens, match="3 predictions cost 15 tokens and you have 14"):
        predictions.predict_rows(owner=alice, model=model, rows=[HOUSE] * 3)

    assert not Prediction.objects.exists()
    assert amounts_of(alice) == [15, -1]


def test_more_rows_than_allowed_are_refused(alice, model):
    with pytest.raises(TooLarge):
        predictions.predict_rows(owner=alice, model=model, rows=[HOUSE] * 10_001)


def test_a_missing_file_is_a_refusal_and_costs_nothing(alice, model):
    model.file.storage.delete(model.file.name)

    with pytest.raises(ModelUnusable, match="missing"):
        predict(model)

    assert amounts_of(alice) == [15, -1]


def test_a_date_means_the_same_instant_as_text_and_as_timestamp(make_user):
    dora = make_user("dora@example.com", tokens=50)
    lines = [f"2024-{1 + day // 28:02}-{1 + day % 28:02},{day * 3 + day % 2}" for day in range(80)]
    dataset = make_dataset(dora, "\n".join(["day,sales", *lines]).encode())
    model = make_model(dora, dataset=dataset, target="sales")

    answers = [predict(model, {"day": day}) for day in ("2024-02-03", "2024-02-03T00:00:00Z", 1706918400)]

    assert len({answer.output["prediction"] for answer in answers}) == 1


def test_a_compiled_model_answers_in_well_under_a_millisecond(model):
    assert model.is_compiled
    loaded = predictions.load(model)
    started = time.process_time()

    for _ in range(1000):
        loaded.answer(loaded.read(HOUSE))

    assert time.process_time() - started < 1


@pytest.mark.postgresql_only
def test_the_statement_that_sells_reads_no_table_as_a_whole(alice):
    model = make_model(alice)
    conditions = [Condition(*TrainedModel.objects.still_found(alice, model.name, model))]
    bought = [Prediction(owner=alice, model=model, model_name=model.name, output={}, cost_tokens=1)]
    key = IdempotentRequest("POST /predict", "k", "f" * 64)
    purchase = Purchase(alice, bought, "prediction", conditions, key, {})
    buy(purchase)  # prepares the statement

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    plan = plan_of(f"EXECUTE {purchase.statements.name} ('{{}}', '[]', '[]', now())")

    assert "Index Scan using accounts_user_pkey" in plan
    assert "hashed SubPlan" not in plan
    assert "Seq Scan" not in plan
