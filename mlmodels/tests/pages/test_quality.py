"""/models/<name>/quality/ and /drivers/: what is shown of a report, also of one that holds less."""

import random

import pytest

from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations import predictions
from mlmodels.tests.factories import houses_csv, make_dataset, start_run
from mlmodels.tests.quick import train_now
from mlplatform.core.text import plural

pytestmark = pytest.mark.django_db

TABS = ["", "quality/", "drivers/", "details/"]
ALWAYS = {
    "sample",
    "largest_misses",
    "residuals",
    "confusion_matrix",
    "classes",
    "roc",
    "importance",
    "features",
}
ALWAYS |= {"training_rows", "hold_out_rows", "seed", "fit_seconds"}


def leavers_csv(rows=300) -> bytes:
    """The shorter somebody is a customer, the likelier they leave."""
    draw = random.Random(7)
    lines = ["months,fee,left"]
    for _ in range(rows):
        months = draw.randint(1, 60)
        lines.append(f"{months},{draw.randint(5, 50)},{'yes' if draw.random() < 0.9 - months / 50 else 'no'}")
    return "\n".join(lines).encode()


@pytest.fixture
def model(alice):
    return train_now(start_run(alice)).trained_model


@pytest.fixture
def classifier(alice):
    dataset = make_dataset(alice, leavers_csv(), name="customers")
    return train_now(start_run(alice, dataset, algorithm="logistic", target="left")).trained_model


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("kind", ["model", "classifier"])
def test_a_model_from_before_there_were_verdicts_shows_less(alice, pages_of, request, kind, tab):
    model = request.getfixturevalue(kind)
    model.report = {name: part for name, part in model.report.items() if name in ALWAYS}
    model.save()

    answer = pages_of(alice).get(f"/models/{model.name}/{tab}")

    assert answer.status_code == 200
    assert ">Guessing</th>" in answer.content.decode()


def test_of_two_classes_it_is_said_how_many_were_found_and_how_many_in_vain(alice, pages_of, classifier):
    page = pages_of(alice).get(f"/models/{classifier.name}/quality/").content.decode()

    label = classifier.report["thresholds"]["label"]
    row = next(r for r in classifier.report["thresholds"]["rows"] if r["threshold"] == 0.5)
    found, in_vain = row["true_positives"], row["false_positives"]
    assert (
        f"Found {found} of {found + row['false_negatives']} “{label}”, with {plural(in_vain, 'false alarm')}"
        in page
    )


def test_another_threshold_is_looked_at_without_saving_it(alice, pages_of, classifier):
    page = pages_of(alice).get(f"/models/{classifier.name}/quality/?threshold=20").content.decode()

    row = next(r for r in classifier.report["thresholds"]["rows"] if r["threshold"] == 0.2)
    assert f"Found {row['true_positives']} of" in page
    assert "Save 20%" in page
    assert TrainedModel.objects.get().threshold is None


@pytest.mark.parametrize(("missed_cost", "wrong_cost", "answering"), [(1, 100, "never"), (100, 1, "always")])
def test_the_cost_without_the_model_is_that_of_the_cheaper_answer_to_all_rows(
    alice, pages_of, classifier, missed_cost, wrong_cost, answering
):
    thresholds = classifier.report["thresholds"]
    row, label = thresholds["rows"][0], thresholds["label"]
    yes = row["true_positives"] + row["false_negatives"]
    cost = yes if answering == "never" else row["true_negatives"] + row["false_positives"]

    costs = f"?missed_cost={missed_cost}&wrong_cost={wrong_cost}"
    page = " ".join(
        pages_of(alice).get(f"/models/{classifier.name}/quality/{costs}").content.decode().split()
    )

    assert f"Dashed: {cost} without the model, {answering} answering “{label}”." in page


def test_figures_say_that_they_are_of_another_threshold(alice, pages_of, classifier):
    client, address = pages_of(alice), f"/models/{classifier.name}/"
    before = client.get(address).content.decode()

    client.post(f"{address}threshold/", {"threshold": 80, "missed_cost": 1, "wrong_cost": 1})

    said = "rows it never saw. The threshold was 50%, and is 80% now."
    assert said not in before and said in client.get(address).content.decode()


def test_a_threshold_is_saved_and_shown_from_then_on(alice, pages_of, classifier):
    client, address = pages_of(alice), f"/models/{classifier.name}/quality/"

    answer = client.post(
        f"/models/{classifier.name}/threshold/", {"threshold": 30, "missed_cost": 5, "wrong_cost": 1}
    )

    assert answer.url == f"{address}?missed_cost=5.0&wrong_cost=1.0"
    assert TrainedModel.objects.get().threshold == 0.3
    assert "Save 30%" in client.get(address).content.decode()


def test_costs_choose_the_threshold(alice, pages_of, classifier):
    costs = {"missed_cost": 100, "wrong_cost": 1}

    pages_of(alice).post(f"/models/{classifier.name}/threshold/", {"threshold": 50, "cheapest": "1", **costs})

    chosen = TrainedModel.objects.get().threshold
    cost = {
        row["threshold"]: 100 * row["false_negatives"] + row["false_positives"]
        for row in classifier.report["thresholds"]["rows"]
    }
    assert cost[chosen] == min(cost.values())


def test_a_new_prediction_goes_by_the_threshold_that_was_saved(alice, pages_of, classifier):
    client, address = pages_of(alice), f"/models/{classifier.name}/"
    label = classifier.report["thresholds"]["label"]
    row = {"column-0": "20", "column-1": "20"}

    said = []
    for number, percent in enumerate((1, 99)):
        entered = {"threshold": percent, "missed_cost": 1, "wrong_cost": 1}
        client.post(f"{address}threshold/", entered)
        client.post(f"{address}predict/", {**row, "idempotency_key": str(number)})
        said.append(Prediction.objects.newest_first().first().output["prediction"])

    alice.refresh_from_db()
    assert said[0] == label
    assert said[1] != label
    assert alice.token_balance == 15 - 1 - 5 - 5
    assert [entry.amount for entry in alice.ledger_entries.latest_first()] == [-5, -5, -1, 15]


@pytest.mark.parametrize(
    "wrong", [{"threshold": "0"}, {"threshold": "x"}, {"missed_cost": "-1"}, {"wrong_cost": ""}]
)
def test_a_threshold_that_is_none_is_refused_and_changes_nothing(alice, pages_of, classifier, wrong):
    entered = {"threshold": "30", "missed_cost": "1", "wrong_cost": "1", **wrong}

    answer = pages_of(alice).post(f"/models/{classifier.name}/threshold/", entered)

    assert answer.status_code == 422
    assert 'class="errorlist"' in answer.content.decode()
    assert TrainedModel.objects.get().threshold is None


def test_anothers_threshold_cannot_be_set(bob, pages_of, classifier):
    entered = {"threshold": "30", "missed_cost": "1", "wrong_cost": "1"}

    assert pages_of(bob).post(f"/models/{classifier.name}/threshold/", entered).status_code == 404


def test_an_answer_comes_with_its_reasons_which_add_up(alice, pages_of, model):
    entered = {"column-0": "130", "column-1": "2", "column-2": "city", "idempotency_key": "k"}

    page = pages_of(alice).post(f"/models/{model.name}/predict/", entered, follow=True).content.decode()

    assert "above a typical row" in page
    assert "in 9 of 10 such cases" in page
    assert '<tr class="sum"> <th scope="row">Prediction</th>' in " ".join(page.split())


def test_a_model_whose_file_is_gone_still_shows_its_last_answer(alice, pages_of, model):
    client = pages_of(alice)
    entered = {"column-0": "130", "column-1": "2", "column-2": "city", "idempotency_key": "k"}
    client.post(f"/models/{model.name}/predict/", entered)
    model.file.storage.delete(model.file.name)
    predictions.forget(model)
    page = client.get(f"/models/{model.name}/")

    assert page.status_code == 200
    assert "Paid with 5 tokens" in page.content.decode()


def test_what_drives_a_model_is_sorted_with_its_spread(alice, pages_of, model):
    page = pages_of(alice).get(f"/models/{model.name}/drivers/").content.decode()

    assert "size matters most" in page
    assert page.index('<th scope="row">size</th>') < page.index('<th scope="row">rooms</th>')
    assert 'class="whisker' in page


def test_how_the_answer_moves_is_said_of_a_class_by_its_whole_name(alice, pages_of):
    """Beside the axis there is no room for it, and beside a table there is no axis."""
    names = [f"Product number {number} with a long name" for number in range(3)]
    rows = "".join(f"{n % 3 * 9 + n % 4},{'abc'[n % 3]},{names[n % 3]}\n" for n in range(90))
    dataset = make_dataset(alice, f"size,shelf,product\n{rows}".encode())
    order = {"target": "product", "features": ["size", "shelf"]}
    model = train_now(start_run(alice, dataset, algorithm="naive_bayes", **order)).trained_model
    (label,) = {drawn["label"] for drawn in model.report["partial_dependence"]}

    page = pages_of(alice).get(f"/models/{model.name}/drivers/").content.decode()

    assert f'<p class="message">Probability of “{label}” is lowest at ' in page


def test_how_more_rows_help_is_shown_where_it_was_asked_for(alice, pages_of):
    dataset, client = make_dataset(alice, houses_csv(200)), pages_of(alice)
    order = {"algorithm": "linear", "train_percentage": "0.8", "learning_curve": "on", "idempotency_key": "k"}
    client.post(f"/datasets/{dataset.uuid}/train/", order)
    model = train_now(alice.training_runs.get()).trained_model

    page = client.get(f"/models/{model.name}/quality/").content.decode()

    assert "by number of training rows" in page
    assert 'id="learning-title"' in page


def test_models_that_no_row_tells_apart_are_said_to_be_equal(alice, pages_of, model):
    other = train_now(start_run(alice, model.dataset)).trained_model

    page = pages_of(alice).get("/models/compare/", {"model": [model.name, other.name]}).content.decode()

    assert "No difference that these 12 rows could show." in page
