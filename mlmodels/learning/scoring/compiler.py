"""The kernel of each kind of model, and the check that it predicts as its pipeline does."""

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlmodels.learning.scoring.boosting import BoostingClassificationKernel, BoostingRegressionKernel
from mlmodels.learning.scoring.composites import (
    AverageClassificationKernel,
    AverageRegressionKernel,
    CalibratedKernel,
    Member,
    PlainRow,
    StackedRowEncoder,
    TransformedTargetKernel,
)
from mlmodels.learning.scoring.encoder import RowEncoder
from mlmodels.learning.scoring.linear import LinearKernel, LogisticKernel, NaiveBayesKernel
from mlmodels.learning.scoring.neighbors import NeighborsClassificationKernel, NeighborsRegressionKernel
from mlmodels.learning.scoring.scorers import NoExactKernel, Scorer
from mlmodels.learning.scoring.trees import TreeClassificationKernel, TreeRegressionKernel

KERNELS = {
    LinearRegression: LinearKernel,
    Ridge: LinearKernel,
    RidgeCV: LinearKernel,
    Lasso: LinearKernel,
    LassoCV: LinearKernel,
    ElasticNet: LinearKernel,
    ElasticNetCV: LinearKernel,
    LogisticRegression: LogisticKernel,
    LogisticRegressionCV: LogisticKernel,
    GaussianNB: NaiveBayesKernel,
    KNeighborsRegressor: NeighborsRegressionKernel,
    KNeighborsClassifier: NeighborsClassificationKernel,
    DecisionTreeRegressor: TreeRegressionKernel,
    DecisionTreeClassifier: TreeClassificationKernel,
    RandomForestRegressor: TreeRegressionKernel,
    RandomForestClassifier: TreeClassificationKernel,
    ExtraTreesRegressor: TreeRegressionKernel,
    ExtraTreesClassifier: TreeClassificationKernel,
    HistGradientBoostingRegressor: BoostingRegressionKernel,
    HistGradientBoostingClassifier: BoostingClassificationKernel,
}


def compile_pipeline(pipeline, features) -> Scorer | None:
    try:
        encoder, kernel = compiled(pipeline, features)
    except NoExactKernel:
        return None
    classes = pipeline.classes_.tolist() if hasattr(pipeline, "classes_") else None
    return Scorer(features, encoder, kernel, classes)


def compiled(model, features) -> Member:
    """Encoder and kernel of a model that takes the columns as they are."""
    match model:
        case FrozenEstimator():
            return compiled(model.estimator, features)
        case Pipeline() if "prepare" in model.named_steps:
            return Member(encoder_of(model["prepare"], features), kernel_of(model["model"]))
        case Pipeline():
            return compiled(model["model"], features)
        case VotingRegressor():
            return Member(PlainRow(), AverageRegressionKernel(*members_of(model, features)))
        case VotingClassifier() if model.voting == "soft":
            return Member(PlainRow(), AverageClassificationKernel(*members_of(model, features)))
        case CalibratedClassifierCV() if len(model.calibrated_classifiers_) == 1:
            calibrated = model.calibrated_classifiers_[0]
            encoder, kernel = compiled(calibrated.estimator, features)
            uses_scores = hasattr(calibrated.estimator, "decision_function")
            return Member(encoder, CalibratedKernel(kernel, uses_scores, calibrated, len(model.classes_)))
    raise NoExactKernel(f"model {model}")


def encoder_of(prepare, features) -> RowEncoder | StackedRowEncoder:
    encoder = RowEncoder(prepare, features)
    if not encoder.base_models:
        return encoder
    base_models = [(place, members_of(model, features)[0]) for place, model in encoder.base_models]
    return StackedRowEncoder(encoder, base_models)


def members_of(model, features) -> tuple[list[Member], list[float]]:
    members = [compiled(member, features) for member in model.estimators_]
    return members, model._weights_not_none or [1.0] * len(members)


def kernel_of(model):
    """The kernel of an estimator that takes prepared rows."""
    if isinstance(model, TransformedTargetRegressor):
        return TransformedTargetKernel(kernel_of(model.regressor_), model.transformer_)
    if type(model) not in KERNELS:
        raise NoExactKernel(f"model {model}")
    return KERNELS[type(model)](model)


ROWS_MAX = 200
ODD_ROWS = 50  # at least one for each column, with a blank in it, and as many with something unseen
SEED = 42
RELATIVE_TOLERANCE = 1e-9
# A rounding error of the largest prediction may be large beside a prediction near zero.
TOLERANCE_OF_LARGEST = 1e-12
UNSEEN_CATEGORY = "never seen before"


def verify(scorer, pipeline, frame: pd.DataFrame) -> bool:
    rows = _trial_rows(frame[[feature.name for feature in scorer.features]], scorer.features)
    prepared, model = _prepared(pipeline, rows)
    given = [_prediction(scorer, row) for row in rows.itertuples(index=False, name=None)]
    expected = _model_predictions(model, prepared)
    scale = max(abs(number) for _, numbers in expected for number in numbers)
    differing = [n for n, pair in enumerate(zip(given, expected, strict=True)) if not _agree(*pair, scale)]
    # In a tie, a model may predict differently for a row on its own, which is what counts.
    return all(_agree(given[n], _model_predictions(model, prepared[n : n + 1])[0], scale) for n in differing)


def _prepared(pipeline, rows: pd.DataFrame) -> tuple:
    """Rows prepared once for labels and probabilities, and the model that takes them."""
    if "prepare" in pipeline.named_steps:
        return pipeline["prepare"].transform(rows), pipeline["model"]
    return rows, pipeline


def _trial_rows(frame: pd.DataFrame, features) -> pd.DataFrame:
    """Real rows, some of them with a blank each, some with something unseen each, and a row of blanks."""
    real = frame.sample(min(len(frame), ROWS_MAX), random_state=SEED)
    odd = real.head(max(ODD_ROWS, len(features)))
    blank, unseen, all_blank = odd.copy(), odd.copy(), real.head(1).copy()
    for at, feature in enumerate(features):
        is_number = feature.role == "number"
        blank.iloc[at :: len(features), at] = np.nan if is_number else ""
        past_all_others = float(np.nan_to_num(real.iloc[:, at].abs().max())) * 2 + 1 if is_number else None
        unseen.iloc[at :: len(features), at] = past_all_others if is_number else UNSEEN_CATEGORY
        all_blank.iloc[:, at] = np.nan if is_number else ""
    return pd.concat([real, blank, unseen, all_blank], ignore_index=True)


def _model_predictions(model, prepared) -> list[tuple]:
    """(label, probabilities) of each row; for regression (None, [prediction])."""
    predictions = model.predict(prepared).tolist()
    if not hasattr(model, "classes_"):
        return [(None, [prediction]) for prediction in predictions]
    return list(zip(predictions, model.predict_proba(prepared).tolist(), strict=True))


def _prediction(scorer, row) -> tuple:
    return (None, [scorer.predict(row)]) if scorer.classes is None else scorer.classify(row)


def _agree(given: tuple, expected: tuple, scale: float) -> bool:
    return given[0] == expected[0] and np.allclose(
        given[1], expected[1], rtol=RELATIVE_TOLERANCE, atol=TOLERANCE_OF_LARGEST * scale
    )
