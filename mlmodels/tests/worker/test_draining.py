"""Workers that are told to stop, and several of them in one command."""

import os
import signal

import pytest

from billing.verify import verify_ledger
from mlmodels.models import TrainingRun, Worker
from mlmodels.tests.factories import make_dataset, slow_csv, slow_order, start_run
from mlplatform.tests.processes import PATIENCE_SECONDS, descendants, is_alive, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sqlite_only,  # about processes; what they write is tested with the queue
]


def start_slow_run(owner, rows=2000):
    return start_run(owner, make_dataset(owner, slow_csv(rows)), **slow_order())


def reread(run):
    return TrainingRun.objects.get(pk=run.pk)


def is_fitting(run):
    run = reread(run)
    return run.status == "running" and run.progress_note.startswith("Fitting")


def test_told_to_stop_a_worker_ends_its_run_and_claims_no_other(alice, bob, work_space, start_worker):
    run, waiting = start_slow_run(alice), start_run(bob)
    worker = start_worker("worker", drain_seconds=PATIENCE_SECONDS)
    until(lambda: is_fitting(run))

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    assert (reread(run).status, reread(run).attempt) == ("succeeded", 1)
    assert (reread(waiting).status, reread(waiting).attempt) == ("queued", 0)
    assert not Worker.objects.exists()


def test_at_a_second_signal_it_hands_its_run_back_at_once(alice, work_space, start_worker):
    run = start_slow_run(alice)
    worker = start_worker("worker", drain_seconds=PATIENCE_SECONDS)
    until(lambda: is_fitting(run))

    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)  # the kernel would deliver two of a kind as one

    assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    assert (reread(run).status, reread(run).attempt, reread(run).lapses) == ("queued", 1, 0)


def test_two_workers_of_one_command_train_side_by_side_and_one_that_is_killed_comes_back(
    alice, bob, work_space, start_worker
):
    both = start_worker("pair", "--concurrency", "2", drain_seconds=PATIENCE_SECONDS)
    until(lambda: Worker.objects.count() == 2, what="for both, of which one may start much later")
    of_alice, of_bob = start_slow_run(alice, rows=10_000), start_slow_run(bob, rows=10_000)
    # Running, and not fitting yet: the first run may have fitted before the other's process has started
    until(lambda: {reread(run).status for run in (of_alice, of_bob)} == {"running"}, what="for both to run")
    assert {reread(of_alice).worker, reread(of_bob).worker} == {"pair-1", "pair-2"}

    victim = next(pid for pid in descendants(both.pid) if is_worker(pid, reread(of_alice).worker))
    os.kill(victim, signal.SIGKILL)
    until(lambda: reread(of_alice).attempt == 2, what="for the run to be claimed again")
    below = descendants(both.pid)
    both.send_signal(signal.SIGTERM)

    assert both.wait(timeout=PATIENCE_SECONDS) == 0
    until(lambda: not any(map(is_alive, below)))
    assert {reread(of_alice).status, reread(of_bob).status} == {"succeeded"}
    assert reread(of_bob).attempt == 1
    assert verify_ledger() == []


def is_worker(pid, name) -> bool:
    with open(f"/proc/{pid}/cmdline") as command:
        return command.read().endswith(f"\0--name\0{name}\0")
