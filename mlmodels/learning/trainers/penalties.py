"""How strongly a linear model penalizes its weights, chosen by cross-validation."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import issparse
from sklearn.linear_model import Ridge

from mlmodels.learning.trainers import targets
from mlmodels.learning.trainers.bench import Bench, PreparedFold, predict
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Candidate
from mlmodels.learning.trainers.scores import loss
from mlmodels.learning.trainers.targets import Transform

WORSE_IN_A_ROW_MAX = 3
COLUMNS_AT_ONCE_MAX = 2_000


def with_penalty(bench: Bench, candidate: Candidate, budget: Budget) -> Candidate:
    """The candidate with the penalty that has the smallest loss over the folds.

    From the strongest penalty on, until weaker ones only make it worse. Where time runs out, those that were
    tried decide.
    """
    penalties = penalties_of(bench, candidate)
    total = np.zeros(len(penalties))
    bench.tasks.begin(fold_losses, candidate, range(len(bench.folds)), budget)
    for number in range(len(bench.folds)):
        if number and budget.left < budget.spent / number:
            break
        total = total + bench.tasks.result_of(fold_losses, candidate, number, budget)
    return candidate.with_parameters(**{candidate.trainer.penalty: float(penalties[int(np.argmin(total))])})


def penalties_of(bench: Bench, candidate: Candidate) -> np.ndarray:
    """The strongest first."""
    labels = bench.rows.labels
    if bench.classes is None:
        labels = targets.fitted_transform(candidate.target_transform, labels).there(labels)
    return candidate.trainer.penalties(labels)


def fold_losses(bench: Bench, candidate: Candidate, number: int, budget: Budget) -> np.ndarray:
    """A task: the loss under each penalty; infinite for those that were not tried."""
    fold, penalties = bench.prepared(candidate, number), penalties_of(bench, candidate)
    losses = np.full(len(penalties), np.inf)
    worse, transform = 0, targets.fitted_transform(candidate.target_transform, fold.training_labels)
    for number, predictions in enumerate(path(bench, candidate, fold, transform, penalties)):
        losses[number] = loss(fold.validation_labels, bench.aligned(*predictions), bench.classes)
        worse = worse + 1 if losses[number] > losses.min() else 0
        if worse == WORSE_IN_A_ROW_MAX:
            break
        budget.on_check()
        if budget.left <= 0:  # weaker ones take longer
            break
    return losses


def path(bench, candidate: Candidate, fold: PreparedFold, transform: Transform, penalties) -> Iterator[tuple]:
    """Predictions for the validation rows under each penalty, and the model that makes them."""
    model = bench.model_for(candidate.with_parameters(**{candidate.trainer.penalty: penalties[0]}), fold)
    labels = transform.there(fold.training_labels)
    is_dense = not issparse(fold.training) and fold.training.shape[1] <= COLUMNS_AT_ONCE_MAX
    if isinstance(model, Ridge) and model.fit_intercept and is_dense:
        for predictions in ridge_path(fold.training, labels, fold.validation, penalties):
            yield transform.back(predictions), model
        return
    if hasattr(model, "warm_start"):
        model.set_params(warm_start=True)
    for penalty in penalties:
        model.set_params(**{candidate.trainer.penalty: penalty}).fit(fold.training, labels)
        yield transform.back(predict(model, fold.validation)), model


def ridge_path(training, labels, validation, penalties) -> Iterator[np.ndarray]:
    """All penalties from one decomposition."""
    means, mean = training.mean(axis=0), labels.mean()
    centred = training - means
    values, vectors = np.linalg.eigh(centred.T @ centred)
    onto = vectors.T @ (centred.T @ (labels - mean))
    turned = (validation - means) @ vectors
    for penalty in penalties:
        yield turned @ (onto / (np.maximum(values, 0) + penalty)) + mean
