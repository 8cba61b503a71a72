"""Unfitted pipelines of single models on one table, which composed models are made of."""

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from mlmodels.learning import trainers
from mlmodels.learning.trainers.preparation import build_preparation
from mlmodels.learning.trainers.trainer import SCALED, TREES
from mlmodels.tests.learning.scoring.examples import REGRESSION, features_of, labels_for, mixed_table

TABLE = mixed_table()
FEATURES = features_of(TABLE)


def pipeline_of(model, target: str, family: str = SCALED) -> Pipeline:
    task = trainers.REGRESSION if target == REGRESSION else trainers.CLASSIFICATION
    preparation = build_preparation(family, task, FEATURES, TABLE, labels_for(TABLE, target))
    return Pipeline([("prepare", preparation), ("model", model)])


def members_of(target: str) -> list[tuple[str, Pipeline]]:
    if target == REGRESSION:
        scale = FunctionTransformer(np.sinh, np.arcsinh, check_inverse=False)
        models = [
            ("ridge", Ridge(), SCALED),
            ("forest", ExtraTreesRegressor(8, random_state=0), TREES),
            ("neighbors", KNeighborsRegressor(), SCALED),
            ("boosting", HistGradientBoostingRegressor(max_iter=10), TREES),
            (
                "scaled",
                TransformedTargetRegressor(Ridge(1e6), transformer=scale, check_inverse=False),
                SCALED,
            ),
        ]
    else:
        models = [
            ("logistic", LogisticRegression(), SCALED),
            ("forest", ExtraTreesClassifier(8, random_state=0), TREES),
            ("boosting", HistGradientBoostingClassifier(max_iter=10), TREES),
        ]
    return [(name, pipeline_of(model, target, family)) for name, model, family in models]
