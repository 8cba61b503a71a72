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

from mlmodels.scoring.boosting import BoostingClassificationKernel, BoostingRegressionKernel
from mlmodels.scoring.encoder import RowEncoder
from mlmodels.scoring.errors import NoExactKernel
from mlmodels.scoring.linear import LinearKernel, LogisticKernel
from mlmodels.scoring.neighbours import NeighboursClassificationKernel, NeighboursRegressionKernel
from mlmodels.scoring.scorer import ClassificationScorer, RegressionScorer
from mlmodels.scoring.trees import TreeClassificationKernel, TreeRegressionKernel

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
