"""How fast and how exact single predictions are: every algorithm, compiled, against its own cached pipeline.

    pip install -r benchmarks/requirements.txt
    OMP_NUM_THREADS=1 python -m benchmarks.single_row

Prints a Markdown table, with ONNX Runtime and treelite beside them. The times are medians over different rows
of one table of mixed columns. It is the time that the thread computes (nothing here waits), and all take
turns: so the figures of a busy machine are little worse than those of a quiet one.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: one thread, as in a web worker

import argparse
import statistics
import time

import numpy as np
import pandas as pd

from benchmarks.single_row_peers import by_onnx, by_treelite
from mlmodels.learning import scoring, trainers
from mlmodels.learning.trainers import CATEGORY, CLASSIFICATION, NUMBER, REGRESSION, Feature, TrainingPlan
from mlmodels.learning.trainers.preparation import build_pipeline

ROW_COUNT = 10_000
PENALTY = 1.0  # which a training would find: it makes no difference to the time
ROUNDS = 100
CALLS_IN_A_ROUND = 5  # as a process that serves one model calls it: with warm caches
COLUMNS = (
    *("algorithm", "task", "pipeline, µs", "ONNX, µs", "treelite, µs", "compiled, µs", "ratio"),
    *("deviation", "of ONNX", "of treelite", "compile, s", "MB"),
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
    print(line(COLUMNS))
    print(line(["---", "---", *["---:"] * (len(COLUMNS) - 2)]))
    for name in asked.algorithms:
        for task in trainers.TRAINERS[name].tasks:
            print(line(measured(name, task, table, targets[task])), flush=True)


def line(cells) -> str:
    return f"| {' | '.join(cells)} |"


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


def measured(algorithm: str, task: str, table: pd.DataFrame, labels: np.ndarray) -> list[str]:
    """One row of the table."""
    features = tuple(Feature(name, NUMBER if table[name].dtype == float else CATEGORY) for name in table)
    trainer = trainers.TRAINERS[algorithm]
    given = {trainer.penalty: PENALTY} if trainer.penalty else {}
    parameters = trainer.check_parameters(given, task)
    plan = TrainingPlan(algorithm, task, features, "price", parameters)
    pipeline = build_pipeline(plan, table, labels).fit(table, labels)

    started = time.thread_time()
    compiled = scoring.compile_pipeline(pipeline, features)
    compile_seconds = time.thread_time() - started
    assert scoring.verify(compiled, pipeline, table)

    new_rows = table.sample(ROUNDS * CALLS_IN_A_ROUND, random_state=2)
    new_rows = new_rows.assign(area=new_rows["area"] + 0.01)
    # The converter to ONNX does not know columns that say where a blank was
    complete, complete_rows = table.fillna(0.0), new_rows.fillna(0.0)
    without_blanks = build_pipeline(plan, complete, labels).fit(complete, labels)
    rows, filled_rows = rows_of(new_rows), rows_of(complete_rows)
    onnx, treelite = by_onnx(without_blanks, features, filled_rows), by_treelite(pipeline)
    prepared = np.asarray(pipeline[:-1].transform(new_rows), dtype=np.float64) if treelite else None
    times = medians(
        (scoring.pipeline_scorer(pipeline, features).predict, rows),
        (onnx, [[row] for row in filled_rows]),
        (treelite, [prepared[n : n + 1] for n in range(len(rows))] if treelite else rows),
        (compiled.predict, rows),
    )
    expected = output_of(pipeline, new_rows)
    deviations = [
        deviation(predictions_of(compiled, rows), expected),
        deviation(onnx(filled_rows), output_of(without_blanks, complete_rows)) if onnx else None,
        deviation(treelite(prepared), expected) if treelite else None,
    ]
    return [
        algorithm,
        task,
        *(written(seconds and seconds * 1e6, ",.0f") for seconds in times[:-1]),
        f"{times[-1] * 1e6:,.1f}",
        f"{times[0] / times[-1]:,.0f}",
        *(written(each, ".0e") for each in deviations),
        f"{compile_seconds:.2f}",
        f"{compiled.nbytes / 1e6:,.1f}",
    ]


def rows_of(table: pd.DataFrame) -> list[list]:
    return [list(row) for row in table.itertuples(index=False, name=None)]


def medians(*predictors) -> list[float | None]:
    """Seconds for one prediction by each (predict, rows), None for who cannot. They take turns."""
    times = [[] for _ in predictors]
    for first in range(0, ROUNDS * CALLS_IN_A_ROUND, CALLS_IN_A_ROUND):
        for own, (predict, rows) in zip(times, predictors, strict=True):
            if predict:
                own += [seconds(predict, row) for row in rows[first : first + CALLS_IN_A_ROUND]]
    return [statistics.median(own) if own else None for own in times]


def seconds(predict, row) -> float:
    started = time.thread_time()
    predict(row)
    return time.thread_time() - started


def output_of(pipeline, table: pd.DataFrame) -> np.ndarray:
    return pipeline.predict_proba(table) if hasattr(pipeline, "classes_") else pipeline.predict(table)


def predictions_of(compiled, rows: list[list]) -> np.ndarray:
    predict = compiled.predict if compiled.classes is None else compiled.predict_proba
    return np.array([predict(row) for row in rows])


def deviation(given: np.ndarray, expected: np.ndarray) -> float:
    """The largest deviation: relative for numbers, absolute for the probabilities of classes."""
    difference = np.abs(given - expected)
    return float((difference if expected.ndim == 2 else difference / np.abs(expected)).max())


def written(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


if __name__ == "__main__":
    main()
