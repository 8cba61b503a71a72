"""Many rows at once against the pipeline, for every algorithm and the models made of several."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline

from mlmodels.learning import scoring, trainers
from mlmodels.learning.scoring import nearest_rows
from mlmodels.learning.scoring.many import PipelineOfFrame, TableScorer
from mlmodels.learning.tables.typed import coded
from mlmodels.learning.trainers import TEXT, Feature, TrainingPlan, targets
from mlmodels.learning.trainers.preparation import build_pipeline
from mlmodels.learning.trainers.trainer import SCALED, TREES
from mlmodels.tests.learning.scoring.composites import FEATURES, TABLE, members_of, pipeline_of
from mlmodels.tests.learning.scoring.examples import (
    CASES,
    REGRESSION,
    THREE_CLASSES,
    TWO_CLASSES,
    features_of,
    fitted,
    fitted_to_mixed_table,
    labels_for,
    made_worse,
    mixed_table,
    texts,
)


def columns_of(table: pd.DataFrame) -> dict:
    return {
        name: table[name].to_numpy() if table[name].dtype == float else coded(table[name].tolist())
        for name in table
    }


def deviation(pipeline, table: pd.DataFrame, features, *, is_quick: bool = True) -> float:
    """The largest from the pipeline, relative to the largest prediction."""
    scorer = scoring.table_scorer(pipeline, features)
    outputs = scorer.outputs(columns_of(table))
    assert isinstance(scorer._model, PipelineOfFrame) != is_quick
    predict = pipeline.predict_proba if hasattr(pipeline, "classes_") else pipeline.predict
    expected = predict(table)
    assert outputs.shape == expected.shape
    return float(np.abs(outputs - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_many_rows_get_the_answers_of_the_pipeline(algorithm, target):
    table = mixed_table()
    pipeline = fitted_to_mixed_table(algorithm, target)

    for rows in (table, made_worse(table), table.head(1)):
        assert deviation(pipeline, rows, features_of(table)) < 1e-12


@pytest.mark.parametrize(
    ("algorithm", "parameters"),
    [
        ("random_forest", {}),
        ("extra_trees", {}),
        ("gradient_boosting", {"max_leaf_nodes": 31}),
        ("gradient_boosting", {"max_leaf_nodes": 60}),
        ("gradient_boosting", {"max_leaf_nodes": 120}),
        ("gradient_boosting", {"max_leaf_nodes": 2}),
    ],
)
@pytest.mark.parametrize("target", [REGRESSION, TWO_CLASSES, THREE_CLASSES])
def test_trees_agree_to_the_last_bit(algorithm, parameters, target):
    table = mixed_table(rows=1_500)
    pipeline = fitted(algorithm, target, table, **parameters)

    assert deviation(pipeline, made_worse(table), features_of(table)) == 0.0


@pytest.mark.parametrize("rows_alike", [1, 64])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("target", [REGRESSION, TWO_CLASSES, THREE_CLASSES])
def test_neighbors_agree_where_rows_are_equal_nearly_equal_or_far_out(
    target, weights, rows_alike, monkeypatch
):
    monkeypatch.setattr(nearest_rows, "ROWS_ALIKE_MIN", rows_alike)
    table = pd.concat([mixed_table(rows=900), mixed_table(rows=60)], ignore_index=True)
    pipeline = fitted("knn", target, table, weights=weights, n_neighbors=7)
    nearly = table.assign(area=table["area"] * (1 + 1e-15))
    far_out = table.assign(area=1e29)

    for rows in (table, nearly, made_worse(table), far_out.head(20)):
        assert deviation(pipeline, rows, features_of(table)) < 1e-12


@pytest.mark.parametrize("usual_share", [0.05, 0.9])
@pytest.mark.parametrize(("flags", "numbers"), [(0, 4), (5, 0), (12, 3), (70, 2)])
def test_neighbors_agree_with_any_number_of_flags(flags, numbers, usual_share, monkeypatch):
    monkeypatch.setattr(nearest_rows, "ROWS_ALIKE_MIN", 2)
    monkeypatch.setattr(nearest_rows, "USUAL_SHARE", usual_share)
    draw = np.random.default_rng(7)
    rows = np.hstack([draw.random((900, flags)) < 0.1, draw.normal(size=(900, numbers))])
    model = KNeighborsRegressor(5, algorithm="brute").fit(rows, draw.normal(size=900))
    asked = np.vstack([rows[:50], rows[:200] + 0.01 * (np.arange(flags + numbers) >= flags), rows[:20] + 0.5])

    given = nearest_rows.NearestRows(model).outputs(asked)

    assert np.abs(given - model.predict(asked)).max() < 1e-12


def test_few_rows_are_left_to_the_neighbors_of_scikit_learn():
    table = mixed_table(rows=60)

    assert deviation(fitted("knn", REGRESSION, table), table, features_of(table)) == 0.0


def test_the_answers_do_not_depend_on_how_many_rows_are_taken_at_once(monkeypatch):
    monkeypatch.setattr("mlmodels.learning.scoring.many.PREPARED_CELLS_MAX", 1)
    monkeypatch.setattr("mlmodels.learning.scoring.many.ROWS_AT_ONCE_MIN", 7)
    monkeypatch.setattr("mlmodels.learning.scoring.nearest_rows.DISTANCES_AT_ONCE", 1)
    monkeypatch.setattr("mlmodels.learning.scoring.leaf_masks.WORDS_AT_ONCE", 60)
    monkeypatch.setattr("mlmodels.learning.scoring.leaf_masks.TREES_AT_ONCE", 4)
    table = mixed_table()

    for algorithm in ("ridge", "random_forest", "gradient_boosting", "knn"):
        pipeline = fitted_to_mixed_table(algorithm, REGRESSION)
        assert deviation(pipeline, made_worse(table), features_of(table)) < 1e-12


@pytest.mark.parametrize("algorithm", ["ridge", "random_forest"])
def test_texts_are_weighed_as_the_pipeline_does(algorithm):
    table = TABLE.assign(note=texts(TABLE["city"] + " by the " + TABLE["heating"] + " " + TABLE["street"]))
    features = (*FEATURES, Feature("note", TEXT))
    trainer = trainers.TRAINERS[algorithm]
    parameters = trainer.check_parameters({"alpha": 1.0} if trainer.penalty else {}, trainers.REGRESSION)
    plan = TrainingPlan(algorithm, trainers.REGRESSION, features, "price", parameters)
    labels = labels_for(TABLE, REGRESSION)
    pipeline = build_pipeline(plan, table, labels).fit(table, labels)

    assert deviation(pipeline, table, features) < 1e-12


def test_a_target_in_another_scale_is_turned_back():
    labels = np.exp(labels_for(TABLE, REGRESSION) / 40)
    model = targets.with_transform(Ridge(), targets.LOG, labels)
    pipeline = pipeline_of(model, REGRESSION).fit(TABLE, labels)

    assert deviation(pipeline, TABLE, FEATURES) < 1e-12


@pytest.mark.parametrize("weights", [None, [0.5, 0.2, 0.1, 0.15, 0.05]])
def test_an_average_of_regressors_agrees(weights):
    model = VotingRegressor(members_of(REGRESSION), weights=weights)
    pipeline = Pipeline([("model", model)]).fit(TABLE, labels_for(TABLE, REGRESSION) / 100)

    assert deviation(pipeline, TABLE, FEATURES) < 1e-12


@pytest.mark.parametrize("target", [TWO_CLASSES, THREE_CLASSES])
def test_an_average_of_classifiers_agrees(target):
    model = VotingClassifier(members_of(target), voting="soft", weights=[0.5, 0.3, 0.2])
    pipeline = Pipeline([("model", model)]).fit(TABLE, labels_for(TABLE, target))

    assert deviation(pipeline, TABLE, FEATURES) < 1e-12


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("target", [TWO_CLASSES, THREE_CLASSES])
@pytest.mark.parametrize(
    "inner",
    [(LogisticRegression(), SCALED), (HistGradientBoostingClassifier(max_iter=15), TREES), None],
    ids=["logistic", "boosting", "average"],
)
def test_a_calibrated_classifier_agrees(inner, target, method):
    labels = np.unique(labels_for(TABLE, target), return_inverse=True)[1]
    if inner:
        model = pipeline_of(inner[0], target, inner[1])
    else:
        model = Pipeline([("model", VotingClassifier(members_of(target), voting="soft"))])
    model = FrozenEstimator(model.fit(TABLE, labels))
    calibrated = CalibratedClassifierCV(model, method=method, ensemble=False)
    pipeline = Pipeline([("model", calibrated.fit(TABLE.tail(200), labels[-200:]))])

    assert deviation(pipeline, TABLE, FEATURES) < 1e-12


def test_a_model_that_is_not_known_is_left_to_the_pipeline():
    model = VotingClassifier(members_of(TWO_CLASSES), voting="soft")
    calibrated = CalibratedClassifierCV(Pipeline([("model", model)]), cv=2)
    pipeline = Pipeline([("model", calibrated)]).fit(TABLE, labels_for(TABLE, TWO_CLASSES))

    assert deviation(pipeline, TABLE, FEATURES, is_quick=False) == 0.0


def test_where_the_first_rows_differ_the_pipeline_predicts(monkeypatch):
    pipeline = fitted_to_mixed_table("ridge", REGRESSION)
    monkeypatch.setattr(
        "mlmodels.learning.scoring.many.LinearModel.outputs", lambda self, columns: np.zeros(100)
    )

    assert deviation(pipeline, TABLE, FEATURES, is_quick=False) == 0.0


def test_models_are_compared_once():
    scorer = TableScorer(fitted_to_mixed_table("ridge", REGRESSION), FEATURES)
    scorer.outputs(columns_of(TABLE))
    scorer._pipeline.outputs = None

    assert scorer.outputs(columns_of(TABLE)).shape == (len(TABLE),)
