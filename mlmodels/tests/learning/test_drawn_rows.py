"""A table that is too large for one process: the model learns from rows that stand for all, and says so."""

import io
from collections import Counter

import numpy as np
import pytest

from mlmodels.learning import tables, training_table
from mlmodels.learning.trainers import Evaluation, Feature, TrainingPlan

ROWS, LEARNED = 3_000, 300


@pytest.fixture(autouse=True)
def room_for_three_hundred_rows(monkeypatch):
    monkeypatch.setattr(training_table, "LEARNED_CELLS_MAX", 2 * LEARNED)


@pytest.fixture
def table(tmp_path):
    """A rare class, a number that grows with the rows, and some rows without a class."""
    draw = np.random.default_rng(7)
    lines = ["day,size,place"]
    for row in range(ROWS):
        place = "" if row % 100 == 0 else ("coast" if draw.random() < 0.05 else "city")
        lines.append(f"{row},{draw.random():.4f},{place}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    return path


def read(path, target="place", task="classification", **options):
    summary = tables.inspect(io.BytesIO(path.read_bytes()))
    columns = {column.name: column.to_dict() for column in summary.columns}
    names = [name for name in columns if name != target]
    plan = TrainingPlan(
        "linear" if task == "regression" else "logistic",
        task,
        tuple(Feature(name, tables.Column.from_dict(columns[name]).role) for name in names),
        target,
        **options,
    )
    order = {
        "dialect": summary.dialect,
        "features": [columns[name] for name in names],
        "target": columns[target],
    }
    return training_table.read(path, plan=plan, **order), order, plan


def test_as_many_rows_as_there_is_room_for_with_the_classes_of_all(table):
    (frame, labels, _), _, _ = read(table)

    everywhere = Counter(line.rpartition(",")[2] for line in table.read_text().splitlines()[1:])
    expected = LEARNED * everywhere["coast"] / (everywhere["coast"] + everywhere["city"])
    assert len(frame) == len(labels) == LEARNED
    assert Counter(labels)["coast"] == pytest.approx(expected, abs=1)


def test_they_keep_their_numbers_and_come_evenly_from_the_whole_file(table):
    (frame, _, _), _, _ = read(table)

    assert frame.index.tolist() == frame["day"].astype(int).tolist()
    assert frame.index.is_monotonic_increasing
    in_tenths = np.histogram(frame["day"], bins=10, range=(0, ROWS))[0]
    assert in_tenths.min() >= 25


def test_no_row_is_drawn_twice(table, monkeypatch):
    monkeypatch.setattr(training_table, "LEARNED_CELLS_MAX", 2 * 2_200)

    (frame, _, _), _, _ = read(table)

    assert len(frame) == 2_200
    assert frame.index.is_unique


def test_a_number_to_be_predicted_is_spread_as_in_all_rows(table):
    (frame, labels, _), _, _ = read(table, target="size", task="regression")

    assert len(frame) == LEARNED
    assert np.quantile(labels, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.02)


@pytest.fixture
def unsorted(tmp_path):
    """Nine of ten rows are of the last tenth of the time, those of each month together in random order."""
    draw = np.random.default_rng(7)
    days = np.concatenate([draw.permutation(2_700) / 1_000 + 27, draw.permutation(300) / 300 * 27])
    lines = ["day,size,place"]
    for row, day in enumerate(days):
        lines.append(f"{day:.3f},{draw.random():.4f},{'coast' if row % 20 == 0 else 'city'}")
    path = tmp_path / "unsorted.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(("target", "task"), [("place", "classification"), ("size", "regression")])
def test_rows_of_an_evaluation_by_time_come_evenly_from_all_times(unsorted, target, task):
    (frame, _, seconds), _, _ = read(unsorted, target, task, evaluation=Evaluation("time", by="day"))

    all_days = np.sort(np.loadtxt(unsorted, delimiter=",", skiprows=1, usecols=0))
    in_tenths = np.histogram(frame["day"], bins=np.quantile(all_days, np.linspace(0, 1, 11)))[0]
    assert frame.index.is_monotonic_increasing
    assert seconds.tolist() == frame["day"].tolist()
    assert in_tenths.tolist() == pytest.approx([LEARNED / 10] * 10, abs=2)


def test_classes_are_as_frequent_then_as_in_all_rows(unsorted):
    (_, labels, _), _, _ = read(unsorted, evaluation=Evaluation("time", by="day"))

    assert Counter(labels)["coast"] == pytest.approx(LEARNED / 20, abs=1)


@pytest.mark.parametrize("evaluation", [Evaluation("k_fold"), Evaluation("group", by="day")])
def test_every_other_evaluation_learns_from_the_same_rows(table, evaluation):
    assert read(table)[0][0].index.equals(read(table, evaluation=evaluation)[0][0].index)


def test_the_report_says_that_they_were_drawn_over_time(table):
    notes = {}
    for target, task in (("place", "classification"), ("size", "regression")):
        _, order, plan = read(table, target, task, evaluation=Evaluation("time", by="day"))
        notes[target] = training_table.notes_on_rows(order["target"], order["features"], plan.to_dict())

    drawn = "300 of its 3,000 rows were drawn evenly over time by day"
    assert f"{drawn}, with the values of place as frequent as in all rows." in notes["place"][0]
    assert f"{drawn}." in notes["size"][0]


def test_the_report_says_how_many(table):
    _, order, plan = read(table)

    result = training_table.train(table, plan=plan.checked().to_dict(), **order)

    assert result.training_rows + result.hold_out_rows == LEARNED
    assert result.report["notes"][-1] == (
        "The table is larger than one process can learn from: 300 of its 3,000 rows were drawn evenly from "
        "the whole file, with the values of place as frequent as in all rows."
    )


def test_a_table_that_fits_is_learned_as_a_whole_and_nothing_is_said(table, monkeypatch):
    monkeypatch.setattr(training_table, "LEARNED_CELLS_MAX", 2 * ROWS)

    (frame, _, _), order, plan = read(table)

    assert len(frame) == ROWS - ROWS // 100
    assert training_table.notes_on_rows(order["target"], order["features"], plan.to_dict()) == []


def test_rows_are_the_same_wherever_the_file_is_cut(table, monkeypatch):
    whole = read(table)[0][0]
    monkeypatch.setattr(tables.rows, "_CHUNK_CELLS", 30)

    assert read(table)[0][0].equals(whole)
