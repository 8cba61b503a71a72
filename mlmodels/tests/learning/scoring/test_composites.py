"""Linear relatives, naive Bayes, extra trees, and models made of other models, against their pipelines."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, QuantileTransformer

from mlmodels.learning import scoring
from mlmodels.learning.trainers import targets
from mlmodels.learning.trainers.trainer import SCALED, TREES
from mlmodels.tests.learning.scoring.agreement import assert_agreement
from mlmodels.tests.learning.scoring.composites import FEATURES, TABLE, members_of, pipeline_of
from mlmodels.tests.learning.scoring.examples import (
    REGRESSION,
    THREE_CLASSES,
    TWO_CLASSES,
    labels_for,
    made_worse,
    rows_of,
)


def fitted(model, target: str, family: str = SCALED) -> Pipeline:
    return pipeline_of(model, target, family).fit(TABLE, labels_for(TABLE, target))


def assert_compiled_agrees(pipeline: Pipeline, rows: int = 80) -> None:
    scorer = scoring.compile_pipeline(pipeline, FEATURES)

    assert scorer is not None
    assert_agreement(scorer, pipeline, TABLE.head(rows))
    assert_agreement(scorer, pipeline, made_worse(TABLE).head(rows))
    assert_many_agree(scorer, rows_of(made_worse(TABLE).head(20)))
    assert scoring.verify(scorer, pipeline, TABLE)


def assert_many_agree(scorer, rows: list) -> None:
    if scorer.classes is None:
        assert scorer.responses(rows) == pytest.approx([scorer.predict(row) for row in rows], rel=1e-12)
        return
    for at, label in enumerate(scorer.classes):
        one_by_one = [scorer.predict_proba(row)[at] for row in rows]
        assert scorer.responses(rows, label) == pytest.approx(one_by_one, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    "model",
    [
        RidgeCV([0.1, 1, 10]),
        Lasso(0.1),
        LassoCV(alphas=5, cv=3),
        ElasticNet(0.1),
        ElasticNetCV(alphas=5, cv=3),
        ExtraTreesRegressor(12, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_more_regressors_agree(model):
    assert_compiled_agrees(fitted(model, REGRESSION, TREES if hasattr(model, "n_estimators") else SCALED))


@pytest.mark.parametrize("target", [TWO_CLASSES, THREE_CLASSES])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegressionCV(
            Cs=3, cv=3, l1_ratios=(0.0,), use_legacy_attributes=False, scoring="neg_log_loss", max_iter=500
        ),
        GaussianNB(),
        ExtraTreesClassifier(12, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_more_classifiers_agree(model, target):
    assert_compiled_agrees(fitted(model, target, TREES if hasattr(model, "n_estimators") else SCALED))


@pytest.mark.parametrize(
    "transformer",
    [
        FunctionTransformer(np.log1p, np.expm1, check_inverse=False),
        FunctionTransformer(),
        PowerTransformer(),
        PowerTransformer(standardize=False),
    ],
    ids=["logarithm", "identity", "power", "power not standardized"],
)
def test_a_target_in_another_scale_is_turned_back(transformer):
    labels = np.exp(labels_for(TABLE, REGRESSION) / 40)
    model = TransformedTargetRegressor(Ridge(), transformer=transformer, check_inverse=False)
    pipeline = pipeline_of(model, REGRESSION).fit(TABLE, labels)

    scorer = scoring.compile_pipeline(pipeline, FEATURES)

    assert_agreement(scorer, pipeline, TABLE.head(80))
    assert scorer.predict(rows_of(TABLE)[0]) == pytest.approx(pipeline.predict(TABLE.head(1))[0], rel=1e-9)


def test_a_power_is_turned_back_on_either_side_of_zero():
    for labels in (
        labels_for(TABLE, REGRESSION),
        np.exp(labels_for(TABLE, REGRESSION) / 30),
        -(TABLE.index**2.0),
    ):
        model = TransformedTargetRegressor(Ridge(), transformer=PowerTransformer(), check_inverse=False)
        pipeline = pipeline_of(model, REGRESSION).fit(TABLE, np.asarray(labels, dtype=float))

        assert_agreement(scoring.compile_pipeline(pipeline, FEATURES), pipeline, TABLE.head(80))


@pytest.mark.parametrize("transform", [targets.LOG, targets.LOG_OF_ONE_MORE, targets.YEO_JOHNSON])
def test_the_targets_that_training_makes_are_turned_back_and_kept_within_reach(transform):
    labels = np.exp(labels_for(TABLE, REGRESSION) / 40)
    pipeline = pipeline_of(targets.with_transform(Ridge(), transform, labels), REGRESSION).fit(TABLE, labels)
    far_out = TABLE.assign(area=[-1e9, 1e9] * (len(TABLE) // 2))

    scorer = scoring.compile_pipeline(pipeline, FEATURES)

    assert_compiled_agrees(pipeline)
    assert_agreement(scorer, pipeline, far_out.head(80))
    predictions = {scorer.predict(row) for row in rows_of(far_out)}
    assert len(predictions) == 2 and np.isfinite(list(predictions)).all()


def test_a_target_through_quantiles_is_left_to_the_pipeline():
    model = TransformedTargetRegressor(
        Ridge(), transformer=QuantileTransformer(n_quantiles=50), check_inverse=False
    )

    assert scoring.compile_pipeline(fitted(model, REGRESSION), FEATURES) is None


@pytest.mark.parametrize("weights", [None, [0.5, 0.2, 0.1, 0.15, 0.05]])
def test_an_average_of_regressors_agrees_each_with_its_own_preparation(weights):
    model = VotingRegressor(members_of(REGRESSION), weights=weights)

    pipeline = Pipeline([("model", model)]).fit(TABLE, labels_for(TABLE, REGRESSION) / 100)

    assert_compiled_agrees(pipeline, rows=40)


@pytest.mark.parametrize("target", [TWO_CLASSES, THREE_CLASSES])
@pytest.mark.parametrize("weights", [None, [0.5, 0.3, 0.2]])
def test_an_average_of_classifiers_agrees(target, weights):
    model = VotingClassifier(members_of(target), voting="soft", weights=weights)

    pipeline = Pipeline([("model", model)]).fit(TABLE, labels_for(TABLE, target))

    assert_compiled_agrees(pipeline, rows=40)


def test_a_vote_of_labels_is_left_to_the_pipeline():
    model = VotingClassifier(members_of(TWO_CLASSES), voting="hard").fit(
        TABLE, labels_for(TABLE, TWO_CLASSES)
    )

    assert scoring.compile_pipeline(Pipeline([("model", model)]), FEATURES) is None


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("target", [TWO_CLASSES, THREE_CLASSES])
@pytest.mark.parametrize(
    ("model", "family"),
    [
        (LogisticRegression(), SCALED),
        (HistGradientBoostingClassifier(max_iter=15), TREES),
        (ExtraTreesClassifier(15, max_depth=4, random_state=0), TREES),
        (GaussianNB(), SCALED),
    ],
    ids=["logistic", "boosting", "forest", "naive bayes"],
)
def test_a_calibrated_classifier_agrees(model, family, target, method):
    # From 0 on: scikit-learn 1.9 mixes up the columns of a frozen classifier whose labels are other numbers
    labels = np.unique(labels_for(TABLE, target), return_inverse=True)[1]
    inner = pipeline_of(model, target, family).fit(TABLE, labels)
    calibrated = CalibratedClassifierCV(FrozenEstimator(inner), method=method, ensemble=False)

    pipeline = Pipeline([("model", calibrated.fit(TABLE.tail(200), labels[-200:]))])

    assert_compiled_agrees(pipeline, rows=40)


def test_a_calibrated_average_agrees():
    average = Pipeline([("model", VotingClassifier(members_of(THREE_CLASSES), voting="soft"))])
    model = CalibratedClassifierCV(average, method="temperature", ensemble=False, cv=3)

    # Of other labels than 0, 1, 2 scikit-learn 1.9 reads memory that is none of theirs for the temperature
    labels = np.unique(labels_for(TABLE, THREE_CLASSES), return_inverse=True)[1]
    pipeline = Pipeline([("model", model)]).fit(TABLE, labels)

    assert_compiled_agrees(pipeline, rows=40)


def test_several_calibrated_classifiers_are_left_to_the_pipeline():
    model = CalibratedClassifierCV(pipeline_of(LogisticRegression(), TWO_CLASSES), cv=2)

    pipeline = Pipeline([("model", model)]).fit(TABLE, labels_for(TABLE, TWO_CLASSES))

    assert scoring.compile_pipeline(pipeline, FEATURES) is None


def test_an_average_answers_through_the_interface_of_every_scorer():
    model = VotingClassifier(members_of(TWO_CLASSES), voting="soft")
    pipeline = Pipeline([("model", model)]).fit(TABLE, labels_for(TABLE, TWO_CLASSES))
    fast, slow = scoring.compile_pipeline(pipeline, FEATURES), scoring.pipeline_scorer(pipeline, FEATURES)

    for row in rows_of(TABLE)[:5]:
        found, expected = fast.predict_as_dict(row), slow.predict_as_dict(row)
        assert found["prediction"] == expected["prediction"]
        assert found["probabilities"] == pytest.approx(expected["probabilities"], rel=1e-9)
    assert fast.nbytes > pd.DataFrame(TABLE).shape[0]
