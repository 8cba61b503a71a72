import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION
from mlmodels.learning.trainers.splits import split_rows


def test_numbers_are_split_as_scikit_learn_splits_the_rows_in_file_order():
    labels = np.arange(57.0)

    split = split_rows(labels, REGRESSION, 0.8)

    expected = train_test_split(np.arange(57), train_size=0.8, random_state=42)
    np.testing.assert_array_equal(split.training, expected[0])
    np.testing.assert_array_equal(split.hold_out, expected[1])


@pytest.mark.parametrize("train_percentage", [0.5, 0.8, 0.95])
def test_every_row_is_on_one_side_and_classes_keep_their_shares(train_percentage):
    labels = np.repeat(["a", "b"], [300, 100])

    split = split_rows(labels, CLASSIFICATION, train_percentage)

    assert sorted([*split.training, *split.hold_out]) == list(range(400))
    assert np.mean(labels[split.training] == "b") == pytest.approx(0.25, abs=0.02)
    assert np.mean(labels[split.hold_out] == "b") == pytest.approx(0.25, abs=0.02)


def test_the_only_row_of_a_class_is_trained_on_and_reported():
    labels = np.array(["a", "b"] * 20 + ["lone"], dtype=object)

    split = split_rows(labels, CLASSIFICATION, 0.8)

    assert split.training[-1] == 40
    assert split.notes == [
        "The value 'lone' occurs in a single row, which is used for training and not in the test set."
    ]
    expected = train_test_split(np.arange(40), train_size=0.8, random_state=42, stratify=labels[:40])
    np.testing.assert_array_equal(split.hold_out, expected[1])


def test_many_classes_of_one_row_are_named_in_part():
    labels = np.array(["a", "b"] * 20 + [f"lone {i}" for i in range(9)], dtype=object)

    notes = split_rows(labels, CLASSIFICATION, 0.8).notes

    assert notes[0].startswith("9 values occur in a single row each ('lone 0', ")
    assert notes[0].count("lone") == 5
