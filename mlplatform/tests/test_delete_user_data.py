"""Everything of a user is deleted by command, and what the ledger needs is kept."""

import io
import json

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from accounts.models import User
from billing.verify import verify_ledger
from mlmodels.models import Dataset, Prediction, TrainedModel, TrainingRun
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import start_batch, start_run

pytestmark = pytest.mark.django_db(transaction=True)


def delete(*arguments):
    output = io.StringIO()
    call_command("delete_user_data", *arguments, stdout=output, stderr=io.StringIO())
    return output.getvalue()


@pytest.fixture
def things(alice, make_model):
    """A dataset, a model, a prediction, and a training run and a batch that wait; 4 tokens are left."""
    model = make_model(alice, model_name="houses")
    predict(owner=alice, model=model, features={"size": 100, "rooms": 2, "place": "city"})
    start_run(alice, model.dataset)
    start_batch(alice, model)
    return model


def counts():
    return [rows.objects.count() for rows in (Dataset, TrainedModel)]


def test_what_is_deleted_is_printed_and_gone(alice, things):
    output = delete(alice.email, "--yes")

    assert output.splitlines() == [
        "1 datasets", "  houses", "1 models", f"  {alice.pk}_houses",
        "0 large files without a dataset",
        "contents of 2 training runs, 1 of them in progress", "contents of 1 prediction",
        "files of 1 batch, 1 of them in progress", "0 webhooks",
        "All of this is deleted for alice@example.com.", "Deleted.",
    ]  # fmt: skip
    assert counts() == [0, 0]
    assert [default_storage.listdir(folder)[1] for folder in ("models", "datasets", "batches")] == [[]] * 3
    assert Prediction.objects.get().inputs is None
    assert set(TrainingRun.objects.values_list("target", flat=True)) == {""}
    alice.refresh_from_db()
    assert (alice.token_balance, alice.is_active) == (10, True)
    assert verify_ledger() == []


def test_without_confirmation_nothing_is_deleted(alice, things, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(CommandError, match="Pass --yes"):
        delete(alice.email)

    assert counts() == [1, 1]


def test_the_account_is_closed_on_request(alice, things):
    report = json.loads(delete(alice.email, "--close-account", "--yes", "--json"))

    assert report == {
        "datasets": ["houses"], "models": [f"{alice.pk}_houses"], "uploads": 0,
        "runs_in_progress": 1, "runs": 2,
        "predictions": 1, "batches_in_progress": 1, "batches": 1, "webhooks": 0, "is_account_closed": True,
    }  # fmt: skip
    alice.refresh_from_db()
    assert (alice.is_active, alice.email) == (False, f"removed-{alice.pk}@removed.invalid")
    assert verify_ledger() == []


def test_others_keep_theirs_and_the_only_administrator_stays(alice, bob, things, admin_user):
    delete(bob.email, "--yes")
    with pytest.raises(CommandError, match="administrator"):
        delete(admin_user.email, "--close-account", "--yes")

    assert counts() == [1, 1]
    assert User.objects.administrators().count() == 1


def test_nobody_has_an_exit_code_of_its_own(db):
    with pytest.raises(CommandError) as nobody:
        delete("nobody@example.com", "--yes")

    assert nobody.value.returncode == 3
