"""Tasks on the folds of a bench, and which of them are begun before their turn.

Results are taken in the order in which one process would make them, so that where tasks run changes the time
and nothing else. What was begun and is not needed after all is cancelled.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mlmodels.learning.executors import Executor, Task, ahead_max
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate

if TYPE_CHECKING:
    from mlmodels.learning.trainers.bench import Bench


class FoldTasks:
    """Each is a function of the bench, a candidate, the number of a fold, and the budget of the candidate."""

    def __init__(self, bench: "Bench", executor: Executor):
        self._bench, self._executor = bench, executor
        self._begun: list[tuple[tuple, Task]] = []

    @property
    def ahead_max(self) -> int:
        """Candidates that may be begun before their turn."""
        return ahead_max(self._executor)

    @property
    def guesses_max(self) -> int:
        """Fewer of those that may turn out otherwise: what runs in vain holds up what is needed."""
        return min(self.ahead_max, self._executor.slots)

    def begin(
        self,
        function: Callable,
        candidate: Candidate,
        numbers: Iterable[int],
        budget: Budget,
        is_urgent: bool = True,
    ) -> None:
        if not self.ahead_max:
            return
        for number in numbers:
            wanted = (function, candidate, number)
            if not any(known == wanted for known, _ in self._begun):
                self._begun.append((wanted, self._submit(*wanted, budget, is_urgent)))

    def result_of(self, function: Callable, candidate: Candidate, number: int, budget: Budget):
        """Of the task that was begun, or of one that is begun now."""
        wanted = (function, candidate, number)
        task = next((begun for known, begun in self._begun if known == wanted), None)
        if task is None:
            return budget.result_of(self._submit(*wanted, budget))
        self._begun = [(known, begun) for known, begun in self._begun if begun is not task]
        return budget.result_of(task)

    def cancel(self, is_needed: Callable[[Candidate], bool] = lambda candidate: False) -> None:
        for (_, candidate, _), task in self._begun:
            if not is_needed(candidate):
                task.cancel()
        self._begun = [begun for begun in self._begun if is_needed(begun[0][1])]

    def _submit(self, function, candidate, number, budget: Budget, is_urgent: bool = True) -> Task:
        return self._executor.submit(function, self._bench, candidate, number, budget, is_urgent=is_urgent)
