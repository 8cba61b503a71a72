import time
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from billing.verify import verify_ledger
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import jobs, pending_files, training
from mlmodels.operations.audit import find_uncleared_charges
from mlmodels.tests.factories import start_run
from mlplatform.core import stopping

pytestmark = pytest.mark.django_db


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def claim(run, worker="worker 1"):
    return jobs.claim(job=run, worker=worker)


def let_lapse(run):
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))


def model_of(run):
    model = TrainedModel(uuid=uuid.uuid4(), owner=run.owner, run=run, name=run.model_name, size_bytes=0)
    model.target, model.features = run.target_column, run.features
    model.file = run.result_path(run.attempt)
    pending_files.register(name=model.file.name)
    return model


def test_a_claimed_run_belongs_to_its_worker_for_a_lease(alice, settings):
    run = claim(start_run(alice))

    assert (run.status, run.attempt, run.worker) == ("running", 1, "worker 1")
    assert abs(run.lease_until - run.started_at - timedelta(seconds=60)) < timedelta(seconds=5)
    assert claim(run, "worker 2") is None


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_run(alice, at_once):
    run = start_run(alice)

    outcomes = at_once(lambda number: claim(run, f"worker {number}"), each=range(8))

    winner = next(outcome for outcome in outcomes if outcome)
    run.refresh_from_db()
    assert outcomes.count(None) == 7
    assert (run.attempt, run.worker) == (1, winner.worker)


def test_a_finished_run_has_its_model_and_keeps_its_price(alice):
    run = claim(start_run(alice))
    model = model_of(run)

    assert training.finish_run(run=run, model=model)

    run.refresh_from_db()
    assert (run.status, run.progress, run.lease_until) == ("succeeded", 1, None)
    assert run.trained_model == model
    assert balance_of(alice) == 14


def test_a_finish_whose_answer_got_lost_may_be_asked_again(alice):
    run = claim(start_run(alice))
    model = model_of(run)

    assert training.finish_run(run=run, model=model)
    assert training.finish_run(run=run, model=model)

    assert TrainedModel.objects.count() == 1


def test_a_failed_run_says_why_and_is_refunded_once(alice):
    run = claim(start_run(alice))

    assert jobs.fail(job=run, error="Too little memory.", code="memory_limit")
    assert not jobs.fail(job=run, error="Again.", code="again")

    run.refresh_from_db()
    assert (run.status, run.error, run.error_code) == ("failed", "Too little memory.", "memory_limit")
    assert balance_of(alice) == 15
    assert verify_ledger() == []


def test_a_run_that_is_to_be_cancelled_is_not_finished(alice):
    run = claim(start_run(alice))
    jobs.cancel(job=run)

    assert not training.finish_run(run=run, model=model_of(run))
    assert jobs.end_cancelled(job=run)

    run.refresh_from_db()
    assert run.status == "cancelled"
    assert not TrainedModel.objects.exists()
    assert balance_of(alice) == 15


def test_nobody_cancels_a_run_that_was_not_to_be_cancelled(alice):
    run = claim(start_run(alice))

    assert not jobs.end_cancelled(job=run)

    run.refresh_from_db()
    assert run.status == "running"


@pytest.mark.parametrize(
    "act",
    [
        lambda run: training.finish_run(run=run, model=model_of(run)),
        lambda run: jobs.fail(job=run, error="late", code="late"),
        lambda run: jobs.end_cancelled(job=run),
        lambda run: jobs.hand_back(job=run),
        lambda run: jobs.extend_lease(job=run),
    ],
    ids=["finish", "fail", "cancel", "hand back", "extend"],
)
def test_a_worker_that_was_thought_lost_changes_nothing(alice, act):
    stale = claim(start_run(alice))
    let_lapse(stale)
    jobs.recover()
    current = claim(stale, "worker 2")
    jobs.cancel(job=current)
    before = TrainingRun.objects.filter(pk=current.pk).values().get()

    assert not act(stale)
    jobs.report_progress(job=stale, progress=0.9, note="late", candidates=[])

    assert TrainingRun.objects.filter(pk=current.pk).values().get() == before
    assert not TrainedModel.objects.exists()
    assert balance_of(alice) == 14


def test_a_run_that_is_handed_back_waits_again_at_no_loss(alice):
    run = claim(start_run(alice))

    assert jobs.hand_back(job=run)

    run.refresh_from_db()
    assert (run.status, run.lapses, run.worker) == ("queued", 0, "")
    assert claim(run, "worker 2").attempt == 2


def test_a_cancelled_run_that_is_handed_back_ends(alice):
    run = claim(start_run(alice))
    jobs.cancel(job=run)

    assert jobs.hand_back(job=run)

    run.refresh_from_db()
    assert run.status == "cancelled"
    assert balance_of(alice) == 15


def test_a_run_whose_worker_is_heard_of_is_left_alone(alice):
    claim(start_run(alice))

    assert jobs.recover() == {"queued": 0, "failed": 0, "cancelled": 0}


def test_an_extended_lease_does_not_lapse(alice):
    run = claim(start_run(alice))
    let_lapse(run)

    assert jobs.extend_lease(job=run)

    assert jobs.recover()["queued"] == 0


def test_a_run_is_tried_once_more_and_then_given_up_and_refunded(alice):
    run = claim(start_run(alice))
    let_lapse(run)
    assert jobs.recover()["queued"] == 1
    assert balance_of(alice) == 14

    let_lapse(claim(run, "worker 2"))
    assert jobs.recover()["failed"] == 1

    run.refresh_from_db()
    assert (run.status, run.error_code, run.attempt, run.lapses) == ("failed", "worker_lost", 2, 1)
    assert balance_of(alice) == 15
    assert jobs.recover() == {"queued": 0, "failed": 0, "cancelled": 0}
    assert verify_ledger() == []


def test_runs_that_were_handed_back_do_not_count_as_lost(alice):
    run = start_run(alice)
    for _ in range(5):
        jobs.hand_back(job=claim(run))
    let_lapse(claim(run))

    assert jobs.recover()["queued"] == 1


def test_a_lost_run_that_was_to_be_cancelled_is_cancelled(alice):
    run = claim(start_run(alice))
    jobs.cancel(job=run)
    let_lapse(run)

    assert jobs.recover()["cancelled"] == 1

    assert balance_of(alice) == 15


@pytest.mark.django_db(transaction=True)
def test_recovered_by_many_at_once_a_run_is_refunded_once(alice, at_once):
    run = claim(start_run(alice))
    TrainingRun.objects.filter(pk=run.pk).update(lapses=1)
    let_lapse(run)

    counts = at_once(jobs.recover, times=6)

    assert sum(count["failed"] for count in counts) == 1
    assert balance_of(alice) == 15
    assert verify_ledger() == []


@pytest.mark.django_db(transaction=True)
def test_finish_and_cancel_at_once_leave_a_model_or_a_refund(alice, at_once):
    outcomes = set()
    for number in range(6):
        run = claim(start_run(alice))
        model = model_of(run)

        def finish(run=run, model=model):
            return training.finish_run(run=run, model=model)

        def cancel(run=run):
            return jobs.cancel(job=run)

        at_once(lambda act: act(), each=[finish, cancel] if number % 2 else [cancel, finish])
        jobs.end_cancelled(job=run)

        run.refresh_from_db()
        outcomes.add((run.status, TrainedModel.objects.filter(run=run).exists()))
    assert outcomes <= {("succeeded", True), ("cancelled", False)}
    assert balance_of(alice) == 15 - TrainedModel.objects.count()
    assert find_uncleared_charges() == []


def test_nobody_waits_for_a_run_in_a_web_server_that_is_stopping(alice, monkeypatch, tmp_path):
    monkeypatch.setenv(stopping.VARIABLE, str(tmp_path / "stopping"))
    stopping.announce()
    started = time.monotonic()

    run = jobs.wait_for_end(job=start_run(alice), seconds=30)

    assert run.status == "queued"
    assert time.monotonic() - started < 20


def test_what_lost_workers_left_in_the_storage_goes_with_the_run(alice, files_folder):
    run = claim(start_run(alice))
    left = files_folder / "models" / f"{run.uuid}.1.joblib"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a model")
    let_lapse(run)

    jobs.recover()

    assert not left.exists()


def test_the_database_itself_refuses_success_without_a_model(alice):
    run = start_run(alice)

    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.filter(pk=run.pk).update(status="succeeded")
