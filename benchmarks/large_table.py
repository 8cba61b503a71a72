"""What learning from as many cells as one process may learn from takes: seconds, and the most memory.

    .venv/bin/python -m benchmarks.large_table linear gradient_boosting

The table has twice as many rows, so that half of them are drawn. Each algorithm gets a process of its own.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from mlmodels.learning import tables, training_table
from mlmodels.learning.trainers import Feature, TrainingPlan
from mlmodels.learning.trainers.limits import LEARNED_CELLS_MAX

FEATURES = 30
ROWS = 2 * LEARNED_CELLS_MAX // FEATURES
BLOCK_ROWS = 50_000


def write_table(path: Path) -> None:
    draw = np.random.default_rng(42)
    with path.open("w") as table:
        print(",".join([*(f"c{number}" for number in range(FEATURES)), "target"]), file=table)
        for _ in range(ROWS // BLOCK_ROWS):
            cells = draw.normal(50, 20, (BLOCK_ROWS, FEATURES + 1)).round(3)
            cells[:, -1] = (cells[:, :5].sum(axis=1) + cells[:, -1]).round(3)
            table.writelines(",".join(map(str, row)) + "\n" for row in cells.tolist())


def train(path: Path, summary: tables.TableSummary, algorithm: str, results) -> None:
    columns = [column.to_dict() for column in summary.columns]
    features = tuple(Feature(column["name"], "number") for column in columns[:-1])
    plan = TrainingPlan(algorithm, "regression", features, "target").checked()
    started = time.perf_counter()
    result = training_table.train(path, summary.dialect, columns[:-1], columns[-1], plan.to_dict())
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
    results.put((time.perf_counter() - started, megabytes, result.training_rows + result.hold_out_rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("algorithms", nargs="+")
    algorithms = parser.parse_args().algorithms
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        write_table(path)
        started = time.perf_counter()
        with path.open("rb") as handle:
            summary = tables.inspect(handle)
        seconds = time.perf_counter() - started
        print(f"{path.stat().st_size / 1e6:,.0f} MB, {summary.row_count:,} rows inspected in {seconds:.0f} s")
        for algorithm in algorithms:
            results = context.Queue()
            process = context.Process(target=train, args=(path, summary, algorithm, results))
            process.start()
            seconds, megabytes, rows = results.get()
            process.join()
            print(f"{algorithm}: {rows:,} rows, {seconds:.0f} s, {megabytes:,.0f} MB at most")


if __name__ == "__main__":
    main()
