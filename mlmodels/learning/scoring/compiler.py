"""Which kernel answers for which model."""

from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlmodels.learning.scoring.boosting import BoostingClassificationKernel, BoostingRegressionKernel
from mlmodels.learning.scoring.encoder import RowEncoder
from mlmodels.learning.scoring.errors import NoExactKernel
from mlmodels.learning.scoring.linear import LinearKernel, LogisticKernel
from mlmodels.learning.scoring.neighbours import NeighboursClassificationKernel, NeighboursRegressionKernel
from mlmodels.learning.scoring.scorer import ClassificationScorer, RegressionScorer
from mlmodels.learning.scoring.trees import TreeClassificationKernel, TreeRegressionKernel

KERNELS = {
    LinearRegression: LinearKernel,
    Ridge: LinearKernel,
    LogisticRegression: LogisticKernel,
    KNeighborsRegressor: NeighboursRegressionKernel,
    KNeighborsClassifier: NeighboursClassificationKernel,
    DecisionTreeRegressor: TreeRegressionKernel,
    DecisionTreeClassifier: TreeClassificationKernel,
    RandomForestRegressor: TreeRegressionKernel,
    RandomForestClassifier: TreeClassificationKernel,
    HistGradientBoostingRegressor: BoostingRegressionKernel,
    HistGradientBoostingClassifier: BoostingClassificationKernel,
}


def compile_pipeline(pipeline, features) -> RegressionScorer | ClassificationScorer | None:
    model = pipeline["model"]
    if type(model) not in KERNELS:
        return None
    try:
        encoder = RowEncoder(pipeline["prepare"], features)
        kernel = KERNELS[type(model)](model)
    except NoExactKernel:
        return None
    if hasattr(model, "classes_"):
        return ClassificationScorer(features, encoder, kernel, model.classes_.tolist())
    return RegressionScorer(features, encoder, kernel)
