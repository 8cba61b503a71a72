"""/models/: look, predict, rename, compare, delete."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mlmodels.models import Prediction, TrainedModel, remove_owner
from mlmodels.operations.sharing import share_model
from mlmodels.snippets import snippets_for
from mlmodels.templatetags.metrics import grade, verdict
from mlmodels.tests.factories import houses_csv, make_dataset, make_model_row, make_version, start_run
from mlmodels.tests.quick import train_now

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def model(alice):
    return train_now(start_run(alice)).trained_model


@pytest.fixture
def classifier(alice):
    run = start_run(alice, algorithm="decision_tree", target="place", task="classification")
    return train_now(run).trained_model


def row(**changes):
    return {"column-0": "70", "column-1": "2", "column-2": "city", "idempotency_key": "row-1", **changes}


def test_the_page_says_how_wrong_the_model_is_beside_the_baseline(alice, pages_of, model):
    page = pages_of(alice).get(f"/models/{model.name}/").content.decode()

    assert f'<b class="">{model.report["verdict"]["sentence"].partition(":")[0]}:</b>' in page
    assert ">Guessing</th>" in page
    assert f"Checked on {model.report['hold_out_rows']} rows it never saw." in page


def test_one_row_that_was_tested_on_is_one_row(alice, pages_of):
    dataset = make_dataset(alice, b"a,price\n1,3\n4,6\n7,9\n")
    model = train_now(start_run(alice, dataset)).trained_model

    page = pages_of(alice).get(f"/models/{model.name}/").content.decode()

    assert "Checked on 1 row it never saw." in page


def test_the_page_points_out_a_column_that_one_cell_turned_into_words(alice, pages_of):
    dataset = make_dataset(alice, houses_csv() + b"\n70,many,city,90000")
    model = train_now(start_run(alice, dataset)).trained_model

    page = pages_of(alice).get(f"/models/{model.name}/quality/").content.decode()

    assert "The column &quot;rooms&quot; is read as words." in page
    assert "because of &quot;many&quot; in row 62." in page


def test_the_form_is_filled_with_a_typical_row(alice, pages_of, model):
    page = pages_of(alice).get(f"/models/{model.name}/").content.decode()

    typical = {feature["name"]: feature["typical"] for feature in model.report["features"]}
    assert f'value="{typical["size"]:g}"' in page
    assert f'<option value="{typical["place"]}" selected>' in page


def test_a_range_is_written_as_its_field_reads_it(alice, pages_of):
    """Written as 10,001 it would be entered as such, and read as ten."""
    rows = "".join(f"{10_001 + number * 7 % 60};{30 + number},5;{number * 13 % 50}\n" for number in range(60))
    dataset = make_dataset(alice, f"lot;area;price\n{rows}".encode())
    model = train_now(start_run(alice, dataset)).trained_model
    lot, area = (
        [f"{feature[end]:g}".replace(".", ",") for end in ("minimum", "maximum")]
        for feature in model.report["features"]
    )
    client = pages_of(alice)

    page = client.get(f"/models/{model.name}/").content.decode()
    changed = {"column-0": "10,1", "column-1": "100,5", "idempotency_key": "row-1"}
    answer = client.post(f"/models/{model.name}/predict/", changed, headers=HTMX).content.decode()

    assert f">{lot[0]} to {lot[1]}<" in page and f">{area[0]} to {area[1]}<" in page
    assert f">10,1 is below {lot[0]}, the smallest value in training.<" in answer
    assert f">100,5 is above {area[1]}, the largest value in training.<" in answer


def test_how_many_rows_were_blank_is_said_beside_the_range(alice, pages_of):
    model = train_now(start_run(alice, make_dataset(alice, houses_csv() + b"\n,2,city,90000"))).trained_model
    (blank,) = [feature["missing"] for feature in model.report["features"] if feature["name"] == "size"]

    page = pages_of(alice).get(f"/models/{model.name}/").content.decode()

    assert blank == 1
    assert ", blank in 1 row<" in page


def test_every_chart_of_a_regression_has_words(alice, pages_of, model):
    page = pages_of(alice).get(f"/models/{model.name}/quality/").content.decode()

    for name in ("scatter", "residuals"):
        assert f'id="{name}-title"' in page
        assert f'id="{name}-message"' in page


def test_a_classifier_shows_its_confusion_and_its_probabilities(alice, pages_of, classifier):
    client = pages_of(alice)
    page = client.get(f"/models/{classifier.name}/quality/").content.decode()
    answer = client.post(
        f"/models/{classifier.name}/predict/",
        {"column-0": "70", "column-1": "2", "column-2": "90000", "idempotency_key": "k"},
        headers=HTMX,
    )

    assert 'class="confusion"' in page
    assert ">Guessing</th>" in page
    assert "Probability" in answer.content.decode()


def test_of_many_classes_the_least_likely_do_not_push_the_warnings_away(alice, pages_of):
    rows = "".join(f"{n % 24},{n % 7},shelf {n % 24}\n" for n in range(240))
    dataset = make_dataset(alice, f"size,weight,shelf\n{rows}".encode())
    order = {"algorithm": "naive_bayes", "target": "shelf", "features": ["size", "weight"]}
    model = train_now(start_run(alice, dataset, **order)).trained_model

    entered = {"column-0": "99", "column-1": "3", "idempotency_key": "k"}
    answer = pages_of(alice).post(f"/models/{model.name}/predict/", entered, headers=HTMX).content.decode()
    shown, _, others = answer.partition("<details>\n    <summary>14 less likely</summary>")

    assert shown.count('<th scope="row">shelf ') == 10
    assert others.partition("</details>")[0].count('<th scope="row">shelf ') == 14
    assert "Less certain than usual." in others.partition("</details>")[2]


def test_a_report_draws_the_curves_of_all_classes_where_they_are_printed(alice, pages_of, classifier):
    page = pages_of(alice).get(f"/models/{classifier.name}/report/").content.decode()

    for number in range(3):
        assert f'id="roc-{number}-title"' in page and f'id="precision-{number}-title"' in page
    assert page.count('<div class="multiples">') == 2
    assert 'name="roc"' not in page


def test_predict_charges_stores_and_answers_in_place(alice, pages_of, model):
    answer = pages_of(alice).post(f"/models/{model.name}/predict/", row(), headers=HTMX).content.decode()

    stored = Prediction.objects.get()
    alice.refresh_from_db()
    assert alice.token_balance == 15 - 1 - 5
    assert stored.inputs == {"size": 70.0, "rooms": 2.0, "place": "city"}
    assert f"{stored.output['prediction']:,.0f}" in answer
    assert 'id="balance"' in answer
    assert "9 tokens" in answer
    assert "<html" not in answer


def test_reloading_keeps_the_answer_that_was_paid_for(alice, pages_of, model):
    client, address = pages_of(alice), f"/models/{model.name}/"
    answer = client.post(f"{address}predict/", row(**{"column-0": "91"}), headers=HTMX)

    reloaded = client.get(answer["HX-Replace-Url"]).content.decode()
    opened = client.get(address).content.decode()
    typical = client.get(f"{address}?typical").content.decode()

    alice.refresh_from_db()
    assert alice.token_balance == 9
    for page in (reloaded, opened):
        assert 'value="91"' in page
        assert "Paid with 5 tokens" in page
    assert 'value="91"' not in typical
    assert "Your answer appears here." in typical


def test_before_the_first_answer_the_target_is_shown_with_what_is_typical(alice, pages_of, model):
    page = pages_of(alice).get(f"/models/{model.name}/").content.decode()

    assert "Distribution of price" in page
    assert "typical row" in page


@pytest.mark.parametrize("tab", ["", "quality/", "drivers/", "code/", "details/"])
def test_each_tab_says_the_verdict_and_has_the_other_tabs(alice, pages_of, model, tab):
    page = pages_of(alice).get(f"/models/{model.name}/{tab}").content.decode()

    assert ">Guessing</th>" in page
    assert page.count('aria-current="page"') == 3  # the section, the model, the tab
    assert f'href="/models/{model.name}/details/"' in page


def test_predict_without_scripts_comes_back_to_the_page_with_the_answer(alice, pages_of, model):
    answer = pages_of(alice).post(f"/models/{model.name}/predict/", row(), follow=True)

    stored = Prediction.objects.get()
    assert answer.redirect_chain[0][0] == f"/models/{model.name}/?prediction={stored.uuid}#result"
    assert f"{stored.output['prediction']:,.0f}" in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_double_click_on_predict_pays_once(alice, pages_of, model, headers):
    client = pages_of(alice)

    client.post(f"/models/{model.name}/predict/", row(), headers=headers)
    client.post(f"/models/{model.name}/predict/", row(), headers=headers)

    alice.refresh_from_db()
    assert alice.token_balance == 9
    assert Prediction.objects.count() == 1


def test_the_form_gets_a_new_key_with_the_answer(alice, pages_of, model):
    answer = pages_of(alice).post(f"/models/{model.name}/predict/", row(), headers=HTMX).content.decode()

    assert 'name="idempotency_key"' in answer
    assert "row-1" not in answer


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"column-0": "large"}, "is not a number"),
        ({"column-0": ""}, "Enter a value"),
        ({"column-2": "moon"}, "not one of the available choices"),
        ({"column-0": "large", "column-1": "many"}, "2 fields need attention"),
        ({"column-0": "9" * 5000}, "is not a number"),
    ],
)
def test_an_unusable_row_is_refused_at_its_fields_and_costs_nothing(alice, pages_of, model, wrong, words):
    answer = pages_of(alice).post(f"/models/{model.name}/predict/", row(**wrong), headers=HTMX)

    alice.refresh_from_db()
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "Nothing was charged." in answer.content.decode()
    assert alice.token_balance == 14
    assert not Prediction.objects.exists()


def test_without_tokens_the_price_is_said(alice, pages_of, model):
    client = pages_of(alice)
    for number in range(2):
        client.post(f"/models/{model.name}/predict/", row(idempotency_key=f"row-{number}"), headers=HTMX)

    answer = client.post(f"/models/{model.name}/predict/", row(idempotency_key="row-3"), headers=HTMX)

    assert answer.status_code == 422
    assert "This costs 5 tokens and you have 4." in answer.content.decode()
    assert Prediction.objects.count() == 2


def test_a_value_outside_of_training_is_said(alice, pages_of, model):
    answer = pages_of(alice).post(f"/models/{model.name}/predict/", row(**{"column-0": "5000"}), headers=HTMX)

    page = answer.content.decode()
    assert "<code>size</code> 5000 is above 136, the largest value in training." in page
    assert 'class="odd"' in page


def test_a_model_whose_file_is_gone_says_so_and_charges_nothing(alice, pages_of, model):
    model.file.storage.delete(model.file.name)

    answer = pages_of(alice).post(f"/models/{model.name}/predict/", row(), headers=HTMX)

    alice.refresh_from_db()
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert alice.token_balance == 14


def test_rename_changes_what_people_read_and_not_the_address(alice, pages_of, model):
    client = pages_of(alice)

    partial = client.post(f"/models/{model.name}/rename/", {"label": "House prices"}, headers=HTMX)
    page = client.get(f"/models/{model.name}/").content.decode()

    assert "House prices" in partial.content.decode()
    assert "<title>House prices · mlplatform</title>" in page


def test_a_model_is_renamed_in_its_row_of_the_list(alice, pages_of, model):
    client, address = pages_of(alice), f"/models/{model.name}/rename/?row"

    form = client.get(address, headers=HTMX).content.decode()
    row = client.post(address, {"label": "House <prices>"}, headers=HTMX).content.decode()

    assert f'hx-target="#name-{model.name}"' in form
    assert f'id="name-{model.name}"' in row
    assert "House &lt;prices&gt;</a>" in row
    assert "<h1" not in row


@pytest.mark.parametrize("label", ["", " " * 5, "x" * 201])
def test_a_name_that_is_none_is_refused(alice, pages_of, model, label):
    answer = pages_of(alice).post(f"/models/{model.name}/rename/", {"label": label})

    model.refresh_from_db()
    assert 'class="errorlist"' in answer.content.decode()
    assert model.label == ""


def test_deleting_asks_in_a_dialog_or_on_a_page(alice, pages_of, model):
    client = pages_of(alice)

    assert "<dialog" in client.get(f"/models/{model.name}/delete/", headers=HTMX).content.decode()
    assert "<html" in client.get(f"/models/{model.name}/delete/").content.decode()
    assert client.post(f"/models/{model.name}/delete/").url == "/models/"
    assert not TrainedModel.objects.exists()


def test_two_models_are_put_side_by_side_and_the_better_figures_marked(alice, pages_of):
    dataset = make_dataset(alice)
    names = [
        train_now(start_run(alice, dataset, algorithm=algorithm)).trained_model.name
        for algorithm in ("linear", "decision_tree")
    ]

    page = pages_of(alice).get("/models/compare/", {"model": names}).content.decode()

    assert page.count(f'href="/models/{names[0]}/"') == 1
    assert f"{remove_owner(names[0], alice.pk)} is better: off by" in page
    assert "(R²)" in page


def test_models_of_two_versions_of_a_dataset_are_told_apart(alice, pages_of, model):
    newer = train_now(start_run(alice, make_version(model.dataset))).trained_model

    page = pages_of(alice).get("/models/compare/", {"model": [model.name, newer.name]}).content.decode()

    assert "tested on different datasets" in page
    assert ">houses<" in page and ">houses, version 2<" in page


def test_of_more_than_four_models_the_first_four_are_compared_and_it_is_said(alice, pages_of):
    dataset = make_dataset(alice)
    names = [train_now(start_run(alice, dataset, algorithm="linear")).trained_model.name for _ in range(5)]

    page = pages_of(alice).get("/models/compare/", {"model": names}).content.decode()

    assert "The first four are shown." in page
    assert page.count('<th scope="col" class="number"><a') == 4


def test_models_of_different_targets_are_not_compared(alice, pages_of, model, classifier):
    page = pages_of(alice).get("/models/compare/", {"model": [model.name, classifier.name]}).content.decode()

    assert "cannot be compared" in page
    assert "is better" not in page


def test_the_history_shows_and_repeats_what_was_asked(alice, pages_of, model):
    client = pages_of(alice)
    client.post(f"/models/{model.name}/predict/", row(**{"column-0": "88"}))

    history = client.get("/predictions/").content.decode()
    again = client.get(f"/models/{model.name}/?prediction={Prediction.objects.get().uuid}").content.decode()

    assert "size 88, rooms 2, place city" in history
    assert 'value="88"' in again


def test_erasing_a_prediction_keeps_its_payment(alice, pages_of, model):
    client = pages_of(alice)
    client.post(f"/models/{model.name}/predict/", row())
    stored = Prediction.objects.get()

    client.post(f"/predictions/{stored.uuid}/delete/")

    stored.refresh_from_db()
    assert stored.inputs is None
    assert stored.output is None
    assert alice.ledger_entries.filter(reference=stored.reference).exists()
    assert client.get(f"/predictions/{stored.uuid}/").status_code == 404


@pytest.mark.parametrize("word", ["x", "00000000-0000-0000-0000-000000000000", ""])
def test_a_prediction_that_is_none_is_a_404(alice, pages_of, model, word):
    assert pages_of(alice).get(f"/models/{model.name}/?prediction={word}").status_code == 404


@pytest.mark.parametrize("page", ["", "quality/", "drivers/", "code/", "details/", "rename/", "delete/"])
def test_anothers_model_is_a_404(bob, pages_of, model, page):
    assert pages_of(bob).get(f"/models/{model.name}/{page}").status_code == 404


def test_anothers_model_cannot_be_used(bob, pages_of, model):
    assert pages_of(bob).post(f"/models/{model.name}/predict/", row()).status_code == 404
    assert not Prediction.objects.exists()


def test_the_list_can_be_narrowed_by_name_algorithm_and_data_set(alice, pages_of, model, classifier):
    client = pages_of(alice)

    by_algorithm = client.get("/models/?algorithm=linear", headers=HTMX).content.decode()
    by_dataset = client.get(f"/models/?dataset={classifier.dataset.uuid}").content.decode()
    by_nonsense = client.get("/models/?dataset=nonsense&search=x").content.decode()

    assert f"/models/{model.name}/" in by_algorithm
    assert f"/models/{classifier.name}/" not in by_algorithm
    assert f"/models/{classifier.name}/" in by_dataset
    assert f"/models/{model.name}/" not in by_dataset
    assert "No models match." in by_nonsense


CONDEMNED = {
    "task": "classification",
    "metrics": {"accuracy": 0.993},
    "report": {
        "training_rows": 800, "hold_out_rows": 200, "fit_seconds": 1.0,
        "verdict": {"grade": "none", "sentence": "No better than guessing: the 4 rows hold none."},
    },
}  # fmt: skip


def test_no_list_praises_what_the_verdict_condemns(alice, bob, pages_of, model):
    fraud = make_model_row(alice, "fraud", dataset=model.dataset, **CONDEMNED)
    share_model(model=fraud, email=bob.email, site_url="http://testserver/")
    browser = pages_of(alice)
    pages = [browser.get(url) for url in ("/", "/models/", f"/datasets/{model.dataset.uuid}/")]

    for page in [*pages, pages_of(bob).get("/models/")]:
        words = " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())
        assert "No better than guessing Accuracy 99.3%" in words
    compared = browser.get(f"/models/compare/?model={fraud.name}&model={model.name}").content.decode()
    assert '<th scope="row">Verdict</th>' in compared and ">No better than guessing</td>" in compared


def test_a_model_without_a_verdict_is_listed_without_one(alice, pages_of):
    make_model_row(alice, "old", **{**CONDEMNED, "report": {}})

    page = pages_of(alice).get("/models/").content.decode()

    assert "Accuracy 99.3%" in page and "<td></td>" in page


@pytest.mark.parametrize(("by_chance", "shown"), [(20.02, "21"), (20, "20"), (0.05, "fewer than 1")])
def test_the_bar_of_guessing_has_the_number_of_the_sentence(alice, by_chance, shown):
    figures = {"is_share": False, "measure": "Listed", "model_figure": 0, "baseline_figure": by_chance}
    said = {**CONDEMNED["report"]["verdict"], **figures}
    model = make_model_row(alice, "fraud", **{**CONDEMNED, "report": {"verdict": said}})

    proof = verdict(model)["proof"]

    assert [bar["value"] for bar in proof] == ["0", shown]


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Weak, little better than guessing: right in 6 of 9 rows.", "Weak"),
        ("Useful for a shortlist: the 8 rows ranked highest hold 3.", "Useful for a shortlist"),
    ],
)
def test_a_list_says_the_first_words_of_a_verdict(sentence, words):
    assert grade({"grade": "weak", "sentence": sentence}) == {
        "kind": "bad", "word": words, "icon_name": "alert-circle",
    }  # fmt: skip


def test_the_list_takes_the_same_queries_for_many_models(
    alice, pages_of, model, django_assert_max_num_queries
):
    fields = {"owner": alice, "target": model.target, "task": model.task, "algorithm": "linear"}
    TrainedModel.objects.bulk_create(
        TrainedModel(**fields, name=f"m{n}", features=[], metrics=model.metrics, file=f"{n}", size_bytes=0)
        for n in range(40)
    )

    client = pages_of(alice)
    with django_assert_max_num_queries(6):
        client.get("/models/")


def test_the_snippets_hold_the_real_address_and_columns(alice, pages_of, model):
    page = pages_of(alice).get(f"/models/{model.name}/code/").content.decode()

    assert f"http://testserver/api/predict/{model.name}" in page
    assert "&quot;size&quot;:" in page


def test_without_tokens_the_form_says_so_before_the_click(charlie, pages_of, make_model):
    page = pages_of(charlie).get(f"/models/{make_model(charlie).name}/").content.decode()

    assert "You need 5 tokens and have 0." in page
    assert '<button type="submit" disabled>' in page
    assert '<a href="/tokens/#request">Request tokens</a>.' in page


def test_the_answer_that_took_the_last_tokens_says_what_the_next_needs(alice, pages_of, make_model):
    model = make_model(alice)
    for number in range(2):
        pages_of(alice).post(f"/models/{model.name}/predict/", row(idempotency_key=f"row-{number}"))

    answer = pages_of(alice).post(f"/models/{model.name}/predict/", row(idempotency_key="last"), headers=HTMX)

    alice.refresh_from_db()
    assert (answer.status_code, alice.token_balance) == (200, 0)
    assert "You need 5 tokens and have 0." in answer.content.decode()


def test_without_tokens_the_price_of_a_file_says_so_before_the_click(charlie, pages_of, make_model):
    model = make_model(charlie)
    file = SimpleUploadedFile("new.csv", houses_csv())

    page = (
        pages_of(charlie).post(f"/models/{model.name}/files/", {"file": file}, follow=True).content.decode()
    )

    assert "You need 5 tokens and have 0." in page
    assert '<button class="go" disabled>' in page
    assert "/tokens/#request" in page


def test_a_typical_date_is_written_as_people_write_it(alice, api_as, make_model):
    table = "day,price\n" + "\n".join(f"2026-07-{1 + n % 28:02},{n % 28}" for n in range(60))
    model = make_model(alice, make_dataset(alice, table.encode()))

    [example] = api_as(alice).get(f"/api/v1/models/{model.name}/schema").json()["examples"]
    answer = api_as(alice).post(f"/api/v1/models/{model.name}/predict", {"features": example})

    assert example == {"day": "2026-07-10"}
    assert snippets_for(model, "https://example.com")["curl"].count("2026-07-10") == 1
    assert answer.status_code == 200
