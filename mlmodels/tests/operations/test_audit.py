"""What this app adds to `verify_ledger`: charges without worth, and files out of place."""

import os
import re
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from billing import operations as billing
from billing import triggers
from billing.models import LedgerEntry
from billing.verify import ROWS_SHOWN_MAX, limited, verify_ledger
from mlmodels.models import Batch, Prediction, TrainedModel, TrainingRun
from mlmodels.operations import jobs, model_files
from mlmodels.operations.audit import (
    CHARGE_CHECKS,
    charged_rows,
    find_misplaced_files,
    find_uncleared_charges,
)
from mlmodels.operations.erasure import erase_everything_of
from mlmodels.operations.predictions import predict
from mlmodels.operations.trained_models import delete_model
from mlmodels.tests.factories import start_run, train_model

pytestmark = pytest.mark.django_db

A_HOUSE = {"size": 60, "rooms": 3, "place": "city"}


@pytest.fixture
def model(alice, tmp_path):
    """Paid and signed like any other; that its file holds no pipeline is nothing to the verification."""
    run = start_run(alice)
    model = TrainedModel(
        owner=alice, run=run, name=run.model_name, algorithm="linear", task=run.task, target={}, features=[]
    )
    part = tmp_path / "model.part"
    part.write_bytes(b"not a pipeline" * 100)
    model_files.keep_file(model=model, part=part, name=f"models/{model.uuid}.joblib")
    model.save()
    TrainingRun.objects.filter(pk=run.pk).update(status="succeeded", made_model_uuid=model.uuid)
    return model


@pytest.fixture
def prediction(alice, model):
    prediction = Prediction.objects.create(
        owner=alice,
        model=model,
        model_name=model.name,
        inputs=A_HOUSE,
        output={"prediction": 1},
        cost_tokens=5,
    )
    billing.charge(user=alice, amount=5, reason="prediction", operation=prediction.reference)
    return prediction


@pytest.fixture
def batch(alice, model):
    batch = Batch.objects.create(
        owner=alice,
        model=model,
        model_name=model.name,
        name="new.csv",
        file="batches/new.csv",
        answer="batches/new.1.csv",
        status="succeeded",
        cost_tokens=5,
        **{"size_bytes": 1, "sha256": "", "reading": {}, "row_count": 1, "unreadable_rows": 0},
        **{"faults": [], "first_rows": []},
    )
    billing.charge(user=alice, amount=5, reason="batch", operation=batch.charge_operation)
    return batch


def broken_rules():
    return {failure.check for failure in find_uncleared_charges()}


def rewrite_the_ledger(statement):
    """Raw SQL after the triggers were taken away."""
    connection.check_constraints()
    triggers.drop()
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_a_trained_model_and_a_prediction_clear_their_charges(alice):
    predict(owner=alice, model=train_model(alice), features=A_HOUSE)

    assert LedgerEntry.objects.filter(kind="charge").count() == 2
    assert verify_ledger() == []


def test_an_open_run_and_a_cancelled_one_are_in_order(alice):
    jobs.cancel(job=start_run(alice))
    start_run(alice)

    assert verify_ledger() == []


def test_a_removed_person_leaves_a_ledger_that_adds_up(alice, prediction, batch):
    start_run(alice)

    erase_everything_of(owner=alice)

    assert verify_ledger() == []


def test_what_costs_nothing_needs_no_charge(alice, settings, model):
    settings.TRAINING_TOKEN_COST = 0

    jobs.cancel(job=start_run(alice))
    start_run(alice)
    Prediction.objects.create(owner=alice, model_name="gift", output={"prediction": 1}, cost_tokens=0)

    assert LedgerEntry.objects.filter(kind="charge").count() == 1
    assert verify_ledger() == []


ACCIDENTS = {
    "a failed run was not refunded": (
        lambda: TrainingRun.objects.update(status="failed"),
        "run_charges_are_cleared",
    ),
    "a run that made a model was refunded": (
        lambda: billing.refund(
            operation_of_charge=TrainingRun.objects.get().charge_operation, reason="mistake"
        ),
        "run_charges_are_cleared",
    ),
    "a run cost another price": (
        lambda: TrainingRun.objects.update(cost_tokens=2),
        "run_charges_are_cleared",
    ),
    "a charged run is gone": (
        lambda: (TrainedModel.objects.all().delete(), TrainingRun.objects.all().delete()),
        "run_charges_are_cleared",
    ),
    "a run was not charged": (
        lambda: rewrite_the_ledger("DELETE FROM billing_ledgerentry WHERE operation LIKE 'run:%'"),
        "runs_are_charged",
    ),
    "a failed batch was not refunded": (
        lambda: Batch.objects.update(status="failed"),
        "batch_charges_are_cleared",
    ),
    "a quoted batch was charged": (
        lambda: Batch.objects.update(status="quoted"),
        "batch_charges_are_cleared",
    ),
    "a charged batch is gone": (
        lambda: Batch.objects.all().delete(),
        "batch_charges_are_cleared",
    ),
    "a batch was not charged": (
        lambda: rewrite_the_ledger("DELETE FROM billing_ledgerentry WHERE operation LIKE 'batch:%'"),
        "batches_are_charged",
    ),
    "a prediction was not charged": (
        lambda: rewrite_the_ledger("DELETE FROM billing_ledgerentry WHERE operation LIKE 'prediction:%'"),
        "predictions_are_charged",
    ),
    "a charged prediction is gone": (
        lambda: Prediction.objects.all().delete(),
        "prediction_charges_have_their_result",
    ),
    "a prediction was refunded": (
        lambda: billing.refund(operation_of_charge=Prediction.objects.get().reference, reason="mistake"),
        "prediction_charges_have_their_result",
    ),
    "a prediction cost another price": (
        lambda: Prediction.objects.update(cost_tokens=4),
        "prediction_charges_have_their_result",
    ),
    "a charge is for nothing we know": (
        lambda: billing.charge(
            user=Prediction.objects.get().owner, amount=1, reason="fee", operation="fee:1"
        ),
        "charges_are_for_something",
    ),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_a_charge_without_worth_is_found(prediction, batch, accident):
    cause, expected = ACCIDENTS[accident]

    cause()

    assert broken_rules() == {expected}


def test_the_charge_of_somebody_elses_run_is_found(prediction, bob):
    TrainingRun.objects.update(owner=bob)
    Prediction.objects.update(owner=bob)

    assert broken_rules() == {"run_charges_are_cleared", "prediction_charges_have_their_result"}


def test_every_rule_has_its_accident():
    assert {rule for _, rule in ACCIDENTS.values()} == {check.name for check in CHARGE_CHECKS}


JOINING = [check for check in CHARGE_CHECKS if "LEFT JOIN" in check.query]


@pytest.mark.sqlite_only  # PostgreSQL joins by hash
@pytest.mark.parametrize("check", JOINING, ids=lambda check: check.name)
@pytest.mark.parametrize("has_statistics", [False, True])
def test_sqlite_does_not_compare_every_charge_with_every_row(alice, check, has_statistics):
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            account=alice, seq=seq, kind="grant", amount=1, balance_after=seq, operation=f"gift:{seq}"
        )
        for seq in range(2, 1_000)
    )
    with connection.cursor() as cursor:
        if has_statistics:
            cursor.execute("ANALYZE")
        query = limited(check.query.format(**charged_rows()))
        steps = [row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()]

    joined = re.findall(r"LEFT JOIN (?:\w+ AS )?(\w+)", check.query)
    assert joined
    for table in joined:
        assert any(step.startswith(f"SEARCH {table} USING") for step in steps), steps


def misplaced_files():
    return [(failure.check, row["file"]) for failure in find_misplaced_files() for row in failure.rows]


def put_aside(folder, name, age):
    path = default_storage.path(default_storage.save(f"{folder}/{name}", ContentFile(b"left over")))
    then = (timezone.now() - age).timestamp()
    os.utime(path, (then, then))


def test_a_missing_model_file_is_found(model):
    default_storage.delete(model.file.name)

    assert misplaced_files() == [("model_files", model.file.name)]


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]
)
def test_a_model_file_that_cannot_be_read_is_found(model, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(default_storage, "open", fail)

    (failure,) = find_misplaced_files()
    assert failure.rows == [{"model_id": model.pk, "file": model.file.name, "why": str(error)}]


def test_a_model_whose_row_names_a_file_elsewhere_is_found(model):
    TrainedModel.objects.update(file="../../../etc/passwd")

    assert ("model_files", "../../../etc/passwd") in misplaced_files()


def test_an_altered_model_file_is_found(model):
    with open(model.file.path, "r+b") as handle:
        handle.seek(100)
        byte = handle.read(1)
        handle.seek(100)
        handle.write(bytes([byte[0] ^ 1]))

    assert misplaced_files() == [("model_files", model.file.name)]


def test_a_model_file_of_another_installation_is_found(model, settings):
    settings.SECRET_KEY = "the key of somebody else"

    assert misplaced_files() == [("model_files", model.file.name)]


def test_a_file_without_a_row_is_found_once_it_is_old(model):
    put_aside("models", "old.joblib", age=timedelta(hours=3))
    put_aside("models", "new.joblib", age=timedelta(minutes=5))
    put_aside("datasets", "old.csv", age=timedelta(hours=3))

    assert misplaced_files() == [
        ("orphaned_files", "models/old.joblib"),
        ("orphaned_files", "datasets/old.csv"),
    ]


def test_of_many_files_without_a_row_the_first_are_named_and_all_are_counted(db):
    for number in range(ROWS_SHOWN_MAX + 20):
        put_aside("models", f"{number:03}.joblib", age=timedelta(hours=3))

    (failure,) = find_misplaced_files()

    assert failure.count == ROWS_SHOWN_MAX + 20
    assert failure.rows == [{"file": f"models/{number:03}.joblib"} for number in range(ROWS_SHOWN_MAX)]


def test_of_many_charges_for_nothing_the_first_are_shown_and_all_are_counted(make_user):
    rich = make_user("rich@example.com", tokens=1000)
    for number in range(ROWS_SHOWN_MAX + 20):
        billing.charge(user=rich, amount=1, reason="fee", operation=f"fee:{number:03}")

    (failure,) = find_uncleared_charges()

    assert failure.count == ROWS_SHOWN_MAX + 20
    assert [row["operation"] for row in failure.rows] == [f"fee:{n:03}" for n in range(ROWS_SHOWN_MAX)]


def test_a_deleted_model_leaves_nothing_out_of_place(model, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        delete_model(model=model)

    assert find_misplaced_files() == []
    assert verify_ledger() == []
