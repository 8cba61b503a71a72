"""The tables that scikit-learn ships, written as CSV in several ways, come back exactly."""

import io

import numpy
import pytest
from sklearn import datasets

from mlmodels.learning import tables
from mlmodels.tests.learning.tables.files import opened

SETS = {
    "iris": (datasets.load_iris, "classification"),
    "wine": (datasets.load_wine, "classification"),
    "breast cancer": (datasets.load_breast_cancer, "classification"),
    "diabetes": (datasets.load_diabetes, "regression"),
}
WAYS = {
    "as pandas writes": ({}, "utf-8"),
    "as Excel in Germany writes": ({"sep": ";", "decimal": ",", "lineterminator": "\r\n"}, "cp1252"),
    "as Excel writes Unicode": ({"sep": "\t"}, "utf-16"),
}


def written(frame, way: str) -> bytes:
    options, encoding = WAYS[way]
    return frame.to_csv(index=False, **options).encode(encoding)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SETS)
def test_a_sample_set_comes_back_exactly_and_its_target_is_found(name, way):
    load, task = SETS[name]
    frame = load(as_frame=True).frame
    content = written(frame, way)

    summary = tables.inspect(opened(content))
    read = tables.read(opened(content), summary.dialect, summary.columns)

    assert (summary.target.name, summary.target.task) == ("target", task)
    assert {column.kind for column in summary.columns} == {"number"}
    assert all(column.use for column in summary.columns)
    numpy.testing.assert_array_equal(read.to_numpy(), frame.to_numpy(dtype="float64"))


@pytest.mark.parametrize("name", ["iris", "wine", "breast cancer"])
def test_labels_are_the_whole_numbers_of_the_set(name):
    data = SETS[name][0](as_frame=True)
    content = written(data.frame, "as pandas writes")
    summary = tables.inspect(opened(content))
    column = summary.columns[-1]

    target = tables.target_values(
        column, tables.read(opened(content), summary.dialect, [column])["target"], "classification"
    )

    numpy.testing.assert_array_equal(target.values, data.target.to_numpy())
    assert target.dropped == 0


@pytest.mark.parametrize("way", WAYS)
def test_linnerud_with_three_targets_is_a_table_of_numbers(way):
    frame = datasets.load_linnerud(as_frame=True).frame
    content = written(frame, way)

    summary = tables.inspect(opened(content))
    read = tables.read(opened(content), summary.dialect, summary.columns)

    assert summary.row_count == 20
    assert summary.target.task == "regression"
    numpy.testing.assert_array_equal(read.to_numpy(), frame.to_numpy(dtype="float64"))


def test_iris_with_the_names_of_the_species_is_a_classification_of_words():
    data = datasets.load_iris(as_frame=True)
    frame = data.frame.rename(columns={"target": "species"})
    frame["species"] = data.target_names[frame["species"]]
    handle = io.BytesIO(frame.to_csv(index=False).encode())

    summary = tables.inspect(handle)
    column = summary.columns[-1]
    labels = tables.target_values(
        column, tables.read(handle, summary.dialect, [column])["species"], "classification"
    )

    assert (summary.target.name, summary.target.task) == ("species", "classification")
    assert sorted(set(labels.values)) == ["setosa", "versicolor", "virginica"]
