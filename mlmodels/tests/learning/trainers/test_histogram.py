import numpy as np
import pytest

from mlmodels.learning.trainers.histogram import histogram

DRAW = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "width"),
    [
        (np.arange(100.0), 5),
        (np.arange(7.0), 1),
        (DRAW.normal(size=5000), 0.5),
        (DRAW.normal(0, 27_400, 5000), 10_000),
        (DRAW.normal(0, 3e-7, 500), 1e-7),
        (np.append(DRAW.normal(size=500), 300.0), 10),
    ],
    ids=["whole numbers", "few whole numbers", "around zero", "large", "tiny", "one far out"],
)
def test_bins_end_on_round_numbers(values, width):
    found = histogram(values)

    steps = np.array(found["edges"]) / width
    assert steps == pytest.approx(steps.round(), abs=1e-6)
    assert np.diff(steps) == pytest.approx(1)
    assert sum(found["counts"]) == len(values)
    assert len(found["edges"]) == len(found["counts"]) + 1
    assert 7 <= len(found["counts"]) <= 41


def test_edges_are_written_as_people_do():
    assert histogram(np.linspace(0.0, 0.99, 100))["edges"][:4] == [0.0, 0.05, 0.1, 0.15]


def test_zero_is_an_edge_so_that_too_high_and_too_low_stay_apart():
    assert 0.0 in histogram(DRAW.normal(3, 5, 1000))["edges"]


@pytest.mark.parametrize("values", [np.zeros(5), np.array([1e16, 1e16 + 2]), np.full(4, -1e25), np.ones(1)])
def test_values_that_cannot_be_told_apart_are_one_bin(values):
    assert histogram(values) == {"edges": [values.min(), values.max()], "counts": [len(values)]}


def test_numbers_near_the_smallest_there_are_have_bins_too():
    found = histogram(np.arange(5.0) * 1e-200)

    assert sum(found["counts"]) == 5
    assert len(found["counts"]) > 5
