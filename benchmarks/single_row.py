"""How fast and how exact single predictions are: every algorithm, compiled, against its own cached pipeline.

    OMP_NUM_THREADS=1 python -m benchmarks.single_row

Prints a Markdown table. The times are medians over different rows of one table of mixed columns. It is the
time that the thread computes (nothing here waits), and pipeline and compiled take turns: so the figures of a
busy machine are little worse than those of a quiet one.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: one thread, as in a web worker

import argparse
import statistics
import time

import numpy as np
import pandas as pd

from mlmodels.learning import scoring, trainers
from mlmodels.learning.trainers import CATEGORY, CLASSIFICATION, NUMBER, REGRESSION, Feature, TrainingPlan
from mlmodels.learning.trainers.preparation import build_pipeline

ROW_COUNT = 10_000
ROUNDS = 150
COMPILED_CALLS_PER_ROUND = 5
HEADER = (
    "| algorithm | task | pipeline, µs | compiled, µs | ratio | largest deviation | compile, s | MB |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def main() -> None:
    options = argparse.ArgumentParser(description="Compare single predictions with the cached pipeline.")
    options.add_argument(
        "--algorithms", nargs="*", default=[name for name in trainers.TRAINERS if name != "auto"]
    )
    asked = options.parse_args()
    table = houses()
    price = prices(table)
    targets = {REGRESSION: price, CLASSIFICATION: np.digitize(price, np.quantile(price, [0.3, 0.7]))}
    print(HEADER)
    for name in asked.algorithms:
        for task in trainers.TRAINERS[name].tasks:
            print(measured(name, task, table, targets[task]), flush=True)


def houses(rows: int = ROW_COUNT, seed: int = 0) -> pd.DataFrame:
    """Ten columns: five numbers with blanks, a date, a yes/no, two lists of categories, one of very many."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({name: draw.normal(size=rows) for name in ("area", "garden", "age", "tax", "noise")})
    table = table.mask(draw.random(table.shape) < 0.03)
    table["sold_on"] = draw.integers(1_600_000_000, 1_750_000_000, rows).astype(float)
    table["is_new"] = draw.integers(0, 2, rows).astype(float)
    for name, count in (("city", 8), ("heating", 20), ("street", 1000)):
        table[name] = pd.Series([f"{name} {n}" for n in draw.integers(0, count, rows)], dtype=object)
    return table


def prices(table: pd.DataFrame) -> np.ndarray:
    numbers = table[["area", "garden", "is_new"]].fillna(0.0) @ [3.0, 1.0, 2.0]
    return (
        numbers
        + np.sin(3 * table["age"].fillna(2.0))
        + table["city"].str[-1].astype(int) % 3
        + table["street"].str[7:].astype(int) % 7
        + np.random.default_rng(1).normal(size=len(table))
    ).to_numpy()


def measured(algorithm: str, task: str, table: pd.DataFrame, labels: np.ndarray) -> str:
    """One line of the table."""
    features = tuple(Feature(name, NUMBER if table[name].dtype == float else CATEGORY) for name in table)
    parameters = trainers.TRAINERS[algorithm].check_parameters({}, task)
    plan = TrainingPlan(algorithm, task, features, "price", parameters)
    pipeline = build_pipeline(plan, table, labels).fit(table, labels)

    started = time.thread_time()
    compiled = scoring.compile_pipeline(pipeline, features)
    compile_seconds = time.thread_time() - started
    assert scoring.verify(compiled, pipeline, table)

    new_rows = table.sample(ROUNDS * COMPILED_CALLS_PER_ROUND, random_state=2)
    new_rows = new_rows.assign(area=new_rows["area"] + 0.01)
    slow, fast = medians(scoring.pipeline_scorer(pipeline, features), compiled, new_rows)
    return (
        f"| {algorithm} | {task} | {slow * 1e6:,.0f} | {fast * 1e6:,.1f} | {slow / fast:,.0f} "
        f"| {largest_deviation(compiled, pipeline, new_rows):.0e} "
        f"| {compile_seconds:.2f} | {compiled.nbytes / 1e6:,.1f} |"
    )


def medians(pipeline, compiled, table: pd.DataFrame) -> tuple[float, float]:
    """Seconds for one prediction by the pipeline and by the compiled scorer."""
    rows = iter([list(row) for row in table.itertuples(index=False, name=None)])
    slow, fast = [], []
    for _ in range(ROUNDS):
        for round_number in range(COMPILED_CALLS_PER_ROUND):
            row = next(rows)
            if round_number == 0:
                slow.append(seconds(pipeline.predict, row))
            fast.append(seconds(compiled.predict, row))
    return statistics.median(slow), statistics.median(fast)


def seconds(predict, row: list) -> float:
    started = time.thread_time()
    predict(row)
    return time.thread_time() - started


def largest_deviation(compiled, pipeline, table: pd.DataFrame) -> float:
    """Relative for numbers; for classes the largest difference of a probability."""
    rows = table.itertuples(index=False, name=None)
    if compiled.classes is not None:
        given = np.array([compiled.predict_proba(row) for row in rows])
        return float(np.abs(given - pipeline.predict_proba(table)).max())
    given, expected = np.array([compiled.predict(row) for row in rows]), pipeline.predict(table)
    return float((np.abs(given - expected) / np.abs(expected)).max())


if __name__ == "__main__":
    main()
