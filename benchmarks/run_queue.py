"""The queue of training runs at a size: what a claim takes, and how trainings a minute grow with workers.

    python -m benchmarks.run_queue claims --engine postgresql
    python -m benchmarks.run_queue trainings

`claims` makes queued runs of some owners on top of ended ones, asks the database how it finds the next, and
claims them all. `trainings` starts real worker processes on PostgreSQL.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from statistics import median

from benchmarks.empty_installation import SQL, analyze, empty_installation

OWNERS = 50
CLAIMED = 500  # of each queue, its jobs ended at once as quick trainings would
WORKERS = (1, 2, 4)
TRAININGS_OF_A_WORKER = 30
ROWS = 200


def measure_claims(engine: str, queued: int, sizes: list[int], is_explained: bool) -> None:
    print("| ended runs | queued runs | owners | ms per claim, median | p99 | most less fewest claims |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    with empty_installation(engine):
        owners = make_owners(OWNERS)
        so_far = 0
        for ended in sizes:
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
        if is_explained:
            add_runs(owners, queued, "queued")
            analyze()
            explain()


def make_owners(count: int) -> list[int]:
    from accounts.models import User

    users = [User(email=f"owner{number}@example.com") for number in range(count)]
    return [user.pk for user in User.objects.bulk_create(users)]


def add_runs(owners: list[int], count: int, status: str) -> None:
    """Rows alone, copies of one: the queue does not look at what was paid."""
    from django.db import connection

    from mlmodels.models import TrainingRun

    if not count:
        return
    pattern = TrainingRun.objects.create(
        owner_id=owners[0], plan={}, algorithm="linear", task="regression", target="price", features=[],
        target_column={}, model_name=f"{status} {time.time()}", cost_tokens=0, status="cancelled",
    )  # fmt: skip
    sql = SQL[connection.vendor]
    moment = sql["moment"].format(seconds=f"{count} - n")
    changed = {
        "uuid": sql["uuid"].format(offset=pattern.pk),
        "owner_id": f"{owners[0]} + (n % {len(owners)} * 7919) % {len(owners)}",
        "model_name": "model_name || n",
        "status": f"'{status}'",
        "created_at": moment,
        "started_at": "NULL" if status == "queued" else moment,
    }
    columns = [field.column for field in TrainingRun._meta.concrete_fields if not field.primary_key]
    values = [changed.get(column, f"pattern.{column}") for column in columns]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO mlmodels_trainingrun ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM mlmodels_trainingrun AS pattern, {sql['numbers'].format(first=1, last=count)} "
            f"WHERE pattern.id = {pattern.pk}"
        )


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


def measure_trainings(engine: str) -> None:
    print("| workers | trainings | seconds | trainings a minute | against one worker |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    with empty_installation(engine, OPEN_RUNS_MAX="1000"):
        one_worker = None
        for workers in WORKERS:
            trainings = TRAININGS_OF_A_WORKER * min(workers, os.cpu_count())
            seconds = train_with(workers, trainings)
            a_minute = trainings / seconds * 60
            one_worker = one_worker or a_minute
            print(
                f"| {workers} | {trainings} | {seconds:.1f} | {a_minute:.0f} | {a_minute / one_worker:.2f} |",
                flush=True,
            )


def train_with(workers: int, trainings: int) -> float:
    """Seconds from the first start to the last end, with workers that had been up before."""
    from django.db.models import Max, Min

    from accounts.models import User
    from billing import operations as billing
    from mlmodels.models import TrainingRun, Worker
    from mlmodels.tests.factories import houses_csv, make_dataset, start_run
    from mlplatform.tests.processes import until

    user = User.objects.create_user(f"{workers}@example.com")
    billing.grant(user=user, amount=trainings, reason="benchmark", operation=f"benchmark:{workers}")
    dataset = make_dataset(user, houses_csv(ROWS))
    command = [sys.executable, "manage.py", "run_worker", "--concurrency", str(workers)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: Worker.objects.alive().count() == workers)
        runs = [start_run(user, dataset) for _ in range(trainings)]
        until(lambda: not TrainingRun.objects.open().exists(), seconds=600)
        process.terminate()
    assert TrainingRun.objects.filter(owner=user, status="succeeded").count() == len(runs)
    span = TrainingRun.objects.filter(owner=user).aggregate(first=Min("started_at"), last=Max("finished_at"))
    return (span["last"] - span["first"]).total_seconds()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["claims", "trainings"])
    parser.add_argument("--engine", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--ended", type=int, nargs="+", default=[0, 1_000_000])
    parser.add_argument("--explain", action="store_true", help="print how the database finds the next")
    options = parser.parse_args()
    if options.what == "trainings":
        measure_trainings(options.engine)
    else:
        measure_claims(options.engine, options.queued, options.ended, options.explain)


if __name__ == "__main__":
    main()
