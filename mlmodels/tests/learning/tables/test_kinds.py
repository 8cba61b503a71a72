import pytest

from mlmodels.learning import tables
from mlmodels.learning.tables import KINDS, TableRefused
from mlmodels.tests.learning.tables.files import (
    column_of,
    inspect_bytes,
    opened,
    read_bytes,
    read_column,
    table_of,
)

MANY = range(40)


@pytest.mark.parametrize(
    ("name", "cells", "kind", "use"),
    [
        ("size", ["1", "2", "2"], "number", True),
        ("when", ["2024-01-01", "2024-01-02"], "date", True),
        ("member", ["yes", "no", "yes"], "boolean", True),
        ("city", ["Bonn", "Ulm", "Bonn"], "category", True),
        ("blood", ["A", "B", "0", "-"], "category", True),
        ("value", ["same", "same", "same"], "constant", False),
        ("value", ["7", "7", "7"], "constant", False),
        ("value", ["", " ", ""], "empty", False),
        ("id", ["1", "2", "3"], "identifier", False),
        ("PassengerId", [str(n) for n in MANY], "identifier", False),
        ("Unnamed: 0", [str(n) for n in MANY], "identifier", False),
        ("customer_uuid", [f"a{n}-b" for n in MANY], "identifier", False),
        ("email", [f"p{n % 30}@example.com" for n in MANY], "identifier", False),
        ("title", [f"{['red', 'blue', 'green'][n % 3]} shoe of size {n}" for n in MANY], "text", True),
        ("customer", [f"{['Mr.', 'Mrs.', 'Dr.'][n % 3]} Smith{n}" for n in MANY], "text", True),
        ("customer_id", [f"customer {n}" for n in MANY], "identifier", False),
        ("plate", [f"K-{n}" for n in MANY], "identifier", False),
        ("patient_id", [str(n % 25) for n in MANY], "identifier", False),
        ("CustomerID", [f"C{n // 4}" for n in range(200)], "identifier", False),
        ("store_id", [f"{n % 3}" for n in range(400)], "number", True),
        ("song_key", [f"{n % 24}" for n in range(200)], "number", True),
        ("ticket", [f"A/{n % 30}" for n in MANY], "text", True),
        ("comment", [f"this is what person {n} had to say" for n in MANY], "text", True),
        ("comment", [f"this is what person {n % 30} had to say" for n in MANY], "text", True),
        ("comment", ["a note " * 20, "more " * 30, "a note " * 20, "other " * 50], "text", True),
        ("zip", [f"0{1000 + n % 9}" for n in MANY], "category", True),
        ("x", [str(n) for n in MANY], "number", True),  # different numbers are measurements, unless named
        ("store_id", [str(n % 7) for n in MANY], "number", True),
        ("pos_y", [str(n) for n in MANY], "number", True),
        ("heat_index", [str(n) for n in MANY], "number", True),
        ("paid", [str(n) for n in MANY], "number", True),
    ],
)
def test_a_column_gets_one_kind_and_a_reason(name, cells, kind, use):
    column = column_of(cells, name=name)

    assert (column.kind, column.use) == (kind, use)
    assert column.reason.endswith(".")


NUMBERS = [f"{n % 17}.5" for n in MANY]
DATES = [f"2024-01-{1 + n % 28:02}" for n in MANY]


@pytest.mark.parametrize(
    ("cells", "nearly", "words"),
    [
        ([*NUMBERS, "abc"], "number", 'Not numbers, because of "abc" in row 42.'),
        ([*map(str, MANY), "abc"], "number", 'Not numbers, because of "abc" in row 42.'),
        (["abc", "def", *NUMBERS], "number", 'Not numbers, because of "abc" in row 2.'),
        (["abc", *NUMBERS, "2024-01-01"], "number", 'Not numbers, because of "abc" in row 2.'),
        ([*NUMBERS, "2024-01-01"], "number", 'Not numbers, because of "2024-01-01" in row 42.'),
        ([*DATES, "soon"], "date", 'Not dates, because of "soon" in row 42.'),
        (["1,234.5", "1.234,5"], "number", "contradict each other"),
    ],
)
def test_a_column_that_is_numbers_or_dates_but_for_a_few_cells_says_so(cells, nearly, words):
    column = column_of(cells)

    assert (column.role != "number", column.nearly) == (True, nearly)
    assert words in column.reason


@pytest.mark.parametrize(
    "cells",
    [
        NUMBERS,
        DATES,
        ["Bonn", "Ulm", "Bonn"],
        ["1", "a", "b", "c", "d", "e"],
        [*NUMBERS, *"abcdef"],
        ["007", "008"],
        ["n/a", "-", "abc"],
        ["", ""],
    ],
)
def test_any_other_column_is_what_it_is(cells):
    assert column_of(cells).nearly == ""


def test_what_was_chosen_by_hand_is_meant():
    column = column_of([*NUMBERS, "abc"])

    assert tables.retype(column, "text").nearly == ""


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["true", "False", "TRUE"], [1, 0, 1]),
        (["yes", "no", "No"], [1, 0, 0]),
        (["Y", "n", "y"], [1, 0, 1]),
        (["t", "f", "t"], [1, 0, 1]),
        (["ja", "nein", "Ja"], [1, 0, 1]),
        (["oui", "non", "oui"], [1, 0, 1]),
        (["vrai", "faux", "faux"], [1, 0, 0]),
        (["on", "off", "on"], [1, 0, 1]),
    ],
)
def test_yes_and_no_in_several_languages(cells, values):
    column = column_of(cells)

    assert (column.kind, column.role) == ("boolean", "number")
    assert read_column(cells) == values


def test_a_yes_no_column_keeps_its_words_and_reads_missing_words_as_missing():
    column = column_of(["Ja", "Nein", "NA", "Ja", ""])

    assert (column.format["true"], column.format["false"]) == ("Ja", "Nein")
    assert column.profile["missing"] == 2
    assert column.profile["typical"] == "Ja"


def test_zero_and_one_are_numbers_unless_the_name_makes_a_claim():
    assert column_of(["0", "1", "1"], name="survived").kind == "number"
    assert column_of(["0", "1", "1"], name="is_member").kind == "boolean"
    assert column_of(["0", "1", "1"], name="hasChildren").kind == "boolean"
    assert column_of(["0", "1", "2"], name="has_children").kind == "number"


def test_namibia_is_not_missing():
    column = column_of(["NA", "DE", "FR", "NA"], name="country")

    assert column.kind == "category"
    assert column.profile["missing"] == 0
    assert read_column(["NA", "DE", "", "NA"], name="country") == ["NA", "DE", "", "NA"]


def test_a_thousand_categories_are_categories():
    frame_text = "city,size\n" + "".join(f"city {n % 1000},{n}\n" for n in range(5000))

    column = inspect_bytes(frame_text).columns[0]

    assert (column.kind, column.use) == ("category", True)
    assert column.profile["distinct"] == 1000
    assert column.profile["distinct_is_exact"]


def test_a_repeated_value_far_down_makes_an_identifier_a_category_no_more():
    unique = "".join(f"k{n},1\n" for n in range(26_000))

    assert inspect_bytes("code,size\n" + unique).columns[0].kind == "identifier"
    assert inspect_bytes("code,size\n" + unique + "k5,1\n").columns[0].kind == "text"


def test_categories_stay_categories_in_a_table_so_wide_that_few_texts_are_kept():
    width = 900
    header = ",".join(f"c{n}" for n in range(width))
    rows = "".join(",".join([f"city {n % 150}"] + ["1"] * (width - 1)) + "\n" for n in range(600))

    column = inspect_bytes(f"{header}\n{rows}").columns[0]

    assert column.kind == "category"
    assert column.profile["distinct_is_exact"] is False


def test_blank_cells_are_a_category_of_their_own_and_not_a_constant():
    column = column_of(["x", "", "x"])

    assert column.kind == "category"
    assert read_column(["x", "", "x"]) == ["x", "", "x"]


def test_one_row_is_enough_for_a_decision():
    summary = inspect_bytes("size,city\n1.5,Bonn\n")

    assert [column.kind for column in summary.columns] == ["number", "category"]


def test_free_text_has_a_role_of_its_own():
    column = column_of([f"this is what person {n} had to say" for n in MANY])

    assert (column.kind, column.role) == ("text", "text")
    assert tables.retype(column, "category").role == "category"


def test_an_identifier_of_whole_numbers_has_the_role_of_a_number():
    summary = inspect_bytes("id,key,size\n1,a1,5\n2,a2,6\n3,a3,7\n")

    assert [(column.kind, column.role) for column in summary.columns[:2]] == [
        ("identifier", "number"),
        ("identifier", "category"),
    ]


class TestRetype:
    def test_numbers_become_categories_in_which_3_and_3_0_are_the_same(self):
        content = table_of(["3.0", "4", "3", "4.5", ""])
        summary = inspect_bytes(content)

        category = tables.retype(summary.columns[0], "category")
        values = tables.read(opened(content), summary.dialect, [category])["value"].tolist()

        assert (category.role, category.use) == ("category", True)
        assert values == ["3", "4", "3", "4.5", ""]
        assert [tables.RowReader([category]).read({"value": value})[0] for value in (3, 3.0, "3.0", "")] == [
            "3",
            "3",
            "3",
            "",
        ]

    def test_codes_become_categories_and_keep_their_zeros(self):
        column = column_of([f"00{n}" for n in MANY])

        assert tables.RowReader([tables.retype(column, "category")]).read({"value": "007"}) == ["007"]

    def test_a_column_with_a_few_words_becomes_a_number_with_its_own_marks(self):
        content = table_of(["1,5", "2,5", "abc"], separator=";")
        number = tables.retype(inspect_bytes(content).columns[0], "number")

        assert number.format["decimal"] == ","
        assert tables.RowReader([number]).read({"value": "1,5"}) == [1.5]

    def test_zero_and_one_become_yes_and_no(self):
        boolean = tables.retype(column_of(["0", "1", "1"]), "boolean")

        assert (boolean.format["true"], boolean.format["false"]) == ("1", "0")

    def test_whole_numbers_become_timestamps(self):
        date = tables.retype(column_of(["4915112345", "86400"]), "date")

        assert tables.RowReader([date]).read({"value": "86400"}) == [86400]

    def test_back_and_forth_is_the_same_reading(self):
        column = column_of(["1.234,50 €", "99,00 €"], separator=";")

        there_and_back = tables.retype(tables.retype(column, "text"), "number")

        assert there_and_back.format == column.format

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_can_be_stored_and_restored(self, kind):
        column = tables.retype(column_of(["0", "1", "1"]), kind)

        assert tables.Column.from_dict(column.to_dict()) == column
        assert column.use == (kind not in ("identifier", "constant", "empty"))

    def test_the_same_kind_changes_nothing(self):
        column = column_of(["1", "2"])

        assert tables.retype(column, "number") is column

    def test_an_unknown_kind_is_refused_with_those_that_exist(self):
        with pytest.raises(TableRefused, match="choose one of number, date") as refusal:
            tables.retype(column_of(["1", "2"]), "colour")
        assert set(refusal.value.fields) == {"kind"}

    @pytest.mark.parametrize("kind", ["number", "date", "boolean"])
    def test_a_kind_that_no_cell_could_have_is_refused_at_once(self, kind):
        with pytest.raises(TableRefused, match='No cell of column "value" can be read as'):
            tables.retype(column_of(["red", "blue"]), kind)


def test_a_summary_is_plain_data():
    import json

    summary = inspect_bytes("a,b,when\n1,x,2024-01-01\n2.5,y,\n")

    data = json.loads(json.dumps(summary.to_dict(), allow_nan=False))

    assert [tables.Column.from_dict(column) for column in data["columns"]] == summary.columns
    assert data["row_count"] == 2
    assert data["first_rows"][0] == ["1", "x", "2024-01-01"]
    assert data["target"]["task"] in ("regression", "classification")


def test_the_first_twenty_rows_are_kept_and_long_cells_cut():
    summary = inspect_bytes("a,b\n" + "".join(f"{n},{'x' * 5000}\n" for n in range(50)))

    assert len(summary.first_rows) == 20
    assert max(len(cell) for row in summary.first_rows for cell in row) <= 100


def test_column_names_are_data_and_never_meaning():
    names = ["../../etc/passwd", "{{ 7*7 }}", "user__password", "<script>", "=1+1", "select *"]

    frame = read_bytes(",".join(names) + "\n" + ",".join("123456") + "\n")

    assert frame.columns.tolist() == names
