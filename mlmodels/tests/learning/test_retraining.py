"""A model that was trained again is compared with the one before, on rows that are honest to both."""

import io
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from mlmodels.learning import model_files, tables, trainers, training_table
from mlmodels.learning.earlier_models import EarlierModel
from mlmodels.learning.model_files import SignatureInvalid
from mlmodels.learning.retraining import compare
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, Evaluation, Feature, TrainingPlan


def table(slope: float, rows: int = 400, seed: int = 0, target=lambda y: f"{y:.3f}") -> list[str]:
    """Lines of a table in which y grows with x by this slope, and depends on the place."""
    draw = np.random.default_rng(seed)
    places = draw.choice(["city", "coast"], rows)
    x = draw.uniform(0, 10, rows)
    y = slope * x + 3 * (places == "city") + draw.normal(0, 1, rows)
    return [f"{a:.3f},{place},{target(b)}" for a, place, b in zip(x, places, y, strict=True)]


class Bench:
    """Trains on one table, then on another, and compares."""

    def __init__(self, folder, task=REGRESSION, algorithm="linear"):
        self.folder, self.task, self.algorithm = folder, task, algorithm

    def train(self, name: str, lines: list[str], **plan):
        content = "\n".join(["x,place,y", *lines]).encode()
        path = self.folder / f"{name}.csv"
        path.write_bytes(content)
        summary = tables.inspect(io.BytesIO(content))
        *features, target = (column.to_dict() for column in summary.columns)
        names = tuple(Feature(column["name"], column["role"]) for column in features)
        plan = TrainingPlan(self.algorithm, self.task, names, "y", **plan).checked()
        frame, labels, split_values = training_table.read(path, summary.dialect, features, target, plan)
        result = trainers.train(frame, labels, plan, split_values=split_values)
        return path, summary.dialect, features, target, plan, frame, result

    def earlier(self, lines: list[str], **plan) -> EarlierModel:
        path, dialect, features, target, made_by, _, result = self.train("earlier", lines, **plan)
        part = self.folder / "earlier.part"
        model_files.write(result.pipeline, part)
        return EarlierModel.write(
            part.read_bytes(), self.folder / "copy.part", model_uuid="one", name="houses", features=features,
            target=target, derived=result.derived, table_path=str(path), dialect=dialect,
            evaluation=asdict(made_by.evaluation), split_column=None,
        )  # fmt: skip

    def compared(self, before: list[str], after: list[str], change=lambda earlier: earlier, **plan) -> dict:
        earlier = change(self.earlier(before))
        _, _, features, _, plan, frame, result = self.train("newer", after, **plan)
        return compare(earlier, plan, features, frame, result)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_where_the_world_has_changed_the_new_model_is_better_on_the_new_rows(bench):
    before, new = table(slope=2), table(slope=5, seed=1)

    found = bench.compared(before, [*before, *new])

    new_test_rows = found["rows"]
    assert found["better"] == "new" and found["rows_used"] == "new"
    assert 50 < new_test_rows < 110  # a fifth of the new rows were held out
    assert found["figures"][0] > found["figures"][1] > 0
    assert 0 < found["interval"][0] < found["difference"] < found["interval"][1]
    assert found["sentence"].startswith(f"On the {new_test_rows} new rows, the new model misses by ")
    assert "less than houses" in found["sentence"] and "chance" not in found["sentence"]
    assert found["note"] == "Neither model learned from these rows."


def test_where_nothing_has_changed_the_difference_can_be_chance(bench):
    before = table(slope=2)

    found = bench.compared(before, [*before, *table(slope=2, seed=1)])

    assert found["better"] is None
    assert found["sentence"].endswith("; the difference may be due to chance.")


def test_a_new_model_that_is_worse_is_said_to_miss_by_more(tmp_path):
    bench, before = Bench(tmp_path, algorithm="knn"), table(slope=2)
    one_neighbor = {"parameters": {"n_neighbors": 1}}

    found = bench.compared(before, [*before, *table(slope=2, rows=1200, seed=1)], **one_neighbor)

    assert found["better"] == "earlier"
    assert found["interval"][1] < 0
    assert "more than houses" in found["sentence"]


def test_with_too_few_new_rows_all_test_rows_are_used_and_that_is_said(bench):
    before = table(slope=2)

    found = bench.compared(before, [*before, *table(slope=2, rows=5, seed=1)])

    assert found["rows_used"] == "test" and found["rows"] == 81
    assert "may have learned from some of these rows, which flatters it" in found["note"]


def test_the_rows_that_were_drawn_of_a_large_table_are_known_again(bench, monkeypatch):
    """Those of an evaluation by time are others than those of any other evaluation."""
    monkeypatch.setattr(training_table, "LEARNED_CELLS_MAX", 2 * 300)
    by_time = {"evaluation": Evaluation("time", by="x")}
    earlier = bench.earlier(table(slope=2), **by_time)

    _, _, features, _, plan, frame, result = bench.train("newer", table(slope=2), **by_time)
    found = compare(earlier, plan, features, frame, result)

    assert len(frame) == 300
    assert found["rows_used"] == "test"


def deleted_before(earlier: EarlierModel) -> EarlierModel:
    return replace(earlier, table_path=None)


def deleted_meanwhile(earlier: EarlierModel) -> EarlierModel:
    Path(earlier.table_path).unlink()
    return earlier


@pytest.mark.parametrize("deleted", [deleted_before, deleted_meanwhile])
def test_without_the_earlier_table_nobody_can_say_which_rows_are_new(bench, deleted):
    before = table(slope=2)

    found = bench.compared(before, [*before, *table(slope=5, seed=1)], deleted)

    assert found["rows_used"] == "test"
    assert found["note"].startswith("The version that houses learned from was deleted")


def test_classes_are_compared_by_the_probability_of_the_actual_one(tmp_path):
    bench = Bench(tmp_path, CLASSIFICATION, "logistic")
    high = {"target": lambda y: "high" if y > 12 else "low"}
    before, new = table(slope=2, **high), table(slope=6, seed=1, **high)

    found = bench.compared(before, [*before, *new])

    assert found["better"] == "new" and found["rows_used"] == "new"
    assert 0 < found["figures"][0] < found["figures"][1] < 1
    assert "gives the right class a probability of" in found["sentence"]


def test_a_model_fitted_again_on_all_rows_is_measured_on_its_test_rows_alone(tmp_path):
    bench, before = Bench(tmp_path, algorithm="decision_tree"), table(slope=2)
    searched = {"search": "grid", "grid": {"max_depth": [2, 4]}}

    found = bench.compared(before, [*before, *table(slope=5, seed=1)], **searched)

    assert found["better"] == "new"
    assert 50 < found["rows"] < 110


def test_a_column_that_became_a_category_makes_a_comparison_impossible(bench):
    before = table(slope=2)
    words = [line.replace(",", "m,", 1) for line in table(slope=2, seed=1)]

    found = bench.compared(before, words)

    assert (found["rows"], found["better"]) == (0, None)
    assert found["sentence"] == (
        "The new model was not compared with houses: x changed between a number and a category."
    )


def test_a_copy_that_was_altered_on_the_way_is_not_unpickled(bench, tmp_path):
    earlier = bench.earlier(table(slope=2))
    (tmp_path / "copy.part").write_bytes(b"cos\nsystem\n")

    with pytest.raises(SignatureInvalid):
        earlier.load()
