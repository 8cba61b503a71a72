"""Tasks on the folds of a bench, and which of them are begun before their turn.

Results are taken in the order in which one process would make them, so that where tasks run changes the time
and nothing else. What was begun and is not needed after all is cancelled.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mlmodels.learning.executors import FIRST, Executor, Task, ahead_max
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate

if TYPE_CHECKING:
    from mlmodels.learning.trainers.bench import Bench

GUESSES_MORE = (
    2  # than tasks can run; with none a worker is idle now and then, with many much is done in vain
)

FoldTask = tuple[Callable, Candidate, int]  # the function, and of its arguments the number of the fold


class FoldTasks:
    """Each is a function of the bench, a candidate, the number of a fold, and the budget of the candidate."""

    def __init__(self, bench: "Bench", executor: Executor):
        self._bench, self._executor = bench, executor
        self._begun: list[tuple[FoldTask, Task]] = []

    @property
    def ahead_max(self) -> int:
        """Candidates that may be begun before their turn."""
        return ahead_max(self._executor)

    @property
    def guesses_max(self) -> int:
        """Fewer of those that may turn out otherwise: what runs in vain holds up what is needed."""
        return min(self.ahead_max, self._executor.slots + GUESSES_MORE)

    def begin(self, function: Callable, candidate: Candidate, numbers: Iterable[int], budget: Budget) -> None:
        """What is certain to be needed now."""
        if self.ahead_max:
            for number in numbers:
                self._begin((function, candidate, number), budget, FIRST)

    def expect(self, wanted: Sequence[FoldTask], budget: Budget, current: Candidate | None = None) -> None:
        """Begins these before their turn, in this order as workers are free, and cancels all others.

        Those of the `current` candidate stay as they are.
        """
        self._cancel(lambda task: task[1] == current or task in wanted)
        for rank, task in enumerate(wanted, start=FIRST + 1):
            self._begin(task, budget, rank)

    def peek(self, wanted: FoldTask) -> object | None:
        """The result of a task that was begun and has succeeded."""
        task = self._task(wanted)
        return task and task.peek()

    def result_of(self, function: Callable, candidate: Candidate, number: int, budget: Budget):
        """Of the task that was begun, or of one that is begun now."""
        wanted = (function, candidate, number)
        task = self._task(wanted)
        if task is None:
            return budget.result_of(self._submit(wanted, budget, FIRST))
        self._begun = [(known, begun) for known, begun in self._begun if begun is not task]
        return budget.result_of(task)

    def _begin(self, wanted: FoldTask, budget: Budget, rank: int) -> None:
        task = self._task(wanted)
        if task is None:
            self._begun.append((wanted, self._submit(wanted, budget, rank)))
        else:
            task.rank = rank

    def _task(self, wanted: FoldTask) -> Task | None:
        return next((task for known, task in self._begun if known == wanted), None)

    def _cancel(self, is_needed: Callable[[FoldTask], bool]) -> None:
        for known, task in self._begun:
            if not is_needed(known):
                task.cancel()
        self._begun = [begun for begun in self._begun if is_needed(begun[0])]

    def _submit(self, wanted: FoldTask, budget: Budget, rank: int) -> Task:
        function, candidate, number = wanted
        return self._executor.submit(function, self._bench, candidate, number, budget, rank=rank)
