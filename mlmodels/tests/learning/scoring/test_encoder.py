"""The encoder against the ColumnTransformer that it was taken from: the same bits."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

from mlmodels.learning.scoring.encoder import RowEncoder
from mlmodels.learning.scoring.scorers import NoExactKernel
from mlmodels.learning.trainers import CATEGORY, NUMBER, Feature
from mlmodels.tests.learning.scoring.examples import (
    CASES,
    THREE_CLASSES,
    features_of,
    fitted,
    fitted_to_mixed_table,
    labels_for,
    made_worse,
    mixed_table,
    rows_of,
    texts,
)


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_every_preparation_is_reproduced_to_the_last_bit(algorithm, target):
    table = mixed_table()
    prepare = fitted_to_mixed_table(algorithm, target)["prepare"]
    worse = made_worse(table).head(100)

    encoder = RowEncoder(prepare, features_of(table))

    encoded = np.array([encoder.encode(row) for row in rows_of(worse)])
    np.testing.assert_array_equal(encoded, prepare.transform(worse))


def test_a_row_is_read_in_feature_order_whatever_the_order_of_the_blocks():
    table = mixed_table()[["city", "area", "street", "rooms"]]
    prepare = fitted("ridge", THREE_CLASSES, table, labels_for(table, "regression"))["prepare"]

    encoder = RowEncoder(prepare, features_of(table))

    np.testing.assert_array_equal(encoder.encode(rows_of(table)[7]), prepare.transform(table.iloc[[7]])[0])


def test_a_preparation_that_gives_sparse_rows_is_reproduced():
    table = mixed_table()[["city", "heating"]]
    prepare = prepared([("categories", OneHotEncoder(handle_unknown="ignore"), ["city", "heating"])], table)

    encoder = RowEncoder(prepare, features_of(table))

    encoded = np.array([encoder.encode(row) for row in rows_of(table)[:50]])
    np.testing.assert_array_equal(encoded, prepare.transform(table.head(50)).toarray())


def test_rare_categories_that_share_a_column_are_reproduced():
    table = pd.DataFrame({"city": texts(["Oslo"] * 20 + ["Rome"] * 2 + ["Lima"])})
    block = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False)
    prepare = prepared([("categories", block, ["city"])], table)

    encoder = RowEncoder(prepare, features_of(table))

    assert encoder.encode(["Rome"]).tolist() == encoder.encode(["Lima"]).tolist() == [0.0, 1.0]
    assert encoder.encode(["never seen"]).tolist() == [0.0, 1.0]


def test_a_target_that_never_varies_still_fills_its_column():
    """Every category, known or not, becomes the same number there."""
    table = pd.DataFrame({"city": texts(["Oslo", "Rome"] * 10)})
    prepare = prepared([("many", TargetEncoder(target_type="continuous"), ["city"])], table, np.full(20, 5.0))

    encoder = RowEncoder(prepare, features_of(table))

    assert encoder.encode(["Rome"]).tolist() == encoder.encode(["never seen"]).tolist() == [5.0]


def test_a_missing_value_becomes_the_fill_and_raises_its_flag():
    table = pd.DataFrame({"area": [1.0, 2.0, np.nan, 9.0], "rooms": [1.0, 2.0, 3.0, 4.0]})
    block = SimpleImputer(strategy="median", add_indicator=True)
    prepare = prepared([("numbers", block, ["area", "rooms"])], table)

    encoder = RowEncoder(prepare, features_of(table))

    assert encoder.encode([np.nan, np.nan]).tolist() == [2.0, 2.5, 1.0]
    assert encoder.encode([7.0, 8.0]).tolist() == [7.0, 8.0, 0.0]


@pytest.mark.filterwarnings("ignore:Skipping features")
def test_a_column_that_the_imputer_drops_is_dropped():
    table = pd.DataFrame({"nothing": [np.nan] * 4, "rooms": [1.0, 2.0, 3.0, 4.0]})
    prepare = prepared([("numbers", SimpleImputer(strategy="median"), ["nothing", "rooms"])], table)

    encoder = RowEncoder(prepare, features_of(table))

    assert encoder.encode([5.0, 6.0]).tolist() == [6.0]


def test_encoding_a_row_leaves_the_next_one_alone():
    table = mixed_table()
    encoder = RowEncoder(fitted_to_mixed_table("linear", "regression")["prepare"], features_of(table))
    first, second = rows_of(table)[:2]
    expected = encoder.encode(second).tolist()

    encoder.encode(first)[:] = 99.0

    assert encoder.encode(second).tolist() == expected


@pytest.mark.parametrize(
    "block",
    [
        MinMaxScaler(),
        KBinsDiscretizer(quantile_method="averaged_inverted_cdf"),
        StandardScaler(with_mean=False),
        Pipeline([("impute", SimpleImputer()), ("scale", MinMaxScaler())]),
    ],
)
def test_a_part_for_numbers_that_is_not_known_is_refused(block):
    table = mixed_table()[["sold_on"]]
    prepare = prepared([("numbers", block, ["sold_on"])], table)

    with pytest.raises(NoExactKernel):
        RowEncoder(prepare, features_of(table))


def prepared(blocks, table, labels=None) -> ColumnTransformer:
    return ColumnTransformer(blocks).fit(table, np.zeros(len(table)) if labels is None else labels)


WORDS = ["red bricks", "white  wood", "red wood, painted", "Größe 大", "", "stone"]


@pytest.mark.parametrize(
    "transformer",
    [
        TfidfVectorizer(),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
        Pipeline(
            [("weigh", TfidfVectorizer(ngram_range=(1, 2))), ("reduce", TruncatedSVD(3, random_state=0))]
        ),
    ],
    ids=["words", "parts of words", "components"],
)
def test_texts_are_weighed_as_the_transformer_does(transformer):
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"note": texts(draw.choice(WORDS, 200)), "area": draw.normal(size=200)})
    prepare = ColumnTransformer([("numbers", StandardScaler(), ["area"]), ("text:note", transformer, "note")])
    expected = prepare.fit(table).transform(table)

    encoder = RowEncoder(prepare, [Feature("note", CATEGORY), Feature("area", NUMBER)])

    asked = [*rows_of(table), ["never seen", 0.0]]
    encoded = np.array([encoder.encode(row) for row in asked])
    expected = expected.toarray() if issparse(expected) else expected
    np.testing.assert_allclose(encoded[:-1], expected, rtol=1e-12, atol=1e-15)


def test_seasons_have_a_column_per_value_and_none_for_a_blank_or_unseen_one():
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "sold: month": draw.integers(1, 9, 100).astype(float),
            "sold: weekday": draw.integers(1, 8, 100) * 1.0,
        }
    )
    for blanks in (0, 20):
        table.loc[: blanks - 1, "sold: month"] = np.nan
        prepare = ColumnTransformer(
            [("seasons", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(table))]
        ).fit(table)
        asked = pd.DataFrame(
            [*rows_of(table), [12.0, 3.0], [np.nan, np.nan], [1.5, -1e12]], columns=list(table)
        )

        encoder = RowEncoder(prepare, features_of(table))

        encoded = np.array([encoder.encode(row) for row in rows_of(asked)])
        assert encoded.tolist() == prepare.transform(asked).tolist()


def test_a_text_through_anything_else_is_refused():
    table = pd.DataFrame({"note": texts(WORDS)})
    prepare = ColumnTransformer([("text:note", CountVectorizer(), "note")]).fit(table)

    with pytest.raises(NoExactKernel):
        RowEncoder(prepare, [Feature("note", CATEGORY)])
