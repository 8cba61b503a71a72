"""How long auto would compare with any number of Dask workers, on cores that nobody else uses.

    python -m benchmarks.cluster_replay                 # auto on 20,000 x 30 with 2, 4 and 8 Dask workers
    python -m benchmarks.cluster_replay --candidates 24

Records the processor time and the result of each task in line, and then compares again by a clock of its own,
on which a task takes what it took in line and what a cluster adds. Tasks are chosen as for a real cluster.
Tasks that were not needed in line have no record, and take the mean of their algorithm.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy

import argparse
import heapq
import time
import warnings
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.cluster import table
from mlmodels.learning.executors import FIRST, InLine, InLineTask
from mlmodels.learning.trainers import NUMBER, REGRESSION, Feature, TrainingPlan, auto, comparison
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate, Rows
from mlmodels.learning.trainers.splits import Splitter
from mlmodels.worker.cluster_queue import TaskQueue

OVERHEAD_SECONDS = 0.012  # of a task; python -m benchmarks.cluster --overhead


class Records:
    """Processor seconds and results of tasks, by function, candidate and fold."""

    def __init__(self):
        self._seconds, self._results = {}, {}
        self._of_algorithm = defaultdict(list)

    def run(self, function: Callable, *arguments):
        started = time.process_time()
        result = function(*arguments)
        name, seconds = name_of(function, *arguments), time.process_time() - started
        self._seconds[name], self._results[name] = seconds, result
        self._of_algorithm[function, arguments[1].algorithm].append(seconds)
        return result

    def seconds(self, function: Callable, *arguments) -> float:
        known = self._seconds.get(name_of(function, *arguments))
        return known or float(np.mean(self._of_algorithm[function, arguments[1].algorithm]))

    def result(self, function: Callable, *arguments):
        return self._results.get(name_of(function, *arguments))

    @property
    def total_seconds(self) -> float:
        return sum(self._seconds.values())


def name_of(function: Callable, bench, candidate: Candidate, number: int, budget: Budget) -> str:
    return f"{function.__name__} {candidate} {number}"


class Recorder(InLine):
    def __init__(self):
        self.records = Records()

    def submit(self, *call, rank: int = FIRST) -> InLineTask:
        return InLineTask(lambda: self.records.run(*call))


class Replay:
    """An executor of so many slots with a clock of its own: `now`."""

    def __init__(self, slots: int, records: Records):
        self.slots, self.records = slots, records
        self.now = self.busy_seconds = 0.0
        self.queue, self.running, self._count = TaskQueue(slots), [], 0

    def share(self, value: object) -> None:
        """Nothing travels."""

    def submit(self, *call, rank: int = FIRST) -> "ReplayedTask":
        task = ReplayedTask(self, call, rank)
        self.queue.put(task)
        return task

    def begin(self, task: "ReplayedTask", on_done: Callable) -> float:
        """The time at which it ends."""
        seconds = self.records.seconds(*task.call) + OVERHEAD_SECONDS
        self.busy_seconds += seconds
        self._count += 1
        heapq.heappush(self.running, (self.now + seconds, self._count, on_done))
        return self.now + seconds

    def run_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            self.now, _, on_done = heapq.heappop(self.running)
            on_done(None)


class ReplayedTask:
    seconds = None

    def __init__(self, replay: Replay, call: tuple, rank: int):
        self.replay, self.call, self.rank = replay, call, rank
        self.ends_at = np.inf

    def send(self, on_done: Callable) -> None:
        self.ends_at = self.replay.begin(self, on_done)

    def is_over(self) -> bool:
        return self.ends_at <= self.replay.now

    def peek(self):
        return self.replay.records.result(*self.call) if self.is_over() else None

    def result(self, timeout: float):
        self.rank = FIRST
        self.replay.run_until(self.is_over)
        return self.replay.records.result(*self.call)

    def cancel(self) -> None:
        self.replay.queue.remove(self)


def compare(executor) -> list:
    """The leaderboard's scores."""
    frame, labels = table()
    features = tuple(Feature(name, NUMBER) for name in frame)
    plan = TrainingPlan("auto", REGRESSION, features, "y", budget_seconds=36_000).checked()
    splitter, rows = Splitter(plan, frame, labels, None), Rows(frame, labels)
    training = splitter.hold_out().training
    choice = auto.choose(plan, splitter, training, rows, Budget(36_000), lambda candidates: None, executor)
    return [row["score"] for row in choice.rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--candidates", type=int, default=12)
    options = parser.parse_args()
    comparison.CANDIDATES_MAX = options.candidates
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recorder = Recorder()
        scores = compare(recorder)
        in_line = recorder.records.total_seconds
        print(f"in line: {in_line:.1f} s of tasks")
        for slots in options.workers:
            replay = Replay(slots, recorder.records)
            assert compare(replay) == scores
            print(
                f"{slots} Dask workers: {replay.now:.1f} s, {replay.now / in_line:.2f} of that, "
                f"busy {replay.busy_seconds / slots / replay.now:.0%} of the time"
            )


if __name__ == "__main__":
    main()
