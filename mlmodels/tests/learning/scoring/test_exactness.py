"""Every algorithm, compiled, against its own pipeline, one row at a time."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from mlmodels.learning import scoring
from mlmodels.tests.learning.scoring.agreement import assert_agreement
from mlmodels.tests.learning.scoring.examples import (
    CASES,
    REGRESSION,
    THREE_CLASSES,
    TWO_CLASSES,
    features_of,
    fitted,
    fitted_to_mixed_table,
    made_worse,
    mixed_table,
    rows_of,
    texts,
)


@pytest.fixture(scope="module", params=CASES, ids=[" ".join(case) for case in CASES])
def compiled(request):
    """Table, pipeline and scorer of each algorithm and target."""
    table = mixed_table()
    pipeline = fitted_to_mixed_table(*request.param)
    return table, pipeline, scoring.compile_pipeline(pipeline, features_of(table))


def test_real_rows_get_the_answer_of_the_pipeline(compiled):
    table, pipeline, scorer = compiled

    assert_agreement(scorer, pipeline, table.head(200))


def test_rows_with_blanks_unseen_categories_and_wild_numbers_get_the_answer_of_the_pipeline(compiled):
    table, pipeline, scorer = compiled

    assert_agreement(scorer, pipeline, made_worse(table).head(40))


def test_many_rows_at_once_get_the_same_answers_as_one_by_one(compiled, monkeypatch):
    table, _, scorer = compiled
    monkeypatch.setattr("mlmodels.learning.scoring.trees.REPEATED_CELLS_MAX", 3_000)
    rows = rows_of(made_worse(table).head(70))

    if scorer.classes is None:
        assert scorer.responses(rows) == [scorer.predict(row) for row in rows]
    else:
        found = [scorer.responses(rows, label) for label in scorer.classes]
        one_by_one = [scorer.predict_proba(row) for row in rows]
        np.testing.assert_allclose(np.transpose(found), one_by_one, rtol=1e-12, atol=1e-15)


def test_a_forest_agrees_to_the_last_bit():
    table = mixed_table()
    for target in (REGRESSION, TWO_CLASSES, THREE_CLASSES):
        pipeline = fitted_to_mixed_table("random_forest", target)
        scorer = scoring.compile_pipeline(pipeline, features_of(table))
        if target == REGRESSION:
            assert [scorer.predict(row) for row in rows_of(table)] == pipeline.predict(table).tolist()
        else:
            assert [scorer.predict_proba(row) for row in rows_of(table)] == pipeline.predict_proba(
                table
            ).tolist()


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_a_single_feature_is_enough(algorithm, target):
    table = mixed_table()[["income"]]
    pipeline = fitted(algorithm, target, table)

    scorer = scoring.compile_pipeline(pipeline, features_of(table))

    assert_agreement(scorer, pipeline, made_worse(table).head(40))


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_categories_alone_are_enough(algorithm, target):
    """Rows of categories alone are equally far from many others, so neighbours tie all the time."""
    table = mixed_table()[["city", "heating"]]
    pipeline = fitted(algorithm, target, table)

    scorer = scoring.compile_pipeline(pipeline, features_of(table))

    assert_agreement(scorer, pipeline, made_worse(table).head(40))


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_columns_that_never_vary_do_no_harm(algorithm, target):
    table = mixed_table()
    labels = None if target == REGRESSION else np.arange(len(table)) % 3
    table = table[["floor", "area"]].assign(nothing=np.nan, always=texts(["same"] * len(table)))
    if algorithm == "gradient_boosting":
        table = table.drop(columns="nothing")
    pipeline = fitted(algorithm, target, table, labels)

    scorer = scoring.compile_pipeline(pipeline, features_of(table))

    assert_agreement(scorer, pipeline, made_worse(table).head(40))


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("algorithm", [algorithm for algorithm, target in CASES if target == TWO_CLASSES])
def test_known_tables_agree(algorithm, load):
    data = load()
    table = pd.DataFrame(data.data, columns=[str(name) for name in data.feature_names])
    pipeline = fitted(algorithm, TWO_CLASSES, table, data.target)

    scorer = scoring.compile_pipeline(pipeline, features_of(table))

    assert_agreement(scorer, pipeline, table.iloc[::3])


@pytest.mark.parametrize("names", [[3, -1, 20], ["no", "yes", "Übung"]])
def test_labels_come_back_as_they_were_given(names):
    table = mixed_table()[["area", "city"]]
    labels = pd.Series(names * len(table), dtype=object if type(names[0]) is str else int).head(len(table))
    pipeline = fitted("logistic", THREE_CLASSES, table, labels.to_numpy())

    scorer = scoring.compile_pipeline(pipeline, features_of(table))

    assert scorer.classes == sorted(names)
    assert type(scorer.predict([80.0, "Oslo"])) is type(names[0])
