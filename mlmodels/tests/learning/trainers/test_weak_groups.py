import numpy as np
import pandas as pd
import pytest

from mlmodels.learning.trainers.metrics import Predictions
from mlmodels.learning.trainers.weak_groups import weak_groups
from mlmodels.tests.learning.trainers.examples import texts


def houses(rows: int = 800, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "district": texts(
                draw.choice(["Old Town", "Harbour", "Hillside", ""], rows, p=[0.1, 0.3, 0.5, 0.1])
            ),
            "area": draw.uniform(30, 200, rows),
            "year": draw.integers(1900, 2020, rows).astype(float),
        }
    )
    frame.loc[draw.random(rows) < 0.1, "year"] = np.nan
    return frame


def prices_of(frame: pd.DataFrame, misses: np.ndarray) -> Predictions:
    actual = 2000 * frame["area"].to_numpy()
    return Predictions(actual, actual * (1 + misses))


def test_a_category_that_is_twice_as_far_off_is_named():
    frame = houses()
    spread = np.where(frame["district"] == "Old Town", 0.2, 0.08)

    (found,) = weak_groups(prices_of(frame, np.random.default_rng(1).normal(size=800) * spread), frame)

    assert (found["column"], found["value"]) == ("district", "Old Town")
    assert found["rows"] == (frame["district"] == "Old Town").sum()
    assert found["is_share"]
    assert found["error"] > 2 * found["error_of_all"]


def test_a_band_of_a_number_is_named_by_its_ends():
    frame = houses()
    spread = np.where(frame["area"] > 158, 0.3, 0.08)

    found = weak_groups(prices_of(frame, np.random.default_rng(1).normal(size=800) * spread), frame)[0]

    assert (found["column"], found["value"]) == ("area", None)
    assert found["low"] == pytest.approx(158, abs=8)
    assert found["high"] == frame["area"].max()


def test_rows_with_a_blank_are_a_group():
    frame = houses()
    spread = np.where(frame["year"].isna(), 0.3, 0.08)

    found = weak_groups(prices_of(frame, np.random.default_rng(1).normal(size=800) * spread), frame)

    assert {"column": "year", "value": None, "low": None, "high": None}.items() <= found[0].items()


def test_chance_names_no_group():
    named = [
        weak_groups(
            prices_of(houses(seed=seed), np.random.default_rng(seed).normal(size=800) / 10), houses(seed=seed)
        )
        for seed in range(40)
    ]

    assert sum(map(bool, named)) <= 4


def test_one_enormous_miss_does_not_make_its_group_weak():
    frame = houses()
    misses = np.random.default_rng(1).normal(size=800) / 10
    misses[np.flatnonzero(frame["district"] == "Harbour")[0]] = 1000.0

    assert weak_groups(prices_of(frame, misses), frame) == []


def test_a_class_is_weak_where_more_answers_are_wrong():
    frame = houses()
    draw = np.random.default_rng(1)
    actual = texts(draw.choice(["a", "b"], 800)).to_numpy()
    is_wrong = draw.random(800) < np.where(frame["district"] == "Old Town", 0.4, 0.1)
    predicted = np.where(is_wrong, np.where(actual == "a", "b", "a"), actual).astype(object)

    (found,) = weak_groups(Predictions(actual, predicted, classes=np.array(["a", "b"])), frame)

    assert found["value"] == "Old Town"
    assert found["error"] == pytest.approx(0.4, abs=0.12)
    assert found["error_of_all"] == pytest.approx(np.mean(is_wrong))


def test_few_rows_name_nothing():
    frame = houses(15)

    assert weak_groups(prices_of(frame, np.linspace(0, 1, 15)), frame) == []


def test_a_model_without_a_miss_is_weak_nowhere():
    frame = houses()

    assert weak_groups(prices_of(frame, np.zeros(800)), frame) == []
