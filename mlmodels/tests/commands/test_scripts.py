"""Commands that list, export and cancel, as a script calls them."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.verify import verify_ledger
from mlmodels.models import Prediction, TrainingRun
from mlmodels.operations import jobs
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import make_model_row, start_batch, start_run

pytestmark = pytest.mark.django_db

HOUSE = {"size": 100, "rooms": 2, "place": "city"}


def run(command, *arguments):
    output = io.StringIO()
    call_command(command, *map(str, arguments), stdout=output)
    return output.getvalue()


# list_models


def test_models_are_listed_newest_first_with_their_score(alice, bob):
    make_model_row(alice, f"{alice.pk}_old", metrics={"r2_score": 0.98765})
    make_model_row(bob, f"{bob.pk}_new", task="classification", target={"name": "kind"})

    header, first, second = run("list_models").splitlines()

    assert header.split() == ["NAME", "OWNER", "ALGORITHM", "TARGET", "SCORE", "CREATED"]
    assert f"{bob.pk}_new" in first and "accuracy —" in first
    assert "r2_score 0.9877" in second and alice.email in second


def test_the_models_of_one_user_as_json(alice, bob):
    make_model_row(alice, "1_mine", label="Mine", metrics={"r2_score": 0.5})
    make_model_row(bob, "2_his")

    report = json.loads(run("list_models", "--owner", "ALICE@example.com", "--json"))

    assert report["count"] == 1
    assert report["models"][0] | {"created_at": ""} == {
        "name": "1_mine", "label": "Mine", "owner": alice.email, "algorithm": "linear",
        "task": "regression", "target": "price", "metrics": {"r2_score": 0.5}, "size_bytes": 0,
        "created_at": "",
    }  # fmt: skip


def test_a_list_costs_a_constant_number_of_queries(alice, django_assert_num_queries):
    for number in range(5):
        make_model_row(alice, f"model_{number}")

    with django_assert_num_queries(1):
        run("list_models")


def test_no_models_and_nobody(alice):
    assert run("list_models") == "There are no models.\n"
    assert json.loads(run("list_models", "--json")) == {"count": 0, "models": []}
    with pytest.raises(CommandError) as nobody:
        run("list_models", "--owner", "nobody@example.com")
    assert nobody.value.returncode == 3


# export_model


@pytest.mark.parametrize("file_format", ["skops", "joblib", "onnx", "bundle"])
def test_a_model_is_written_in_every_format(alice, make_model, tmp_path, monkeypatch, file_format):
    monkeypatch.chdir(tmp_path)
    model = make_model(alice, model_name="houses")

    name = run("export_model", model.name, "--format", file_format).strip()

    assert name == f"{model.name}.{'zip' if file_format == 'bundle' else file_format}"
    assert (tmp_path / name).stat().st_size > 500


def test_a_file_that_exists_is_not_overwritten(alice, make_model, tmp_path):
    (tmp_path / "out").write_text("dear")

    with pytest.raises(CommandError, match="File exists") as refused:
        run("export_model", make_model(alice).name, "--out", tmp_path / "out")

    assert refused.value.returncode == 1
    assert (tmp_path / "out").read_text() == "dear"


def test_what_cannot_be_exported_is_refused_and_writes_no_file(alice, make_model, tmp_path):
    model = make_model(alice, algorithm="gradient_boosting")

    with pytest.raises(CommandError, match="ONNX would not predict the same"):
        run("export_model", model.name, "--format", "onnx", "--out", tmp_path / "out")

    assert not (tmp_path / "out").exists()


# cancel_run


def test_a_queued_run_is_cancelled_and_refunded_by_the_name_of_its_model(alice):
    run_row = start_run(alice, model_name="houses")

    assert "cancelled and refunded" in run("cancel_run", f"{alice.pk}_houses")

    run_row.refresh_from_db()
    alice.refresh_from_db()
    assert (run_row.status, alice.token_balance) == ("cancelled", 15)
    assert verify_ledger() == []


def test_a_running_one_is_ended_by_its_worker(alice):
    claimed = jobs.claim(job=start_run(alice), worker="w")

    report = json.loads(run("cancel_run", claimed.uuid, "--json"))

    assert report == {"run": str(claimed.uuid), "status": "running", "refunded_tokens": 0}
    assert TrainingRun.objects.get().cancel_requested_at


def test_what_has_ended_or_never_was_is_refused(alice):
    ended = start_run(alice)
    run("cancel_run", ended.uuid)

    with pytest.raises(CommandError, match="already ended") as late:
        run("cancel_run", ended.uuid)
    with pytest.raises(CommandError, match="no training run") as unknown:
        run("cancel_run", "1_houses")

    assert (late.value.returncode, unknown.value.returncode) == (1, 3)
    alice.refresh_from_db()
    assert alice.token_balance == 15


# Reports as JSON


def test_recovered_runs_as_json(alice):
    assert json.loads(run("recover_runs", "--json")) == {"queued": 0, "failed": 0, "cancelled": 0, "files": 0}


def test_pruned_predictions_as_json(alice, make_model):
    predict(owner=alice, model=make_model(alice), features=HOUSE)
    Prediction.objects.update(created_at=timezone.now() - timedelta(days=3))

    dry = json.loads(run("prune_predictions", "--older-than", 2, "--dry-run", "--json"))
    done = json.loads(run("prune_predictions", "--older-than", 2, "--json"))

    assert (dry["erased"], dry["is_dry_run"], done["erased"], done["is_dry_run"]) == (1, True, 1, False)
    assert Prediction.objects.get().inputs is None


# cancel_batch


def test_a_batch_is_cancelled_and_refunded_once(alice, make_model):
    batch = start_batch(alice, make_model(alice))

    report = json.loads(run("cancel_batch", batch.uuid, "--json"))

    assert report == {"batch": str(batch.uuid), "status": "cancelled", "refunded_tokens": 5}
    alice.refresh_from_db()
    assert alice.token_balance == 15
    with pytest.raises(CommandError, match="already ended"):
        run("cancel_batch", batch.uuid)
    with pytest.raises(CommandError, match="no batch") as unknown:
        run("cancel_batch", "new.csv")
    assert unknown.value.returncode == 3


# set_priority


def test_runs_batches_and_users_are_put_before_or_after_all_others(alice, bob, make_model):
    batch = start_batch(bob, make_model(bob))
    first, second = start_run(alice), start_run(alice)

    run("set_priority", "high", "--run", second.uuid)
    run("set_priority", "low", "--batch", batch.uuid)
    assert run("set_priority", "low", "--user", bob.email) == f"{bob.email}: priority low.\n"

    of_bob = start_run(bob)
    assert [jobs.claim_next(worker="w") for _ in range(4)] == [second, first, of_bob, batch]


def test_a_priority_of_what_has_ended_or_never_was_is_refused(alice):
    ended = start_run(alice)
    jobs.cancel(job=ended)

    with pytest.raises(CommandError, match="already ended"):
        run("set_priority", "high", "--run", ended.uuid)
    with pytest.raises(CommandError, match="no training run"):
        run("set_priority", "high", "--run", "1_houses")
