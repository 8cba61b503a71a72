import numpy as np
import pytest

from mlmodels.learning.trainers.model_comparison import compare_models

NAMES = ("Ridge", "Forest")


def numbers(spread: float, seed: int, rows: range = range(2, 202)) -> dict:
    """A report of misses of this size; `rows` are those of the file."""
    actual = np.random.default_rng(0).normal(100, 20, 400)[list(rows)]
    predicted = actual + np.random.default_rng(seed).normal(0, spread, len(rows))
    return {
        "task": "regression",
        "sample": {"rows": list(rows), "actual": actual.tolist(), "predicted": predicted.tolist()},
    }


def classes(probability: float, spread: float = 0.1, seed: int = 1, rows: int = 200) -> dict:
    shares = np.clip(np.random.default_rng(seed).normal(probability, spread, rows), 0, 1)
    sample = {"rows": list(range(rows)), "actual": ["yes"] * rows, "predicted": ["yes"] * rows}
    return {"task": "classification", "sample": {**sample, "probability_of_actual": shares.tolist()}}


def test_a_clear_difference_names_the_better_model_and_by_how_much_at_least():
    found = compare_models([numbers(10, 1), numbers(5, 2)], NAMES)

    assert found["better"] == 1
    assert found["figures"][0] > 1.5 * found["figures"][1]
    less = int((1 - found["figures"][1] / found["figures"][0]) * 100)
    assert found["sentence"] == f"Forest is better: off by {less}% less on average, on the same 200 rows."
    assert 0 < found["interval"][0] < found["difference"] < found["interval"][1]


def test_the_order_of_the_models_only_turns_the_sign():
    one, other = (
        compare_models(pair, NAMES)
        for pair in ([numbers(10, 1), numbers(5, 2)], [numbers(5, 2), numbers(10, 1)])
    )

    assert (one["better"], other["better"]) == (1, 0)
    assert one["difference"] == -other["difference"]


def test_a_difference_of_chance_is_none_that_these_rows_could_show():
    found = compare_models([numbers(10, 1), numbers(10, 2)], NAMES)

    assert found["better"] is None
    assert found["sentence"] == "No difference that these 200 rows could show."


def test_equal_models_differ_rarely():
    named = [
        compare_models([numbers(10, seed), numbers(10, seed + 100)], NAMES)["better"] for seed in range(40)
    ]

    assert named.count(None) >= 36


def test_the_same_rows_show_a_small_difference_that_other_rows_would_hide():
    """Both miss nearly alike on each row: what they differ in is all that counts."""
    first, second = numbers(10, 1), numbers(10, 1)
    second["sample"]["predicted"] = [
        actual + 0.95 * (predicted - actual)
        for actual, predicted in zip(second["sample"]["actual"], first["sample"]["predicted"], strict=True)
    ]

    assert compare_models([first, second], NAMES)["better"] == 1


def test_only_rows_that_both_were_measured_on_count():
    found = compare_models([numbers(10, 1, range(2, 202)), numbers(5, 2, range(150, 350))], NAMES)

    assert found["rows"] == 52


@pytest.mark.parametrize(
    "other", [numbers(5, 2, range(300, 390)), classes(0.5)], ids=["other rows", "other task"]
)
def test_models_without_common_rows_cannot_be_compared(other):
    assert compare_models([numbers(10, 1), other], NAMES) is None


def test_rows_of_another_table_are_not_the_same_rows():
    other = numbers(5, 2)
    other["sample"]["actual"] = [value + 1 for value in other["sample"]["actual"]]

    assert compare_models([numbers(10, 1), other], NAMES) is None


def test_classes_are_compared_by_the_probability_of_what_came():
    found = compare_models([classes(0.7), classes(0.6, seed=2)], NAMES)

    assert found["better"] == 0
    assert found["sentence"] == (
        f"Ridge is better: it gave the right class a probability of {int(found['figures'][0] * 100)}%, "
        f"Forest {int(found['figures'][1] * 100) + 1}%, on the same 200 rows."
    )


def test_models_from_before_probabilities_were_kept_are_not_compared():
    old = classes(0.7)
    del old["sample"]["probability_of_actual"]

    assert compare_models([old, classes(0.6)], NAMES) is None
