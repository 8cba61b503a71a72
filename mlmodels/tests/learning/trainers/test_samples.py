import csv
import io

import pytest
from sklearn import datasets

from mlmodels.learning.samples import SAMPLES, csv_bytes


def rows_of(name: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_bytes(name).decode())))


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_is_a_rectangular_table_with_its_target_last(sample):
    rows = rows_of(sample.name)

    assert rows[0][-1] == sample.target
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(set(rows[0])) == len(rows[0])
    assert all(cell for row in rows for cell in row)
    assert sample.description.endswith(".")


@pytest.mark.parametrize(
    ("name", "loader"),
    [("iris", "load_iris"), ("wine", "load_wine"), ("breast_cancer", "load_breast_cancer")],
)
def test_classes_are_written_in_words_and_numbers_without_loss(name, loader):
    bunch, rows = getattr(datasets, loader)(), rows_of(name)

    assert rows[0][:-1] == [str(feature) for feature in bunch.feature_names]
    assert [[float(cell) for cell in row[:-1]] for row in rows[1:]] == bunch.data.tolist()
    assert [row[-1] for row in rows[1:]] == [str(bunch.target_names[number]) for number in bunch.target]


def test_the_numbered_iris_is_the_one_that_existing_clients_know():
    bunch, rows = datasets.load_iris(), rows_of("iris_numbered")

    assert [row[-1] for row in rows[1:]] == [str(number) for number in bunch.target]
    assert rows[1] == ["5.1", "3.5", "1.4", "0.2", "0"]


def test_diabetes_comes_in_units_that_people_know():
    rows = rows_of("diabetes")

    assert rows[0][:3] == ["age", "sex", "bmi"]
    assert rows[1][:3] == ["59", "2", "32.1"]
    assert len(rows) == 443


def test_linnerud_has_one_target():
    rows = rows_of("linnerud")

    assert rows[0] == ["Chins", "Situps", "Jumps", "Pulse", "Waist", "Weight"]
    assert rows[1] == ["5", "162", "60", "50", "36", "191"]
