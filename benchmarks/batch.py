"""How fast whole files are: our answer against pandas with the cached pipeline, on the same 100,000 rows.

    OMP_NUM_THREADS=1 python -m benchmarks.batch [--rows 100000] [--profile]

Prints a Markdown table. Pandas reads the file, the fitted pipeline predicts the frame, and `to_csv` writes it
with the prediction. Ours is read, predicted with interval and warnings, and written; before that it is read
for the quote. The time is what the process computes, and all take turns. The deviation is relative to the
largest prediction.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: one thread, as in a worker's process

import argparse
import cProfile
import io
import pstats
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.single_row import houses, prices
from mlmodels.learning import batches, tables, trainers
from mlmodels.learning.serving import ModelFacts
from mlmodels.learning.trainers import REGRESSION, Feature, TrainingPlan

ALGORITHMS = ("linear", "gradient_boosting", "random_forest", "knn")
ROUNDS = 5
HEADER = (
    "| algorithm | pandas, s | answer, s | ratio | quote, s | ratio with the quote | pipeline alone, s "
    "| largest deviation |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--algorithms", nargs="*", default=ALGORITHMS)
    options.add_argument("--profile", action="store_true", help="print where our time goes instead")
    asked = options.parse_args()
    table = with_dates_written(houses()).assign(price=prices(houses()))
    question = with_dates_written(houses(asked.rows, seed=3)).to_csv(index=False)
    print(HEADER if not asked.profile else "")
    for algorithm in asked.algorithms:
        model = Model(algorithm, table)
        if asked.profile:
            profile(lambda model=model: model.answer(question.encode(), model.quote(question.encode())))
        else:
            print(measured(algorithm, model, question.encode()), flush=True)


def with_dates_written(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(sold_on=pd.to_datetime(table["sold_on"], unit="s").dt.strftime("%Y-%m-%d"))


class Model:
    """Trained as the platform does it, on a table as it is uploaded."""

    def __init__(self, algorithm: str, table: pd.DataFrame):
        file = io.BytesIO(table.to_csv(index=False).encode())
        summary = tables.inspect(file)
        *columns, target = summary.columns
        frame = tables.read(file, summary.dialect, summary.columns)
        labels = tables.target_values(target, frame.pop("price"), REGRESSION).values
        features = tuple(Feature(column.name, column.role) for column in columns)
        parameters = trainers.TRAINERS[algorithm].check_parameters({}, REGRESSION)
        self.result = trainers.train(
            frame, labels, TrainingPlan(algorithm, REGRESSION, features, "price", parameters)
        )
        self.columns = [column.to_dict() for column in columns]
        facts = ModelFacts(
            columns=self.columns,
            seen=self.result.features,
            derived=self.result.derived,
            reliability=self.result.report["reliability"],
        )
        self.table_model = batches.TableModel(self.result.pipeline, facts)

    def quote(self, question: bytes) -> batches.Inspection:
        return batches.inspect(io.BytesIO(question), self.columns)

    def answer(self, question: bytes, inspection: batches.Inspection) -> bytes:
        answer = io.BytesIO()
        batches.answer_file(self.table_model, inspection.reading, io.BytesIO(question), answer)
        return answer.getvalue()

    def with_pandas(self, question: bytes) -> bytes:
        frame = self.frame(question)
        frame["prediction"] = self.result.pipeline.predict(frame)
        return frame.to_csv(index=False).encode()

    def frame(self, question: bytes) -> pd.DataFrame:
        """As scikit-learn gets it from somebody who knows the pipeline."""
        frame = pd.read_csv(io.BytesIO(question), dtype=dict.fromkeys(("city", "heating", "street"), object))
        frame["sold_on"] = (
            pd.to_datetime(frame["sold_on"]).astype("datetime64[s]").astype("int64").astype(float)
        )
        return frame


def measured(algorithm: str, model: Model, question: bytes) -> str:
    inspection, frame = model.quote(question), model.frame(question)
    times = seconds_in_turns(
        lambda: model.with_pandas(question),
        lambda: model.answer(question, inspection),
        lambda: model.quote(question),
        lambda: model.result.pipeline.predict(frame),
    )
    theirs, answer, quote, alone = times
    expected = pd.read_csv(io.BytesIO(model.with_pandas(question)))["prediction"]
    given = pd.read_csv(io.BytesIO(model.answer(question, inspection)))["prediction"]
    deviation = float(np.abs(given - expected).max() / np.abs(expected).max())
    return (
        f"| {algorithm} | {theirs:.2f} | {answer:.2f} | {theirs / answer:.1f} | {quote:.2f} "
        f"| {theirs / (answer + quote):.1f} | {alone:.2f} | {deviation:.0e} |"
    )


def seconds_in_turns(*calls: Callable) -> list[float]:
    times = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, of_call in zip(calls, times, strict=True):
            started = time.process_time()
            call()
            of_call.append(time.process_time() - started)
    return list(map(statistics.median, times))


def profile(call: Callable) -> None:
    call()
    with cProfile.Profile() as profiler:
        call()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(22)


if __name__ == "__main__":
    main()
