"""The queue of training runs at a size: what a claim takes, and how trainings a minute grow with workers.

    python -m benchmarks.queue claims --engine postgresql
    python -m benchmarks.queue trainings

`claims` makes queued runs of some owners on top of ended ones, asks the database how it finds the next, and
claims them all. `trainings` starts real worker processes on PostgreSQL.
"""

import argparse
import os
import time
from collections import Counter
from statistics import median

from benchmarks.empty_installation import empty_installation

OWNERS = 50
ENDED = (0, 10_000, 100_000)
CLAIMED = 500  # of each queue, its jobs ended at once as quick trainings would
WORKERS = (1, 2, 4)
RUNS_PER_OWNER = 4
ROWS = 200


def measure_claims(engine: str, queued: int) -> None:
    print("| ended runs | queued runs | owners | ms per claim, median | p99 | most less fewest claims |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    with empty_installation(engine):
        owners = make_owners(OWNERS)
        so_far = 0
        for ended in ENDED:
            add_runs(owners, ended - so_far, "cancelled")
            so_far = ended
            add_runs(owners, queued, "queued")
            analyze()
            milliseconds, spread = claim_some(CLAIMED)
            print(
                f"| {ended:,} | {queued:,} | {OWNERS} | {median(milliseconds):.1f} "
                f"| {sorted(milliseconds)[int(len(milliseconds) * 0.99)]:.1f} | {spread} |",
                flush=True,
            )
            so_far += empty_the_queue()
        if os.environ.get("EXPLAIN"):
            add_runs(owners, queued, "queued")
            analyze()
            explain()


def make_owners(count: int) -> list[int]:
    from accounts.models import User

    users = [User(email=f"owner{number}@example.com") for number in range(count)]
    return [user.pk for user in User.objects.bulk_create(users)]


def add_runs(owners: list[int], count: int, status: str) -> None:
    """Rows alone: the queue does not look at what was paid."""
    from datetime import timedelta

    from django.utils import timezone

    from mlmodels.models import TrainingRun

    now, step = timezone.now(), 10_000
    for start in range(0, count, step):
        TrainingRun.objects.bulk_create(
            TrainingRun(
                owner_id=owners[number * 7919 % len(owners)],
                plan={}, algorithm="linear", task="regression", target="price", features=[],
                target_column={}, model_name=f"{status} {now.timestamp()} {number}", cost_tokens=0,
                status=status,
                created_at=now - timedelta(seconds=count - number),
                started_at=None if status == "queued" else now - timedelta(seconds=2 * (count - number)),
                finished_at=None if status == "queued" else now,
            )
            for number in range(start, min(start + step, count))
        )  # fmt: skip


def analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def claim_some(count: int) -> tuple[list[float], int]:
    """How long each claim took, and how unevenly the owners were served."""
    from mlmodels.operations import jobs

    milliseconds, served = [], Counter()
    for _ in range(count):
        started = time.perf_counter()
        job = jobs.claim_next(worker="benchmark")
        milliseconds.append((time.perf_counter() - started) * 1000)
        served[job.owner_id] += 1
        type(job).objects.filter(pk=job.pk).update(status="cancelled")
    return milliseconds, max(served.values()) - min(served.values())


def empty_the_queue() -> int:
    from mlmodels.models import TrainingRun

    rest = TrainingRun.objects.queued().update(status="cancelled")
    return rest + CLAIMED


def explain() -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from mlmodels.models import next_in_line

    with CaptureQueriesContext(
        connection,
    ) as captured:
        next_in_line(5)
    with connection.cursor() as cursor:
        how = "EXPLAIN ANALYZE " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
        cursor.execute(how + captured[0]["sql"])
        for row in cursor.fetchall():
            print(*row)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["claims", "trainings"])
    parser.add_argument("--engine", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--queued", type=int, default=10_000)
    options = parser.parse_args()
    measure_claims(options.engine, options.queued)


if __name__ == "__main__":
    main()
