import numpy as np
import pandas as pd

from mlmodels.learning.trainers import REGRESSION, Feature
from mlmodels.learning.trainers.feature_summary import CATEGORIES_SHOWN, describe_features
from mlmodels.tests.learning.trainers.examples import TABLES, texts, trained

NUMBER, WORD = Feature("n", "number"), Feature("word", "category")


def test_a_number_has_a_typical_value_that_occurs_and_a_range():
    frame = pd.DataFrame({"n": [1.0, 2.0, 5.0, 8.0, np.nan]})

    assert describe_features(frame, [NUMBER]) == [
        {
            "name": "n",
            "role": "number",
            "typical": 2.0,
            "minimum": 1.0,
            "maximum": 8.0,
            "mean": 4.0,
            "missing": 1,
            "whole": True,
        }
    ]


def test_a_number_with_fractions_is_not_whole():
    assert describe_features(pd.DataFrame({"n": [1.0, 2.5]}), [NUMBER])[0]["whole"] is False


def test_a_blank_column_has_no_typical_value():
    described = describe_features(pd.DataFrame({"n": [np.nan, np.nan]}), [NUMBER])[0]

    assert described["typical"] is described["minimum"] is described["maximum"] is None
    assert described["missing"] == 2


def test_categories_come_with_their_rows_the_most_frequent_first_and_blanks_apart():
    frame = pd.DataFrame({"word": texts(["b", "a", "", "c", "b", "", "a", ""])})

    assert describe_features(frame, [WORD]) == [
        {
            "name": "word",
            "role": "category",
            "typical": "a",
            "categories": [["a", 2], ["b", 2], ["c", 1]],
            "distinct": 3,
            "missing": 3,
        }
    ]


def test_only_the_most_frequent_of_many_categories_are_listed():
    frame = pd.DataFrame({"word": texts([f"w{i}" for i in range(500)] + ["often"] * 2)})

    described = describe_features(frame, [WORD])[0]

    assert len(described["categories"]) == CATEGORIES_SHOWN
    assert described["typical"] == "often"
    assert described["distinct"] == 501


def test_a_blank_text_column_has_no_typical_value():
    assert describe_features(pd.DataFrame({"word": texts(["", ""])}), [WORD])[0]["typical"] is None


def test_a_result_describes_the_rows_that_were_learned_from():
    features = trained("linear", REGRESSION).features

    assert [feature["name"] for feature in features] == list(TABLES["mixed"]().frame)
    colour = features[-1]
    assert colour["missing"] + sum(count for _, count in colour["categories"]) == 128
