"""The encoder against the ColumnTransformer that it was taken from: the same bits."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

from mlmodels.learning.scoring.scorers import NoExactKernel, RowEncoder
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
