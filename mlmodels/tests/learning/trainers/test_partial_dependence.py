import numpy as np
import pandas as pd
import pytest

from mlmodels.learning.trainers import CATEGORY, CLASSIFICATION, NUMBER, REGRESSION, Feature
from mlmodels.learning.trainers.partial_dependence import partial_dependence
from mlmodels.tests.learning.trainers.examples import TABLES, trained

FEATURES = (Feature("area", NUMBER), Feature("city", CATEGORY), Feature("spare", NUMBER))


class Formula:
    """A model that is known: three times the area, and a hundred more in Rome."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return 3 * frame["area"].to_numpy() + 100 * (frame["city"] == "Rome").to_numpy()


def rows_of(count: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    cities = draw.choice(["Rome", "Oslo", ""], count, p=[0.3, 0.5, 0.2])
    frame = pd.DataFrame({"area": draw.uniform(0, 100, count), "spare": draw.normal(size=count)})
    frame["city"] = pd.Series([str(city) for city in cities], dtype=object)
    return frame


def ranked(**means) -> dict:
    return {"columns": [{"name": name, "mean": mean, "std": 0.0} for name, mean in means.items()]}


def dependence(importance: dict, rows: pd.DataFrame | None = None) -> dict[str, dict]:
    found = partial_dependence(Formula(), rows_of() if rows is None else rows, FEATURES, importance, 1000)
    return {column["name"]: column for column in found}


def test_a_number_shows_its_slope_between_its_usual_ends():
    points = dependence(ranked(area=0.5))["area"]["points"]

    (x, y) = np.array(points).T
    assert np.diff(y) == pytest.approx(3 * np.diff(x))
    assert len(points) == 12
    assert 1 < x[0] < 5 and 95 < x[-1] < 99


def test_a_category_shows_the_mean_of_each_the_most_frequent_first():
    points = dependence(ranked(city=0.5))["city"]["points"]

    assert [name for name, _ in points] == ["Oslo", "Rome"]
    assert points[1][1] - points[0][1] == pytest.approx(100)


def test_the_strongest_five_are_shown_and_none_without_any_effect():
    frame = pd.DataFrame({f"n{number}": np.arange(50.0) for number in range(8)})
    features = [Feature(name, NUMBER) for name in frame]

    class Sum:
        def predict(self, frame):
            return frame.sum(axis=1).to_numpy()

    order = ranked(**{f"n{number}": 0.8 - number / 10 for number in range(8)})
    found = partial_dependence(Sum(), frame, features, order, 1000)

    assert [column["name"] for column in found] == ["n0", "n1", "n2", "n3", "n4"]
    assert dependence(ranked(area=0.1, spare=0.0, city=-0.1)).keys() == {"area"}


def test_a_column_with_a_single_value_or_none_has_no_curve():
    rows = rows_of()
    rows["area"], rows["spare"] = 5.0, np.nan

    assert dependence(ranked(area=0.3, spare=0.2, city=0.1), rows).keys() == {"city"}


def test_nothing_strong_makes_nothing():
    assert dependence({"columns": []}) == {}


@pytest.mark.parametrize("algorithm", ["logistic", "decision_tree"])
def test_of_classes_it_is_the_probability_of_the_most_frequent_one(algorithm):
    result, table = trained(algorithm, CLASSIFICATION, "mixed"), TABLES["mixed"]()

    found = partial_dependence(
        result.pipeline, table.frame, table.features, result.report["importance"], result.training_rows
    )

    assert {column["label"] for column in found} <= {"high", "middle", "low"}
    assert all(0 <= y <= 1 for column in found for _, y in column["points"])


def test_the_same_model_has_the_same_curves():
    result, table = trained("ridge", REGRESSION, "mixed"), TABLES["mixed"]()
    asked = (result.pipeline, table.frame, table.features, result.report["importance"], 100)

    assert partial_dependence(*asked) == partial_dependence(*asked) != []
