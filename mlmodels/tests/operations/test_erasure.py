import pytest

from accounts.models import User
from accounts.operations.users import remove_user
from billing.operations import AccountClosed
from billing.verify import verify_ledger
from mlmodels.errors import TooManyOpenRuns
from mlmodels.models import Dataset, ModelAlias, Prediction, TrainingRun
from mlmodels.operations import actuals, aliases, erasure, jobs, predictions
from mlmodels.tests.factories import make_dataset, make_model, make_version, start_run
from mlplatform.core.errors import NotFound

pytestmark = pytest.mark.django_db(transaction=True)


HOUSE = {"size": 1, "rooms": 1, "place": "city"}


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_a_removed_person_owned_is_gone_and_the_ledger_adds_up(alice, bob, files_folder):
    model = make_model(alice)
    predictions.predict(owner=alice, model=model, features=HOUSE)
    queued, running = start_run(alice), start_run(alice)
    running = jobs.claim(job=running, worker="w")
    kept = make_dataset(bob)

    erasure.erase_everything_of(owner=alice)

    assert not alice.datasets.exists()
    assert not alice.trained_models.exists()
    assert [path.name for path in files_in(files_folder)] == [f"{kept.uuid}.csv"]
    assert set(alice.training_runs.values_list("status", flat=True)) == {"succeeded", "cancelled"}
    alice.refresh_from_db()
    assert alice.token_balance == 15 - 1 - 5
    assert verify_ledger() == []
    assert not jobs.extend_lease(job=running)
    assert queued.uuid in alice.training_runs.values_list("uuid", flat=True)


def test_rows_that_the_ledger_refers_to_stay_without_their_contents(alice):
    model = make_model(alice)
    predictions.predict(owner=alice, model=model, features=HOUSE)

    erasure.erase_everything_of(owner=alice)

    kept = Prediction.objects.get()
    assert (kept.inputs, kept.output) == (None, None)
    assert kept.erased_at
    run = TrainingRun.objects.get()
    assert (run.plan, run.features, run.target_column, run.target) == ({}, [], {}, "")
    assert "linear" not in run.model_name


def test_erasing_twice_changes_nothing_more(alice):
    start_run(alice)
    erasure.erase_everything_of(owner=alice)

    erasure.erase_everything_of(owner=alice)

    alice.refresh_from_db()
    assert alice.token_balance == 15
    assert verify_ledger() == []


# Requests that were let in just before the account was closed


def a_data_set(owner, model):
    return make_dataset(owner, name="late")


def a_training(owner, model):
    return start_run(owner, model.dataset)


def a_prediction(owner, model):
    return predictions.predict(owner=owner, model=model, features=HOUSE)


def many_predictions(owner, model):
    return predictions.predict_rows(owner=owner, model=model, rows=[HOUSE, HOUSE])


WISHES = [a_data_set, a_training, a_prediction, many_predictions]


@pytest.mark.parametrize("price", [0, 1])
@pytest.mark.parametrize("wish", WISHES)
def test_a_closed_account_gets_nothing_new_and_pays_nothing(alice, files_folder, settings, wish, price):
    settings.TRAINING_TOKEN_COST = settings.PREDICTION_TOKEN_COST = price
    model = make_model(alice)
    before = everything_in_store(alice, files_folder)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    with pytest.raises(AccountClosed, match="closed"):
        wish(alice, model)

    assert everything_in_store(alice, files_folder) == before


def everything_in_store(owner, folder):
    counts = [rows.count() for rows in (owner.datasets, owner.training_runs, owner.predictions)]
    return counts, owner.ledger_entries.count(), files_in(folder)


def test_what_begins_while_a_person_is_removed_is_erased_or_refused(
    make_user, admin_user, at_once, files_folder, settings
):
    settings.TRAINING_TOKEN_COST = settings.PREDICTION_TOKEN_COST = 1
    dora = make_user("dora@example.com", tokens=500)
    model = make_model(dora)
    assert model.dataset  # loaded here, for in a late thread it would be gone
    leaving = User.objects.get(pk=dora.pk)

    def work(wish):
        if wish == "leave":
            return remove_user(user=leaving, by=admin_user)
        return [wish(dora, model) for _ in range(4)]

    outcomes = at_once(work, each=[*WISHES, "leave", *WISHES])

    assert outcomes.pop(len(WISHES)) is None
    assert {type(outcome) for outcome in outcomes} <= {list, AccountClosed, NotFound, TooManyOpenRuns}
    assert not dora.datasets.exists()
    assert not dora.training_runs.open().exists()
    assert not dora.predictions.filter(erased_at=None).exists()
    assert files_in(files_folder) == []
    assert verify_ledger() == []


def test_versions_aliases_and_actual_values_are_exported_and_erased(alice):
    model = make_model(alice)
    make_version(model.dataset)
    aliases.promote(model=model, name="production")
    prediction = predictions.predict(owner=alice, model=model, features=HOUSE)
    actuals.record_actual(prediction=prediction, value=5)

    exported = {name: list(records) for name, records in erasure.everything_of(owner=alice).items()}
    erasure.erase_everything_of(owner=alice)

    assert [record["version"] for record in exported["datasets"]] == [2, 1]
    assert [(record["model"], len(record["history"])) for record in exported["aliases"]] == [(model.name, 1)]
    assert [record["actual"] for record in exported["predictions"]] == [5]
    assert not ModelAlias.objects.exists() and not Dataset.objects.exists()
    assert Prediction.objects.get().actual is None
