"""How a model gets better with more rows: whether it would pay to collect more of them."""

from collections.abc import Callable

import numpy as np

from mlmodels.learning.executors import Executor
from mlmodels.learning.trainers import assembly
from mlmodels.learning.trainers.assembly import Recipe
from mlmodels.learning.trainers.bench import predict
from mlmodels.learning.trainers.budget import Budget
from mlmodels.learning.trainers.candidates import Rows
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.plan import TrainingPlan
from mlmodels.learning.trainers.scores import R2, score, scoring_for
from mlmodels.learning.trainers.splits import Split
from mlmodels.learning.trainers.trainer import CLASSIFICATION

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
DRAWS = 3
ROWS_MIN = 20


def learning_curve(
    recipe: Recipe,
    plan: TrainingPlan,
    rows: Rows,
    split: Split,
    budget: Budget,
    on_share: Callable[[float], None],
    executor: Executor,
) -> list[dict]:
    """The score on the test set after training on growing parts, each drawn a few times.

    Parts in which a class is missing are left out.
    """
    training = rows.labels[split.training]
    classes = np.unique(training) if plan.task == CLASSIFICATION else None
    scoring = R2 if classes is None else scoring_for(plan.task, training)
    executor.share(recipe)
    tasks = [
        [
            executor.submit(score_part, recipe, plan, rows, part, split.hold_out, scoring, classes)
            for part in parts
            if len(part) >= ROWS_MIN and (classes is None or set(rows.labels[part]) == set(classes))
        ]
        for parts in drawn_parts(split.training)
    ]
    curve = []
    for step, (share, of_share) in enumerate(zip(SHARES, tasks, strict=True)):
        on_share(step / len(SHARES))
        if of_share:
            scores, training_scores = zip(*map(budget.result_of, of_share), strict=True)
            curve.append(
                {
                    "rows": round(share * len(training)),
                    "score": float(np.mean(scores)),
                    "std": float(np.std(scores)),
                    "training_score": float(np.mean(training_scores)),
                    "scoring": scoring,
                }
            )
    return curve


def drawn_parts(training: np.ndarray) -> list[list[np.ndarray]]:
    """For each share, some parts of the training rows at random."""
    draw = np.random.default_rng(SEED)
    return [
        [
            training[np.sort(draw.permutation(len(training))[: round(share * len(training))])]
            for _ in range(DRAWS if share < 1 else 1)
        ]
        for share in SHARES
    ]


def score_part(
    recipe: Recipe,
    plan: TrainingPlan,
    rows: Rows,
    part: np.ndarray,
    hold_out: np.ndarray,
    scoring: str,
    classes: np.ndarray | None,
) -> tuple[float, float]:
    """A task: the score on the test set, and on the part that was learned."""
    learned, apart = (rows.at(positions).derive(recipe.pairs) for positions in (part, hold_out))
    pipeline = assembly.fit(recipe, plan, learned)
    return tuple(
        score(scoring, measured.labels, predict(pipeline, measured.frame), classes)
        for measured in (apart, learned)
    )
