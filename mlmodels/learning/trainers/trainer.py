"""What every algorithm declares: its name, texts and parameters, and the checks made from them."""

import math
from abc import ABC, abstractmethod

from mlmodels.learning.trainers.errors import ParametersRefused
from mlmodels.learning.trainers.limits import SEARCH_FITS_MAX, SEARCH_FOLDS
from mlmodels.learning.trainers.parameters import Parameter, check_values, find, shorten

REGRESSION = "regression"
CLASSIFICATION = "classification"
TASKS = (REGRESSION, CLASSIFICATION)

SCALED = "scaled"  # families: how columns are prepared for an algorithm, see preparation.py
CLIPPED = "clipped"
SPLINE = "spline"
SCALED_FAMILIES = (SCALED, CLIPPED, SPLINE)
TREES = "trees"
BOOSTING = "boosting"


class Algorithm:
    """What can be ordered by its name, declared as data.

    `default_grid` is what a search without a grid of its own tries; without one, there is no search.
    """

    name: str
    label: str
    summary: str
    tasks: tuple[str, ...] = TASKS
    parameters: tuple[Parameter, ...] = ()
    default_grid: dict[str, tuple] = {}

    def check_parameters(self, values: dict, task: str | None = None) -> dict:
        """All parameters of the task, the given values over the defaults."""
        return {**self.defaults(task), **check_values(self.name, self.parameters, values, task)}

    def to_search(self, is_exhaustive: bool, task: str, given: dict) -> dict[str, tuple]:
        """The default grid; or, where values are drawn, every parameter that was not given, with no list."""
        if is_exhaustive or not self.is_searchable:
            return self.default_grid
        names = self.defaults(task)
        return {p.name: () for p in self.parameters if p.name in names and p.name not in given and p.is_drawn}

    def check_grid(
        self, grid: dict, task: str | None = None, folds: int = SEARCH_FOLDS, *, is_exhaustive: bool = True
    ) -> dict[str, list]:
        """Names and lists of values to try; an empty grid means the default, a single value a list of one.

        Where values are drawn, an empty list means the whole range of the parameter.
        """
        if not self.is_searchable:
            raise ParametersRefused(f"{self.name} cannot be searched. Train it without a grid.", field="grid")
        if not isinstance(grid, dict):
            raise ParametersRefused("A grid must be an object of names and lists of values.", field="grid")
        wanted = grid or self.default_grid
        checked = {
            name: self._check_values_to_try(name, values, task, may_be_empty=not is_exhaustive)
            for name, values in wanted.items()
        }
        if is_exhaustive:
            self._check_size(checked, folds)
        return checked

    def check_rows(self, parameters: dict, training_rows: int) -> None:
        """Refuses parameters that this many training rows cannot satisfy."""

    def defaults(self, task: str | None = None) -> dict:
        return {p.name: p.default for p in self.parameters if task is None or not p.tasks or task in p.tasks}

    @property
    def is_searchable(self) -> bool:
        return bool(self.default_grid)

    def to_dict(self) -> dict:
        return {
            "name": self.name,
            "label": self.label,
            "summary": self.summary,
            "tasks": list(self.tasks),
            "is_searchable": self.is_searchable,
            "parameters": [parameter.to_dict() for parameter in self.parameters],
        }

    def _check_values_to_try(self, name: str, values: object, task: str | None, may_be_empty: bool) -> list:
        parameter = find(self.name, self.parameters, name, task)
        values = list(values) if isinstance(values, list | tuple) else [values]
        if not values and not may_be_empty:
            raise ParametersRefused(f"The list of values for {name} is empty. Give at least one.", field=name)
        if len(values) != 1 and not parameter.searchable:
            raise ParametersRefused(f"{name} cannot be searched. Give it one fixed value.", field=name)
        checked = [parameter.check(value) for value in values]
        if len(set(checked)) < len(checked):
            raise ParametersRefused(f"{name} has the same value twice: {shorten(values)}.", field=name)
        return checked

    def _check_size(self, grid: dict[str, list], folds: int) -> None:
        combinations = math.prod(len(values) for values in grid.values())
        if combinations * folds > SEARCH_FITS_MAX:
            raise ParametersRefused(
                f"This grid has {combinations} combinations, tried on {folds} parts of the rows: "
                f"{combinations * folds} fits, and {SEARCH_FITS_MAX} are allowed. Try fewer values.",
                field="grid",
            )


class Trainer(Algorithm, ABC):
    """An algorithm that makes an unfitted scikit-learn estimator.

    `penalty` and `rounds` name the parameters that are chosen where they are null: by cross-validation, and
    by early stopping.
    """

    family: str
    penalty: str | None = None
    rounds: str | None = None
    takes_sparse = True

    def family_with(self, parameters: dict) -> str:
        """The family under these parameters."""
        return self.family

    @abstractmethod
    def estimator(self, task: str, parameters: dict):
        """`parameters` as `check_parameters` returns them."""


class PenalizedTrainer(Trainer):
    """A linear model, whose parameter `numbers` says how number columns enter."""

    penalty: str

    def family_with(self, parameters):
        return {"clipped": CLIPPED, "spline": SPLINE}.get(parameters.get("numbers"), self.family)

    @abstractmethod
    def penalties(self, labels) -> list[float]:
        """Values of `penalty` to choose from, the strongest penalty first; `labels` are those to learn."""
