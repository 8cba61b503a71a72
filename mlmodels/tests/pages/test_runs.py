"""/runs/: waiting, stopping, and how it ended."""

import pytest

from mlmodels.models import TrainingRun
from mlmodels.operations import jobs
from mlmodels.operations.trained_models import delete_model
from mlmodels.tests.factories import make_dataset, start_run
from mlmodels.tests.quick import train_now

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def test_a_waiting_run_says_its_place_and_polls(alice, pages_of):
    run = start_run(alice)

    page = pages_of(alice).get(f"/runs/{run.uuid}/").content.decode()

    assert "Next in the queue" in page
    assert 'hx-trigger="every 1s"' in page


def test_a_running_one_shows_its_leaderboard(alice, pages_of):
    run = jobs.claim(job=start_run(alice), worker="test")
    candidate = {"algorithm": "ridge", "label": "Ridge regression", "status": "done", "score": 0.9}
    candidate |= {"std": 0.01, "seconds": 0.2, "scoring": "r2_score", "note": ""}
    jobs.report_progress(job=run, progress=0.5, note="Trying the next", candidates=[candidate])

    partial = pages_of(alice).get(f"/runs/{run.uuid}/", headers=HTMX).content.decode()

    assert "<html" not in partial
    assert "Ridge regression" in partial
    assert "Best" in partial
    assert 'value="0.500"' in partial


def test_a_small_standard_error_is_not_written_as_zero(alice, pages_of):
    run = jobs.claim(job=start_run(alice), worker="test")
    candidate = {"algorithm": "ridge", "label": "Ridge regression", "status": "done", "score": 0.99603}
    candidate |= {"standard_error": 0.00014, "scoring": "r2_score"}
    jobs.report_progress(job=run, progress=0.5, note="Trying the next", candidates=[candidate])

    partial = pages_of(alice).get(f"/runs/{run.uuid}/", headers=HTMX).content.decode()

    assert "0.9960" in partial
    assert "± 0.0001" in partial


def test_stop_gives_the_tokens_back_and_says_so(alice, pages_of):
    run = start_run(alice)

    answer = pages_of(alice).post(f"/runs/{run.uuid}/cancel/", follow=True)

    alice.refresh_from_db()
    assert alice.token_balance == 15
    assert [entry.amount for entry in alice.ledger_entries.latest_first()] == [1, -1, 15]
    assert "refunded" in answer.content.decode()


def test_only_an_open_run_says_that_the_page_may_be_left(alice, pages_of):
    run = start_run(alice)
    client, url = pages_of(alice), f"/runs/{run.uuid}/"

    before = client.get(url, headers=HTMX).content.decode()
    jobs.cancel(job=run)
    after = client.get(url, headers=HTMX).content.decode()

    assert "You can leave this page" in before
    assert "You can leave this page" not in after


def test_an_ended_run_cannot_be_stopped(alice, pages_of):
    run = train_now(start_run(alice))

    assert pages_of(alice).post(f"/runs/{run.uuid}/cancel/").status_code == 409


def test_a_failed_run_says_why_and_that_nothing_was_charged(alice, pages_of):
    run = jobs.claim(job=start_run(alice), worker="test")
    jobs.fail(job=run, error="Row 17 has too many cells.", code="table_refused")

    page = pages_of(alice).get(f"/runs/{run.uuid}/").content.decode()

    alice.refresh_from_db()
    assert "Row 17 has too many cells." in page
    assert "refunded" in page
    assert alice.token_balance == 15


def test_who_started_a_training_is_taken_to_its_model(alice, pages_of):
    client, dataset = pages_of(alice), make_dataset(alice)
    order = {
        "target": "3",
        "algorithm": "linear",
        "use": ["0"],
        "train_percentage": "0.8",
        "idempotency_key": "k",
    }
    client.post(f"/datasets/{dataset.uuid}/train/", order)
    run = train_now(TrainingRun.objects.get())

    answer = client.get(f"/runs/{run.uuid}/", headers=HTMX)

    assert answer["HX-Redirect"] == f"/models/{run.model_name}/#predict"


def test_a_run_that_ends_before_its_page_is_shown_leads_to_the_model_as_well(alice, pages_of):
    client, run = pages_of(alice), train_now(start_run(alice))
    session = client.session
    session["awaited_run"] = str(run.uuid)
    session.save()
    address = f"/runs/{run.uuid}/"

    page = client.get(address).content.decode()
    answer = client.get(address, headers=HTMX)
    later = client.get(address).content.decode()

    assert f'hx-get="{address}"' in page and "Open the model" in page
    assert answer["HX-Redirect"] == f"/models/{run.model_name}/#predict"
    assert f'hx-get="{address}"' not in later and "Open the model" in later


def test_who_waited_for_a_model_that_is_deleted_by_now_stays_at_its_run(alice, pages_of):
    client, run = pages_of(alice), train_now(start_run(alice))
    session = client.session
    session["awaited_run"] = str(run.uuid)
    session.save()
    delete_model(model=run.trained_model)

    answer = client.get(f"/runs/{run.uuid}/", headers=HTMX)

    assert "HX-Redirect" not in answer
    assert "The model was deleted." in answer.content.decode()


def test_who_merely_looks_at_a_run_stays_there(alice, pages_of):
    run = train_now(start_run(alice))

    answer = pages_of(alice).get(f"/runs/{run.uuid}/", headers=HTMX)

    assert "HX-Redirect" not in answer
    assert "Open the model" in answer.content.decode()


def test_the_start_page_shows_what_is_under_way(alice, pages_of):
    run = start_run(alice)

    assert f"/runs/{run.uuid}/" in pages_of(alice).get("/").content.decode()


def test_anothers_run_is_a_404(alice, bob, pages_of):
    run = start_run(alice)

    assert pages_of(bob).get(f"/runs/{run.uuid}/").status_code == 404
    assert pages_of(bob).post(f"/runs/{run.uuid}/cancel/").status_code == 404
    assert TrainingRun.objects.get().is_open
