"""How a model gets better with more rows: whether it would pay to collect more of them."""

from collections.abc import Callable

import numpy as np

from mlmodels.learning.trainers import assembly
from mlmodels.learning.trainers.assembly import Recipe
from mlmodels.learning.trainers.bench import predict
from mlmodels.learning.trainers.candidates import Rows
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.plan import TrainingPlan
from mlmodels.learning.trainers.scores import R2, score, scoring_for
from mlmodels.learning.trainers.trainer import CLASSIFICATION

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
DRAWS = 3
ROWS_MIN = 20


def learning_curve(
    recipe: Recipe,
    plan: TrainingPlan,
    training: Rows,
    hold_out: Rows,
    on_share: Callable[[float], None],
) -> list[dict]:
    """The score on the test set after training on growing parts, each drawn a few times.

    Parts in which a class is missing are left out.
    """
    classes = np.unique(training.labels) if plan.task == CLASSIFICATION else None
    scoring = R2 if classes is None else scoring_for(plan.task, training.labels)
    draw = np.random.default_rng(SEED)
    curve = []
    for step, share in enumerate(SHARES):
        on_share(step / len(SHARES))
        count = round(share * len(training))
        scores, training_scores = [], []
        for _ in range(DRAWS if share < 1 else 1):
            part = training.at(np.sort(draw.permutation(len(training))[:count]))
            if count < ROWS_MIN or (classes is not None and len(np.unique(part.labels)) < len(classes)):
                continue
            pipeline = assembly.fit(recipe, plan, part)
            scores.append(score(scoring, hold_out.labels, predict(pipeline, hold_out.frame), classes))
            training_scores.append(score(scoring, part.labels, predict(pipeline, part.frame), classes))
        if scores:
            curve.append(
                {
                    "rows": count,
                    "score": float(np.mean(scores)),
                    "std": float(np.std(scores)),
                    "training_score": float(np.mean(training_scores)),
                    "scoring": scoring,
                }
            )
    return curve
