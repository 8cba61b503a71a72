"""How a large table gets to the workers of a Dask cluster: sent, or read from its file by each of them.

python -m benchmarks.cluster_table
"""

import tempfile
import time
from pathlib import Path

from benchmarks.large_table import write_table
from mlmodels.learning import tables, training_table
from mlmodels.learning.trainers import Feature, TrainingPlan
from mlmodels.learning.trainers.checks import check_features
from mlmodels.tests.worker.dask_processes import DaskCluster
from mlmodels.worker.cluster import DaskExecutor

WORKERS = 2


def read_table(path: Path):
    with path.open("rb") as handle:
        summary = tables.inspect(handle)
    columns = [column.to_dict() for column in summary.columns]
    features = tuple(Feature(column["name"], "number") for column in columns[:-1])
    plan = TrainingPlan("linear", "regression", features, "target").checked()
    started = time.perf_counter()
    frame, _, _ = training_table.read(path, summary.dialect, columns[:-1], columns[-1], plan)
    print(f"{path.stat().st_size / 1e6:,.0f} MB read in {time.perf_counter() - started:.1f} s: {frame.shape}")
    return frame


def send_table(frame, folder: Path) -> None:
    with (
        DaskCluster(folder, WORKERS) as cluster,
        DaskExecutor(cluster.reached_by, lambda traffic: print(f"  {traffic}")) as executor,
    ):
        check_on_all(
            executor, frame.iloc[:10]
        )  # a Dask worker loads the learning libraries for its first task
        before = peak_mb(cluster.scheduler.pid)
        executor.share(frame)
        started = time.perf_counter()
        check_on_all(executor, frame)
        seconds = time.perf_counter() - started
        print(f"packed, sent to {WORKERS} Dask workers and unpacked there in {seconds:.1f} s")
        print(f"the scheduler grew by {peak_mb(cluster.scheduler.pid) - before:,.0f} MB")


def check_on_all(executor: DaskExecutor, frame) -> None:
    for task in [executor.submit(check_features, frame, ()) for _ in range(WORKERS)]:
        task.result(timeout=600)


def peak_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        write_table(path)
        send_table(read_table(path), Path(folder))


if __name__ == "__main__":
    main()
