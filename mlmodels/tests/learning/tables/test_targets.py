import numpy
import pytest

from mlmodels.learning import tables
from mlmodels.learning.tables import TableRefused, guess_task, limits, target_values
from mlmodels.tests.learning.tables.files import column_of, inspect_bytes, opened, table_of


def target_of(cells, task, kind=None, separator=","):
    content = table_of(cells, "goal", separator)
    summary = inspect_bytes(content)
    column = tables.retype(summary.columns[0], kind) if kind else summary.columns[0]
    frame = tables.read(opened(content), summary.dialect, [column])
    return target_values(column, frame["goal"], task)


@pytest.mark.parametrize(
    ("header", "row", "name", "words"),
    [
        ("target,a,b", "1.5,2.5,3.5", "target", "name"),
        ("a,y,b", "1.5,2.5,3.5", "y", "name"),
        ("a,SalePrice,b", "1.5,2.5,3.5", "SalePrice", "name"),
        ("price,label,b", "1.5,2.5,3.5", "label", "name"),
        ("a,house_price,b", "1.5,2.5,3.5", "house_price", "name"),
        ("a,b,c", "1.5,2.5,3.5", "c", "last column"),
        ("a,b,id", "1.5,2.5,7", "b", "can be predicted"),
        ("a,b,when", "1.5,2.5,2024-01-01", "b", "can be predicted"),
        ("a,b,target", "1.5,2.5,", "b", "can be predicted"),
    ],
)
def test_the_target_is_guessed_with_a_reason(header, row, name, words):
    other = row.replace("1.5", "9.5").replace("2.5", "8.5").replace("3.5", "7.25").replace(",7", ",8")

    target = inspect_bytes(f"{header}\n{row}\n{other}\n").target

    assert target.name == name
    assert words in target.reason


def test_a_column_with_many_blanks_or_too_many_classes_is_not_guessed():
    rows = "".join(f"{n * 0.5},{n if n % 2 else ''},c{n % 150}\n" for n in range(1000))

    assert inspect_bytes("a,b,c\n" + rows).target.name == "a"


def test_no_target_is_guessed_where_nothing_can_be_predicted():
    assert inspect_bytes("id,when\n1,2024-01-01\n2,2024-01-02\n").target is None


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["a", "b"] * 20, "classification"),
        (["yes", "no"] * 20, "classification"),
        (["0", "1"] * 20, "classification"),
        (["0", "1", "2"] * 20, "classification"),
        (["0.0", "1.0"] * 20, "classification"),
        (["0.5", "1.5"] * 20, "regression"),
        ([str(n) for n in range(40)], "regression"),
        (["1", "2", "3"], "regression"),  # too few rows for three classes
        ([str(n % 11) for n in range(1000)], "regression"),
        ([str(n % 10) for n in range(1000)], "classification"),
        (["2024-01-01", "2024-01-02"], "regression"),
        ([str(n) if n < 10 else "" for n in range(1000)], "regression"),  # ten rows, however many are blank
        ([str(n % 3) if n < 30 else "" for n in range(1000)], "classification"),
    ],
)
def test_the_task_follows_from_the_column(cells, task):
    assert guess_task(column_of(cells)) == task


def test_regression_values_are_floats_and_rows_without_a_target_are_dropped_and_counted():
    target = target_of(["1.5", "", "n/a", "4"], "regression")

    assert target.values.tolist() == [1.5, 4.0]
    assert target.values.dtype == "float64"
    assert target.keep.tolist() == [True, False, False, True]
    assert target.dropped == 2


def test_a_decimal_comma_is_no_obstacle_for_a_target():
    assert target_of(["1,5", "2,5"], "regression", separator=";").values.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["0", "1", "2", ""], [0, 1, 2]),
        (["0.0", "1.0", "1.0"], [0, 1, 1]),
        (["0.5", "1.5"], ["0.5", "1.5"]),
        (["red", "blue", "", "red"], ["red", "blue", "red"]),
        (["Yes", "No", "yes"], ["Yes", "No", "Yes"]),
        (["007", "008"], ["007", "008"]),
    ],
)
def test_labels_are_whole_numbers_or_the_words_of_the_file(cells, labels):
    target = target_of(cells, "classification")

    assert target.values.tolist() == labels
    assert target.dropped == cells.count("")


def test_zero_and_one_under_a_claim_are_whole_number_labels():
    content = "is_member,other\n0,1\n1,2\n1,3\n"
    summary = inspect_bytes(content)
    frame = tables.read(opened(content), summary.dialect, summary.columns)

    target = target_values(summary.columns[0], frame["is_member"], "classification")

    assert target.values.dtype == numpy.int64
    assert target.values.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("cells", "task", "words"),
    [
        (["", ""], "regression", "blank in every row"),
        (["", ""], "classification", "blank in every row"),
        (["red", "blue"], "regression", "Choose classification"),
        (["same", "same", ""], "classification", "1 different value;"),
        ([f"c{n % 101}" for n in range(400)], "classification", "101 different values"),
        ([str(n) for n in range(limits.CLASSES_MAX + 1)], "classification", "a regression fits"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused_with_its_column(cells, task, words):
    with pytest.raises(TableRefused, match=words) as refusal:
        target_of(cells, task)

    assert '"goal"' in refusal.value.message
    assert refusal.value.column == "goal"
