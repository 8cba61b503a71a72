"""The actual value of a prediction, recorded beside it."""

import io

import pytest

from mlmodels.forms.prediction import ActualForm
from mlmodels.learning import tables
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations.actuals import read_actual
from mlmodels.operations.predictions import predict_rows
from mlmodels.operations.sharing import share_model
from mlmodels.tests.factories import make_dataset

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
ROW = {"size": 70, "rooms": 2, "place": "city"}
SHOPS = "size,opened\n" + "".join(f"{n},2024-{1 + n % 12:02d}-{1 + n % 28:02d}\n" for n in range(60))


@pytest.fixture(autouse=True)
def free_predictions(settings):
    settings.PREDICTION_TOKEN_COST = 0


@pytest.fixture
def prediction(alice, make_model):
    [stored] = predict_rows(owner=alice, model=make_model(alice, model_name="houses"), rows=[ROW])
    return stored


@pytest.fixture
def class_prediction(alice, make_model):
    model = make_model(alice, algorithm="decision_tree", target="place", task="classification")
    [stored] = predict_rows(owner=alice, model=model, rows=[{"size": 70, "rooms": 2, "price": 90000}])
    return stored


def page_of(prediction) -> str:
    return f"/models/{prediction.model.name}/?prediction={prediction.uuid}"


def record(browser, prediction, value, **options):
    return browser.post(f"/predictions/{prediction.uuid}/actual/", {"value": value}, **options)


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_an_actual_number_is_recorded_and_corrected_without_scripts(alice, pages_of, prediction):
    browser, predicted = pages_of(alice), prediction.output["prediction"]

    first = record(browser, prediction, f"{predicted + 3000:.0f}", follow=True)
    corrected = record(browser, prediction, "90000", follow=True)

    assert first.redirect_chain == [(f"{page_of(prediction)}#actual", 302)]
    assert "The actual value was recorded." in text(first)
    assert "the prediction was 3000 too low" in text(first)
    assert 'name="value" value="90000"' in text(corrected) and ">Correct</button>" in text(corrected)
    prediction.refresh_from_db()
    assert prediction.actual == 90000
    assert "actual 90,000" in text(browser.get("/predictions/"))
    alice.refresh_from_db()
    assert alice.token_balance == 15


def test_the_field_shows_how_the_column_writes_numbers(alice, pages_of, make_model):
    """A page in English writes 350,000, and a column with decimal commas reads that as 350."""
    rows = "".join(f"{n};{300_000 + n * 13 % 50},5\n" for n in range(61))
    model = make_model(alice, make_dataset(alice, f"size;price\n{rows}".encode()))
    [stored] = predict_rows(owner=alice, model=model, rows=[{"size": 70}])

    page = text(pages_of(alice).get(page_of(stored)))

    typical = f"{model.target['profile']['typical']:.1f}".replace(".", ",")
    assert typical.endswith(",5") and f"Such as {typical}<" in page


def test_with_scripts_only_the_form_comes_back(alice, pages_of, prediction):
    answer = record(pages_of(alice), prediction, "90000", headers=HTMX)

    assert answer.status_code == 200 and text(answer).startswith('<div id="actual">')
    assert '<div hx-swap-oob="innerHTML:#live">The actual value was recorded.</div>' in text(answer)


@pytest.mark.parametrize(
    ("value", "words"), [("many", "many"), ("", "Enter the actual value."), (" ", "Enter the actual value.")]
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_what_is_no_number_is_refused_at_the_field_and_nothing_recorded(
    alice, pages_of, prediction, value, words, headers
):
    refused = record(pages_of(alice), prediction, value, headers=headers)

    assert refused.status_code == 422
    assert words in text(refused) and 'aria-invalid="true"' in text(refused)
    assert not Prediction.objects.with_actual().exists()


def test_a_class_is_chosen_among_those_that_the_model_knows(alice, pages_of, class_prediction):
    browser = pages_of(alice)

    offered = text(browser.get(page_of(class_prediction)))
    refused = record(browser, class_prediction, "moon")
    taken = record(browser, class_prediction, "coast", follow=True)

    assert '<option value="coast">coast</option>' in offered
    assert refused.status_code == 422 and "moon is not one of the available choices" in text(refused)
    assert '<option value="coast" selected>coast</option>' in text(taken)
    class_prediction.refresh_from_db()
    assert class_prediction.actual == "coast"


def test_the_date_of_an_earlier_model_is_picked_as_a_day():
    """Dates are no longer predicted, but models that do so may still be there."""
    columns = tables.inspect(io.BytesIO(SHOPS.encode())).columns
    model = TrainedModel(task="regression", target=columns[1].to_dict())

    form = ActualForm(prediction=Prediction(model=model, actual=1709251200))

    assert '<input type="date" name="value" value="2024-03-01"' in str(form["value"])
    assert read_actual(model, "2024-03-01") == 1709251200


def test_nobody_else_records_one_and_a_deleted_model_takes_none(alice, bob, pages_of, prediction):
    foreign = record(pages_of(bob), prediction, "1")
    Prediction.objects.update(model=None)
    without_model = record(pages_of(alice), prediction, "1")

    assert (foreign.status_code, without_model.status_code) == (404, 404)
    assert not Prediction.objects.with_actual().exists()


def test_who_a_model_is_shared_with_records_the_values_of_their_own_predictions(
    alice, bob, pages_of, prediction
):
    share_model(model=prediction.model, email=bob.email, site_url="http://testserver/")
    [bobs] = predict_rows(owner=bob, model=prediction.model, rows=[ROW])

    answer = record(pages_of(bob), bobs, "90000", follow=True)

    assert "Recorded" in text(answer) and "/monitoring/" not in text(answer)
    assert Prediction.objects.with_actual().get() == bobs
