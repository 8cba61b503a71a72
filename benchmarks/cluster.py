"""What a Dask cluster of this machine brings, and what it costs.

    python -m benchmarks.cluster                # auto on 20,000 x 30: in line, then with two Dask workers
    python -m benchmarks.cluster --candidates 6 --workers 1 2
    python -m benchmarks.cluster --overhead     # tasks that do nothing

Auto tries a number of candidates here, without a budget, so that every run does the same work; leaderboards
and models are compared. On a machine whose cores others use as well, only ratios of one run count, and
processor seconds more than those: they say what Dask adds to the work.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy

import argparse
import importlib
import io
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from mlmodels.learning import trainers
from mlmodels.learning.executors import IN_LINE
from mlmodels.learning.trainers import NUMBER, REGRESSION, Feature, TrainingPlan, comparison
from mlmodels.learning.trainers.figures import written
from mlmodels.tests.worker.dask_processes import DaskCluster
from mlmodels.worker.cluster import DaskExecutor

ROWS, COLUMNS = 20_000, 30
CLOCKED = ("seconds", "milliseconds_per_row")
TASKS = 200


def table() -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(ROWS, COLUMNS))).add_prefix("x")
    labels = frame["x0"] * 3 + frame["x1"] ** 2 + np.sin(3 * frame["x2"]) + frame["x3"] * (frame["x4"] > 0)
    return frame, (labels + draw.normal(size=ROWS)).to_numpy()


def run_auto(executor) -> dict:
    frame, labels = table()
    features = tuple(Feature(name, NUMBER) for name in frame)
    plan = TrainingPlan("auto", REGRESSION, features, "y", budget_seconds=36_000)
    notes = []
    started, worked = time.perf_counter(), time.process_time()
    result = trainers.train(
        frame,
        labels,
        plan,
        lambda progress: notes.append((time.perf_counter() - started, progress.note)),
        executor=executor,
    )
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    compared = next(at for at, note in notes if note.startswith("Fitting"))
    file = io.BytesIO()
    joblib.dump(result.pipeline, file)
    rows = [{name: row[name] for name in row if name not in CLOCKED} for row in result.candidates]
    return {
        "seconds": seconds,
        "processor": processor,
        "compared": compared,
        "rows": rows,
        "model": joblib.hash(file.getvalue()),
    }


def with_workers(count: int, work):
    if not count:
        return work(IN_LINE)
    with tempfile.TemporaryDirectory() as folder, DaskCluster(Path(folder), count) as cluster:
        with cluster.client() as client:  # a Dask worker loads the learning libraries for its first task
            client.run(importlib.import_module, "mlmodels.learning.trainers.fitting")
        with DaskExecutor(cluster.reached_by, lambda traffic: print(f"  {traffic}")) as executor:
            assert executor.slots == count
            before = cluster.processor_seconds()
            found = work(executor)
            if found:
                after = cluster.processor_seconds()
                there = [end - start for start, end in zip(before, after, strict=True)]
                print(f"  processor seconds of scheduler and Dask workers: {there}")
                found["processor"] += sum(there)
            return found


def compare(counts: list[int], candidates: int) -> None:
    comparison.CANDIDATES_MAX = candidates
    first = None
    for count in counts:
        found = with_workers(count, run_auto)
        first = first or found
        is_same = (found["rows"], found["model"]) == (first["rows"], first["model"])
        print(
            f"{f'{count} Dask workers' if count else 'in line'}: {found['seconds']:.1f} s, of which "
            f"{found['compared']:.1f} comparing; {found['seconds'] / first['seconds']:.2f} of the first; "
            f"{found['processor']:.1f} processor seconds; "
            f"leaderboard and model {'the same' if is_same else 'DIFFER'}"
        )


def overhead(executor) -> None:
    executor.submit(written, 1.0).result(timeout=60)
    started = time.perf_counter()
    for _ in range(TASKS):
        executor.submit(written, 1.0).result(timeout=10)
    alone = (time.perf_counter() - started) / TASKS
    started = time.perf_counter()
    tasks = [executor.submit(written, 1.0) for _ in range(TASKS)]
    for task in tasks:
        task.result(timeout=10)
    together = (time.perf_counter() - started) / TASKS
    print(f"a task: {1000 * alone:.1f} ms one after another, {1000 * together:.1f} ms of {TASKS} at a time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="0: in line")
    parser.add_argument("--candidates", type=int, default=12)
    parser.add_argument("--overhead", action="store_true")
    options = parser.parse_args()
    with threadpool_limits(1):
        if options.overhead:
            with_workers(2, overhead)
        else:
            compare(options.workers, options.candidates)


if __name__ == "__main__":
    main()
