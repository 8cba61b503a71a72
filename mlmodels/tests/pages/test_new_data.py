"""A newer version, training again, promotion, drift and actual values on the pages."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mlmodels.models import Dataset, Prediction, TrainedModel, TrainingRun
from mlmodels.operations.datasets import delete_dataset
from mlmodels.operations.predictions import predict_rows
from mlmodels.operations.training import retrain
from mlmodels.tests.factories import houses_csv, make_dataset, make_version, start_run
from mlmodels.tests.quick import train_now

pytestmark = pytest.mark.django_db

ROW = {"size": 70, "rooms": 2, "place": "city"}
COMPARED = {
    "earlier": "houses",
    "rows": 30,
    "sentence": "On the 30 new rows, the new model misses by 12% less.",
    "note": "Neither.",
}


@pytest.fixture
def dataset(alice):
    return make_dataset(alice)


@pytest.fixture
def model(alice, dataset, make_model):
    return make_model(alice, dataset, model_name="houses")


@pytest.fixture
def again(model, dataset, settings):
    """The model trained again on a newer version, as a worker would leave it."""
    make_version(dataset)
    new = train_now(retrain(model=model)).trained_model
    new.report["comparison"] = COMPARED
    new.save(update_fields=["report"])
    return new


def csv(content: bytes):
    return SimpleUploadedFile("newer.csv", content, content_type="text/csv")


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_a_newer_file_uploaded_on_the_page_becomes_a_version_that_says_what_changed(alice, pages_of, dataset):
    browser = pages_of(alice)

    answer = browser.post(f"/datasets/{dataset.uuid}/versions/", {"file": csv(houses_csv(90))}, follow=True)

    version = Dataset.objects.get(version=2)
    assert answer.redirect_chain == [(f"/datasets/{version.uuid}/", 302)]
    page = text(answer)
    assert "What changed since version 1" in page and "&quot;price&quot; now goes from 46,000" in page
    assert f'href="/datasets/{dataset.uuid}/">Version 1</a>' in page
    assert f"/datasets/{version.uuid}/" in text(browser.get("/datasets/"))
    assert f"/datasets/{dataset.uuid}/" not in text(browser.get("/datasets/"))


def test_a_refused_version_is_said_in_the_drop_zone_and_leaves_nothing(alice, pages_of, dataset):
    browser, url = pages_of(alice), f"/datasets/{dataset.uuid}/versions/"

    plain = browser.post(url, {"file": csv(houses_csv())})
    htmx = browser.post(url, {"file": csv(houses_csv())}, headers={"HX-Request": "true"})
    without = browser.post(url)

    assert (plain.status_code, htmx.status_code, without.status_code) == (422, 422, 422)
    assert "This is the file of version 1" in text(plain) and "<html" in text(plain)
    assert text(htmx).startswith('<div class="note bad"')
    assert "Choose a CSV file first." in text(without)
    assert Dataset.objects.count() == 1


def test_deleting_one_of_several_versions_says_that_the_others_stay(alice, pages_of, dataset):
    version, browser = make_version(dataset), pages_of(alice)

    question = text(browser.get(f"/datasets/{version.uuid}/delete/"))
    browser.post(f"/datasets/{version.uuid}/delete/")

    assert "Delete version 2 of houses?" in question and "The other version stays." in question
    assert list(Dataset.objects.all()) == [dataset]


def test_the_list_of_datasets_costs_the_same_with_many_versions(alice, pages_of, dataset, model):
    browser = pages_of(alice)
    browser.get("/datasets/")
    with CaptureQueriesContext(connection) as few:
        browser.get("/datasets/")
    make_version(dataset)
    make_version(dataset, houses_csv(95))

    with CaptureQueriesContext(connection) as many:
        page = text(browser.get("/datasets/"))

    assert len(many) == len(few)
    assert 'data-label="Models">1</td>' in page  # of all versions


def test_training_again_shows_the_plan_and_price_and_starts_one_run(alice, pages_of, dataset, model):
    version, browser, url = make_version(dataset), pages_of(alice), f"/models/{model.name}/retrain/"

    page = text(browser.get(url))
    first, second = (browser.post(url, {"idempotency_key": "again"}) for _ in range(2))

    assert "version 2: 90 rows" in page and "Train again for 1 token" in page
    run = TrainingRun.objects.get(repeats=model)
    assert run.dataset == version
    assert first["Location"] == second["Location"] == f"/runs/{run.uuid}/"
    alice.refresh_from_db()
    assert alice.token_balance == 14 and alice.ledger_entries.count() == 2


def test_a_column_that_is_gone_is_said_before_the_click(alice, pages_of, dataset, model):
    make_version(dataset, houses_csv(90).replace(b"rooms", b"beds"))
    browser, url = pages_of(alice), f"/models/{model.name}/retrain/"

    page, refused = text(browser.get(url)), browser.post(url, {"idempotency_key": "again"})

    assert "has no column rooms" in page and "Train again for" not in page
    assert refused.status_code == 422
    alice.refresh_from_db()
    assert alice.token_balance == 15 and alice.ledger_entries.count() == 1


def test_without_a_version_another_dataset_with_the_columns_is_chosen(alice, pages_of, dataset, model):
    browser, url = pages_of(alice), f"/models/{model.name}/retrain/"
    make_dataset(alice, b"a,b\n1,2\n2,3\n3,5", name="unlike")
    delete_dataset(dataset=dataset)

    without = text(browser.get(url))
    other = make_dataset(alice, name="homes")
    page = text(browser.get(url))
    started = browser.post(url, {"idempotency_key": "again", "dataset": str(other.uuid)})

    assert "Choose a dataset with the columns" in without and "Train again for" not in without
    assert ">homes</option>" in page and "unlike" not in page and "Train again for 1 token" in page
    run = TrainingRun.objects.get(repeats=model)
    assert run.dataset == other and started["Location"] == f"/runs/{run.uuid}/"
    alice.refresh_from_db()
    assert alice.token_balance == 14 and alice.ledger_entries.count() == 2


def test_a_dataset_that_was_deleted_meanwhile_is_refused(alice, pages_of, dataset, model):
    other, browser = make_dataset(alice, name="homes"), pages_of(alice)
    delete_dataset(dataset=dataset)
    delete_dataset(dataset=other)

    page = browser.post(
        f"/models/{model.name}/retrain/", {"idempotency_key": "again", "dataset": str(other.uuid)}
    )

    assert "Choose a dataset with the columns" in text(page)
    assert not TrainingRun.objects.filter(repeats=model).exists()


def test_a_version_that_is_deleted_is_named_as_such(alice, pages_of, dataset, make_model):
    version = make_version(dataset)
    model = make_model(alice, version)
    delete_dataset(dataset=version)

    page = text(pages_of(alice).get(f"/models/{model.name}/retrain/"))

    assert "version 1: 60 rows" in page and "was trained on is deleted" in page
    assert "Train again for 1 token" in page
    assert f"/models/{model.name}/retrain/" in text(pages_of(alice).get(f"/models/{model.name}/"))


def test_charlie_is_told_what_is_missing(charlie, pages_of, make_model):
    model = make_model(charlie, make_dataset(charlie))

    refused = pages_of(charlie).post(f"/models/{model.name}/retrain/", {"idempotency_key": "again"})

    assert refused.status_code == 422 and "costs 1 token" in text(refused)
    assert charlie.training_runs.count() == 1 and charlie.ledger_entries.count() == 0


def test_charlie_sees_before_the_click_what_is_missing(charlie, pages_of, make_model):
    model = make_model(charlie, make_dataset(charlie))

    page = pages_of(charlie).get(f"/models/{model.name}/retrain/").content.decode()

    assert "You need 1 token and have 0." in page
    assert '<button class="go" disabled>' in page
    assert "/tokens/#request" in page


def test_who_waited_for_the_new_model_sees_it_beside_the_one_before(alice, pages_of, again):
    browser, run = pages_of(alice), again.run
    session = browser.session
    session["awaited_run"] = str(run.uuid)
    session.save()

    page = text(browser.get(f"/runs/{run.uuid}/"))
    answer = browser.get(f"/runs/{run.uuid}/", headers={"HX-Request": "true"})

    assert COMPARED["sentence"] in page
    assert answer["HX-Redirect"] == f"/models/{again.name}/monitoring/#comparison-title"


def test_the_new_model_is_promoted_by_a_click_and_there_is_a_way_back(alice, pages_of, model, again):
    browser, name = pages_of(alice), model.name

    offer = text(browser.get(f"/models/{again.name}/monitoring/"))
    promoted = text(browser.post(f"/models/{again.name}/promote/", {"alias": name}, follow=True))
    old = TrainedModel.objects.get(pk=model.pk)
    page = text(browser.get(f"/models/{name}/"))
    back = text(browser.post(f"/models/{old.name}/promote/", {"alias": name}, follow=True))

    assert "On the 30 new rows, the new model misses by 12% less." in offer and "Promote houses_2" in offer
    assert "Go back to houses_v1" in promoted
    assert '<h1 id="model-title" tabindex="-1">houses_2</h1>' in page
    assert f"This model answers under <code>{name}</code>" in back and "Go back to houses_2" in back
    assert TrainedModel.objects.answering_to(name).get() == old
    assert "Promote houses_2" in text(browser.get(f"/models/{again.name}/monitoring/"))


def test_a_name_is_removed_and_then_the_model_can_be_deleted(alice, pages_of, model):
    browser = pages_of(alice)
    browser.post(f"/models/{model.name}/promote/", {"alias": "production"})

    refused = browser.post(f"/models/{model.name}/delete/")
    browser.post(f"/models/{model.name}/names/remove/", {"alias": "production"})
    deleted = browser.post(f"/models/{model.name}/delete/")

    assert refused.status_code == 409 and "answers under the name" in text(refused)
    assert deleted.status_code == 302 and not TrainedModel.objects.exists()


def test_monitoring_shows_drift_and_actual_values_in_words(alice, pages_of, model, settings):
    settings.PREDICTION_TOKEN_COST = 0
    predictions = predict_rows(
        owner=alice, model=model, rows=[{**ROW, "size": 70 + n, "place": "harbor"} for n in range(25)]
    )
    browser, url = pages_of(alice), f"/models/{model.name}/actuals/"
    lines = [f"{sold.uuid},{sold.output['prediction'] + 9000}" for sold in predictions[:12]]

    file = csv("\n".join(["prediction,actual", *lines, "nothing,1"]).encode())
    recorded = browser.post(url, {"file": file}, follow=True)

    page_url = f"/models/{model.name}/monitoring/"
    assert recorded.redirect_chain == [(f"{page_url}#actuals-title", 302)]
    assert "12 actual values recorded." in text(recorded)
    assert "Row 14: There is no prediction" in text(recorded)
    page = text(browser.get(page_url))
    assert "actual values recorded." not in page  # said once
    assert "12 actual values: average error 9000" in page and "Worse than promised" in page
    assert "0 of 12 intervals held the actual value (0%); promised: 90%." in page
    assert "&quot;place&quot; is another value in 100% of the predicted rows" in page


def test_what_was_recorded_for_one_model_is_not_said_on_the_page_of_another(alice, pages_of, model, again):
    browser = pages_of(alice)
    browser.post(f"/models/{model.name}/actuals/", {"file": csv(b"prediction,actual\nnothing,1\n")})

    of_another = text(browser.get(f"/models/{again.name}/monitoring/"))
    own = text(browser.get(f"/models/{model.name}/monitoring/"))

    assert "Row 2: There is no prediction" in own
    assert "Row 2" not in of_another


def test_the_latest_predictions_are_downloaded_filled_in_and_sent_back(alice, pages_of, model, settings):
    settings.PREDICTION_TOKEN_COST = 0
    first, second = predict_rows(owner=alice, model=model, rows=[ROW, {**ROW, "place": "=1+1"}])
    browser = pages_of(alice)

    lines = browser.get(f"/models/{model.name}/predictions.csv").content.decode().splitlines()
    filled = [lines[0], lines[1], lines[2].replace(f"{first.uuid},,", f"{first.uuid},123,")]
    file = csv("\n".join(filled).encode())
    answer = text(browser.post(f"/models/{model.name}/actuals/", {"file": file}, follow=True))

    assert lines[0] == "prediction,actual,asked_at,answer,size,rooms,place"
    assert lines[1].startswith(f"{second.uuid},,") and lines[1].endswith("'=1+1")
    assert "1 actual value recorded." in answer
    assert [found.actual for found in Prediction.objects.with_actual()] == [123]


def test_the_download_has_the_rows_as_people_write_them(alice, pages_of, settings):
    settings.PREDICTION_TOKEN_COST = 0
    rows = "".join(
        f"2026-07-{1 + n * 7 % 28:02},{['yes', 'no'][n * 5 % 7 % 2]},{n % 9},{n * 13 % 50}\n"
        for n in range(60)
    )
    dataset = make_dataset(alice, f"sold,garden,rooms,price\n{rows}".encode())
    model = train_now(start_run(alice, dataset)).trained_model
    predict_rows(owner=alice, model=model, rows=[{"sold": "2026-07-20", "garden": "yes", "rooms": "4"}])

    lines = pages_of(alice).get(f"/models/{model.name}/predictions.csv").content.decode().splitlines()

    assert lines[0].endswith(",sold,garden,rooms") and lines[1].endswith(",2026-07-20,yes,4")


def test_what_changed_is_said_with_the_version_that_it_is_compared_with(alice, pages_of, dataset, model):
    make_version(dataset)
    make_version(dataset, houses_csv(90).replace(b"rooms", b"doors", 1) + b"\n")
    newest = make_version(dataset)

    page = text(pages_of(alice).get(f"/models/{model.name}/retrain/"))

    assert newest.version == 4
    assert "What changed since version 3:</p> <ul><li>&quot;doors&quot; is no longer in the file." in page


def test_a_file_of_something_else_is_refused_at_its_field(alice, pages_of, model):
    refused = pages_of(alice).post(f"/models/{model.name}/actuals/", {"file": csv(b"a,b\n1,2\n3,4\n")})

    assert refused.status_code == 422 and "The file needs two columns" in text(refused)
    assert 'role="alert" tabindex="-1" autofocus>' in text(refused)
    assert not Prediction.objects.exists()


def test_the_models_of_a_dataset_are_those_of_all_its_versions(alice, pages_of, dataset, model, again):
    browser = pages_of(alice)

    page, narrowed = (
        text(browser.get(url)) for url in (f"/datasets/{dataset.uuid}/", f"/models/?dataset={dataset.uuid}")
    )

    for name in (model.name, again.name):
        assert f'href="/models/{name}/"' in page and f'href="/models/{name}/"' in narrowed
    assert "version 1" in page and f"/models/{model.name}/retrain/" in page
