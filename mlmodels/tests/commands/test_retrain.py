"""Training again: as a new model, or to show that the same one comes out."""

import io

import pytest
from django.core.management import CommandError, call_command

from billing.verify import verify_ledger
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations.datasets import delete_dataset
from mlmodels.tests.factories import make_dataset, train_model

pytestmark = pytest.mark.django_db(transaction=True)


def retrain(*arguments):
    output = io.StringIO()
    call_command("retrain", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"algorithm": "linear"},
        {"algorithm": "random_forest", "parameters": {"n_estimators": 20}},
        pytest.param({"algorithm": "auto", "budget_seconds": 1}, marks=pytest.mark.sqlite_only),
        pytest.param(
            {"algorithm": "auto", "target": "place", "budget_seconds": 1}, marks=pytest.mark.sqlite_only
        ),
    ],
    ids=["linear", "forest", "auto", "auto_of_classes"],
)
def test_the_same_model_comes_out_bit_for_bit(alice, options):
    model = train_model(alice, **options)

    output = retrain(model.name, "--verify")

    assert "bit for bit" in output and model.sha256 in output
    assert TrainingRun.objects.count() == 1
    alice.refresh_from_db()
    assert alice.token_balance == 14
    assert verify_ledger() == []


def test_another_model_is_told_apart(alice):
    model = train_model(alice)
    TrainedModel.objects.update(sha256="0" * 64)

    with pytest.raises(CommandError, match="Another model came out"):
        retrain(model.name, "--verify")


def test_without_its_dataset_nothing_can_be_shown(alice):
    model = train_model(alice)
    TrainedModel.objects.update(dataset=None)

    with pytest.raises(CommandError, match="deleted"):
        retrain(model.name, "--verify")


def test_a_new_model_is_trained_in_the_same_way_and_paid(alice):
    model = train_model(alice, algorithm="ridge", parameters={"alpha": 3.0})

    output = retrain(model.name, "--name", "again")

    again = TrainedModel.objects.exclude(pk=model.pk).get()
    assert again.name in output
    assert (again.algorithm, again.parameters, again.metrics) == ("ridge", model.parameters, model.metrics)
    alice.refresh_from_db()
    assert alice.token_balance == 13
    assert verify_ledger() == []


def test_without_its_dataset_another_is_named(alice):
    model = train_model(alice)
    delete_dataset(dataset=model.dataset)
    make_dataset(alice, name="homes")

    with pytest.raises(CommandError, match="Choose a dataset with the columns size, rooms, place, price"):
        retrain(model.name)
    with pytest.raises(CommandError, match='no dataset called "houses"'):
        retrain(model.name, "--dataset", "houses")
    output = retrain(model.name, "--dataset", "homes")

    again = TrainedModel.objects.exclude(pk=model.pk).get()
    assert again.name in output and again.dataset.name == "homes"
    alice.refresh_from_db()
    assert alice.token_balance == 13
    assert verify_ledger() == []
