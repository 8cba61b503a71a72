"""The queue while the processes that claim from it are killed at random."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from billing.verify import verify_ledger
from mlmodels.models import TrainingRun
from mlmodels.tests.factories import make_dataset, start_run
from mlmodels.tests.worker.conftest import url_of_test_database
from mlplatform.tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

OWNERS, RUNS_EACH = 6, 30
PROCESSES, KILLS = 3, 4


def test_each_attempt_of_each_run_has_one_worker_and_owners_take_turns_while_workers_are_killed(
    make_user, settings, work_space
):
    settings.OPEN_RUNS_MAX = RUNS_EACH
    owners = [make_user(f"owner{number}@example.com", tokens=RUNS_EACH) for number in range(OWNERS)]
    for owner in owners:
        dataset = make_dataset(owner)
        for _ in range(RUNS_EACH):
            start_run(owner, dataset)

    killed = claim_with_processes(work_space / "claims")

    claims = [line.split() for line in (work_space / "claims").read_text().splitlines()]
    assert killed == KILLS
    assert set(Counter((run, attempt) for run, attempt, _ in claims).values()) == {1}
    assert {run for run, *_ in claims} == {str(run.uuid) for run in TrainingRun.objects.all()}
    assert set(TrainingRun.objects.values_list("status", flat=True)) == {"failed"}
    # A run of a killed worker counts as running until its lease ends, so its owner waits so long for a turn
    waited = {owner for _, attempt, owner in claims if attempt != "1"}
    assert len(waited) <= KILLS
    assert widest_lead([owner for *_, owner in claims if owner not in waited]) <= RUNS_EACH / 2
    for owner in owners:
        owner.refresh_from_db()
        assert owner.token_balance == RUNS_EACH
    assert verify_ledger() == []


def claim_with_processes(log) -> int:
    """How many of the processes were killed."""
    log.touch()
    environment = {
        **os.environ, "DATABASE_URL": url_of_test_database(), "DATA_DIR": str(log.parent),
        "RUN_LEASE_SECONDS": "1", "RUN_HEARTBEAT_SECONDS": "0.2",
    }  # fmt: skip
    command = [sys.executable, "-m", "mlmodels.tests.worker.claiming", str(log), str(PROCESSES), str(KILLS)]
    ended = subprocess.run(
        command, env=environment, capture_output=True, check=True, timeout=PATIENCE_SECONDS
    )
    return int(ended.stdout)


def widest_lead(turns: list[str]) -> int:
    """By how many turns one of these owners was ever ahead of another, while each still had runs queued."""
    owners, claimed, widest = set(turns), Counter(), 0
    for owner in turns:
        claimed[owner] += 1
        if max(claimed.values()) < RUNS_EACH:
            widest = max(widest, max(claimed.values()) - min(claimed[each] for each in owners))
    return widest
