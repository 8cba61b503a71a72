"""From what was chosen to one fitted pipeline of plain scikit-learn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from mlmodels.learning.tables.derived import Derived
from mlmodels.learning.trainers import calibration, ensemble, rounds, stacking, targets
from mlmodels.learning.trainers.algorithms import ENSEMBLE
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate, Rows
from mlmodels.learning.trainers.comparison import Choice
from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.pairs import find_pairs
from mlmodels.learning.trainers.plan import NUMBER, Feature, TrainingPlan
from mlmodels.learning.trainers.preparation import build_model, build_preparation, seasons_of
from mlmodels.learning.trainers.trainer import TREES


@dataclass(frozen=True)
class Recipe:
    """The models to fit, with their weights; `apart` is how they predict rows that they were not trained on.

    With a `calibration` method a calibrator is learned from the `uncalibrated` ones.
    """

    members: Sequence[Candidate]
    weights: Sequence[float] = (1.0,)
    apart: Predictions | None = None
    calibration: str | None = None
    uncalibrated: np.ndarray | None = None
    pairs: Sequence[Derived] = ()

    @property
    def algorithm(self) -> str:
        return self.members[0].algorithm if len(self.members) == 1 else ENSEMBLE

    @property
    def parameters(self) -> dict:
        return dict(self.members[0].parameters) if len(self.members) == 1 else {}


def recipe_for(choice: Choice) -> Recipe:
    """With the rounds and penalties that were found, and calibrated where that helps."""
    bench = choice.bench
    members = [
        replace(result.candidate, parameters=result.final_parameters, fold_rounds=())
        for result in choice.members
    ]
    pairs = ()
    if any(member.has_pairs for member in members):
        pairs = find_pairs(bench.features, bench.rows.frame, bench.rows.labels, bench.task)
    actual, predictions = bench.actual(), choice.predictions
    if bench.classes is None:
        apart = Predictions(actual, np.concatenate(predictions))
        return Recipe(members, choice.weights, apart, pairs=pairs)
    is_weighted = any(member.parameters.get("class_weight") for member in members)
    folds = [bench.rows.labels[validation] for _, validation in bench.folds]
    method = calibration.choose_method(folds, predictions, bench.classes, is_weighted)
    calibrated = method and calibration.crossed(method, folds, predictions, bench.classes)
    probabilities = np.concatenate(calibrated or predictions)
    predicted = bench.classes[probabilities.argmax(axis=1)]
    apart = Predictions(actual, predicted, probabilities, bench.classes)
    return Recipe(members, choice.weights, apart, method, np.concatenate(predictions), pairs)


def fit(
    recipe: Recipe,
    plan: TrainingPlan,
    rows: Rows,
    on_share: Callable[[float], None] = lambda share: None,
) -> Pipeline:
    """`rows` have the columns of the file, the derived ones, and the pairs of the recipe."""
    count = len(recipe.members)
    fitted = [
        fit_one(member, recipe, plan, rows, lambda share, done=done: on_share((done + share) / count))
        for done, member in enumerate(recipe.members)
    ]
    return assembled(recipe, fitted)


def assembled(recipe: Recipe, fitted: Sequence[Pipeline]) -> Pipeline:
    """One pipeline out of the fitted members."""
    pipeline = fitted[0]
    if len(fitted) > 1:
        classes = getattr(fitted[0], "classes_", None)
        pipeline = ensemble.voting(fitted, recipe.weights, classes)
    if recipe.calibration and len(pipeline.classes_) == len(recipe.apart.classes):
        pipeline = calibration.calibrated(
            pipeline, recipe.calibration, recipe.apart.actual, recipe.uncalibrated
        )
    return pipeline


def fit_member(
    recipe: Recipe, plan: TrainingPlan, table: Rows, positions: np.ndarray, number: int
) -> Pipeline:
    """A task: one member of the recipe on these rows."""
    rows = table.at(positions).derive(recipe.pairs)
    return fit_one(recipe.members[number], recipe, plan, rows, lambda share: None)


def fit_one(
    candidate: Candidate, recipe: Recipe, plan: TrainingPlan, rows: Rows, on_share: Callable[[float], None]
) -> Pipeline:
    trainer, seasons = candidate.trainer, seasons_of(plan.derived)
    pairs = [Feature(made.name, NUMBER) for made in recipe.pairs] if candidate.has_pairs else []
    features = [*plan.all_features, *pairs]
    preparation = build_preparation(candidate.family, plan.task, features, rows.frame, rows.labels, seasons)
    model = build_model(trainer, plan.task, candidate.parameters, preparation, rows.labels)
    pipeline = Pipeline(
        [
            ("prepare", preparation),
            ("model", targets.with_transform(model, candidate.target_transform, rows.labels)),
        ]
    )
    if candidate.is_stacked:
        prepared = prepare_stacked(preparation, candidate, plan, features, rows)
        pipeline["model"].fit(prepared, rows.labels)
        return pipeline
    if not isinstance(pipeline["model"], rounds.FORESTS):
        return pipeline.fit(rows.frame, rows.labels)
    prepared = preparation.fit_transform(rows.frame, rows.labels)
    rounds.grow(model, prepared, rows.labels, Budget.unlimited(), on_share)
    return pipeline


def prepare_stacked(
    preparation: ColumnTransformer,
    candidate: Candidate,
    plan: TrainingPlan,
    features: Sequence[Feature],
    rows: Rows,
) -> np.ndarray:
    """Grows the forest, makes it the last block of the preparation, and prepares the rows."""
    names = [feature.name for feature in features]
    frame, labels = rows.frame[names], rows.labels
    trees = build_preparation(TREES, plan.task, features, frame, labels, seasons_of(plan.derived))
    learned = targets.fitted_transform(candidate.target_transform, labels).there(labels)
    forest, out_of_bag = stacking.grow(plan.task, trees.fit_transform(frame, labels), learned)
    fitted = Pipeline([("prepare", trees), ("model", forest)])
    block = ensemble.voting([fitted], [1.0], getattr(forest, "classes_", None))["model"]
    preparation.transformers.append(("forest", FrozenEstimator(block), names))
    prepared = preparation.fit_transform(rows.frame, labels)
    prepared[:, -out_of_bag.shape[1] :] = out_of_bag
    return prepared
