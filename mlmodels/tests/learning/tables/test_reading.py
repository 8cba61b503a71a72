import pandas
import pytest

from mlmodels.learning import tables
from mlmodels.learning.tables.dialect import sniff_dialect
from mlmodels.tests.learning.tables.files import inspect_bytes, opened, read_bytes

PEOPLE = "id,size,city,member,born\n1,170.5,Bonn,yes,1980-01-02\n2,,  Ulm ,no,\n3,180,,,1990-03-04\n"


def test_a_column_is_float_or_text_and_nothing_else():
    frame = read_bytes(PEOPLE)

    assert frame.dtypes.astype(str).tolist() == ["float64", "float64", "object", "float64", "float64"]
    assert frame["city"].tolist() == ["Bonn", "Ulm", ""]
    assert frame["member"].tolist()[:2] == [1.0, 0.0]
    assert frame.isna().sum().tolist() == [0, 1, 0, 1, 1]


def test_only_the_asked_columns_come_in_the_order_asked():
    summary = inspect_bytes(PEOPLE)
    columns = {column.name: column for column in summary.columns}

    frame = tables.read(opened(PEOPLE), summary.dialect, [columns["city"], columns["size"]])

    assert frame.columns.tolist() == ["city", "size"]
    assert len(frame) == 3


def test_a_column_that_is_not_asked_for_is_not_refused():
    summary = inspect_bytes(PEOPLE)

    frame = tables.read(
        opened(PEOPLE.replace("1980-01-02", "nonsense")), summary.dialect, summary.columns[:2]
    )

    assert frame["size"].tolist()[0] == 170.5


def test_columns_may_stand_in_another_order_in_another_file():
    summary = inspect_bytes(PEOPLE)

    frame = tables.read(
        opened("city,more,size\nUlm,x,1\n"), summary.dialect, [summary.columns[1], summary.columns[2]]
    )

    assert frame.to_dict("records") == [{"size": 1.0, "city": "Ulm"}]


def test_a_file_of_one_column_can_be_read_though_not_learned_from():
    summary = inspect_bytes(PEOPLE)
    content = "city\nUlm\n\nBonn\n"
    dialect = sniff_dialect(opened(content)).to_dict()

    frame = tables.read(opened(content), dialect, [summary.columns[2]])

    assert frame["city"].tolist() == ["Ulm", "Bonn"]


def test_no_columns_give_an_empty_frame():
    summary = inspect_bytes(PEOPLE)

    assert tables.read(opened(PEOPLE), summary.dialect, []).shape[1] == 0


def test_the_arrays_can_be_written_to():
    frame = read_bytes(PEOPLE)

    frame.loc[0, "size"] = 1.0
    frame["size"] *= 2

    assert frame["size"].tolist()[0] == 2.0


def test_equal_texts_are_one_object_so_that_a_long_table_stays_small():
    frame = read_bytes("city,size\n" + "".join(f"city {n % 3},{n}\n" for n in range(30_000)))

    assert len({id(text) for text in frame["city"]}) == 3


def test_numbers_equal_those_of_pandas_bit_for_bit():
    content = "a,b\n" + "".join(f"{n / 7!r},{n * 1e-9!r}\n" for n in range(20_000))

    frame = read_bytes(content)

    expected = pandas.read_csv(opened(content))
    pandas.testing.assert_frame_equal(frame, expected, check_exact=True)


@pytest.mark.parametrize("cell", ["1\n2", "1\n", "\n1"])
def test_a_line_break_inside_a_cell_does_not_shift_the_column(cell):
    content = f'value,other\n"{cell}",5\n3,6\n'

    frame = read_bytes(content)

    assert len(frame) == 2
    assert frame["other"].tolist() == [5.0, 6.0]


@pytest.mark.parametrize("blank", [",", " , ", ",\u00a0", "\t,\t", ""])
@pytest.mark.parametrize("rest", ["", ",\n"])
def test_a_row_of_white_space_is_left_out_whatever_stands_beside_it(blank, rest):
    frame = read_bytes(f"city,size\nBonn,1\n{blank}\nUlm,2\n{rest}")

    assert frame["city"].tolist() == ["Bonn", "Ulm"]
