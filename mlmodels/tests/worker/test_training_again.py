"""A worker that trains a model again compares it with the one before, in the training process."""

import pytest

from mlmodels.operations.training import retrain
from mlmodels.tests.factories import houses_csv, make_dataset, make_version, train_model, work_off

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("work_space")]


def test_the_new_model_keeps_the_comparison_and_nothing_is_left_behind(alice, work_space):
    model = train_model(alice, make_dataset(alice), model_name="houses")
    make_version(model.dataset, houses_csv(90) + b"\n" + dearer_houses())

    run = retrain(model=model)
    work_off()

    run.refresh_from_db()
    comparison = run.trained_model.report["comparison"]
    assert (comparison["earlier"], comparison["rows_used"], comparison["better"]) == ("houses", "new", "new")
    assert list((work_space / "work").iterdir()) == []
    alice.refresh_from_db()
    assert alice.token_balance == 13 and alice.ledger_entries.count() == 3


def test_without_the_earlier_file_the_model_is_trained_all_the_same(alice):
    model = train_model(alice, make_dataset(alice))
    model.file.storage.delete(model.file.name)

    run = retrain(model=model)
    work_off()

    run.refresh_from_db()
    assert run.status == "succeeded"
    assert "comparison" not in run.trained_model.report


def dearer_houses() -> bytes:
    return "\n".join(f"{size},{size % 5},coast,{5000 * size}" for size in range(40, 200)).encode()
