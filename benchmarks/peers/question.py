"""What every peer shares: reads train.csv and test.csv without its target, writes the answers.

    python peers/with_NAME.py TABLE_FOLDER ANSWERS.csv SECONDS

The peers run in environments of their own, so this needs pandas and nothing of the product.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from processor_clock import processor_clock

REGRESSION, BINARY, MULTICLASS = "regression", "binary", "multiclass"


@dataclass(frozen=True)
class Question:
    training: pd.DataFrame
    test: pd.DataFrame
    target: str
    task: str
    seconds: int

    @property
    def columns(self) -> pd.DataFrame:
        return self.training.drop(columns=self.target)

    @property
    def labels(self) -> pd.Series:
        return self.training[self.target]


def answer(predict: Callable[[Question], pd.DataFrame]) -> None:
    """`predict` returns "prediction" in regression, else one column of probabilities per class."""
    folder, out, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    facts = json.loads((folder / "table.json").read_text())
    target, task = facts["target"], facts["task"]
    types = {} if task == REGRESSION else {target: str}
    dates = [facts["date"]] if facts["date"] else []
    training = pd.read_csv(folder / "train.csv", dtype=types, parse_dates=dates)
    test = pd.read_csv(folder / "test.csv", parse_dates=dates).drop(columns=target)
    with processor_clock():
        answers = predict(Question(training, test, target, task, seconds))
    answers.to_csv(out, index=False)
