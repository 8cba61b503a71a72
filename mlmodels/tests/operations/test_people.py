import pytest

from billing.verify import verify_ledger
from mlmodels.models import Prediction, TrainingRun
from mlmodels.operations import people, prediction, runs
from mlmodels.tests.factories import make_dataset, make_model, start_run

pytestmark = pytest.mark.django_db(transaction=True)


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_a_removed_person_owned_is_gone_and_the_ledger_adds_up(alice, bob, files_folder):
    model = make_model(alice)
    prediction.predict(owner=alice, model=model, features={"size": 1, "rooms": 1, "place": "city"})
    queued, running = start_run(alice), start_run(alice)
    running = runs.claim_run(run_id=running.pk, worker="w")
    kept = make_dataset(bob)

    people.erase_everything_of(owner=alice)

    assert not alice.datasets.exists()
    assert not alice.trained_models.exists()
    assert [path.name for path in files_in(files_folder)] == [f"{kept.uuid}.csv"]
    assert set(alice.training_runs.values_list("status", flat=True)) == {"succeeded", "cancelled"}
    alice.refresh_from_db()
    assert alice.token_balance == 15 - 1 - 5
    assert verify_ledger() == []
    assert not runs.extend_lease(run=running)
    assert queued.uuid in alice.training_runs.values_list("uuid", flat=True)


def test_rows_that_the_ledger_refers_to_stay_without_their_contents(alice):
    model = make_model(alice)
    prediction.predict(owner=alice, model=model, features={"size": 1, "rooms": 1, "place": "city"})

    people.erase_everything_of(owner=alice)

    kept = Prediction.objects.get()
    assert (kept.inputs, kept.output) == (None, None)
    assert kept.erased_at
    run = TrainingRun.objects.get()
    assert (run.plan, run.features, run.target_column, run.target) == ({}, [], {}, "")
    assert "linear" not in run.model_name


def test_erasing_twice_changes_nothing_more(alice):
    start_run(alice)
    people.erase_everything_of(owner=alice)

    people.erase_everything_of(owner=alice)

    alice.refresh_from_db()
    assert alice.token_balance == 15
    assert verify_ledger() == []
