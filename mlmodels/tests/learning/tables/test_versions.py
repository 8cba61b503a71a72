"""A newer file of a table: read as the one before, and what changed is said in words."""

from mlmodels.learning import tables
from mlmodels.learning.tables import ColumnChange
from mlmodels.learning.tables.columns import CHOSEN_BY_HAND
from mlmodels.learning.tables.versions import MISFITS_MAX
from mlmodels.tests.learning.tables.files import inspect_bytes, opened

HOUSES = [
    "place,size,zip,sold",
    "city,40,01067,2020-01-05",
    "coast,90,01069,2020-03-01",
    "city,65,01067,2020-06-30",
]


def table(*lines, times=10):
    header, *rows = lines
    return "\n".join([header, *rows * times]).encode()


def carried(before: bytes, after: bytes, **changes):
    """The columns of the new file by name, and the changes by column."""
    earlier, later = inspect_bytes(before), inspect_bytes(after)
    columns = tables.change(opened(before), earlier.dialect, earlier.columns, changes)
    found, told = tables.carry_over(opened(after), later.dialect, later.columns, columns)
    return {column.name: column for column in found}, {change.column: change for change in told}


def test_a_file_with_more_of_the_same_has_no_changes():
    columns, changes = carried(table(*HOUSES), table(*HOUSES, times=20))

    assert changes == {}
    assert [column.kind for column in columns.values()] == ["category", "number", "category", "date"]


def test_kinds_use_and_blanks_that_were_chosen_stay():
    choices = {
        "size": ColumnChange(kind="category"),
        "zip": ColumnChange(use=False),
        "place": ColumnChange(blanks=["coast"]),
    }

    columns, changes = carried(
        table(*HOUSES),
        table(*HOUSES, "city,77,01067,2020-06-30", "coast,77,01067,2020-06-30", "city,65,01067,2020-06-30"),
        **choices,
    )

    assert (columns["size"].kind, columns["size"].reason) == ("category", CHOSEN_BY_HAND)
    assert (columns["zip"].use, columns["zip"].is_use_chosen) == (False, True)
    assert columns["place"].format["blanks"] == ["coast"]
    assert set(changes) == {"size"}


def test_a_kind_that_the_file_would_not_suggest_is_carried_over_where_the_cells_allow_it():
    words = table("code,y", "7a,1", "7,2", "12,3")
    numbers = table("code,y", "7,1", "7,2", "12,3")

    columns, changes = carried(words, numbers)

    assert columns["code"].kind == "category"
    assert columns["code"].reason == "As in the version before."
    assert changes["code"].message == '"code" no longer has: "7a".'


def test_a_kind_that_the_cells_do_not_allow_any_more_is_given_up_and_the_first_such_cell_named():
    columns, changes = carried(
        table(*HOUSES), table(*HOUSES, "city,large,01067,2020-01-05", "city,small,01067,2020-01-05")
    )

    assert columns["size"].kind == "category"
    assert changes["size"].code == "kind"
    assert changes["size"].message.startswith('"size" was read as a number, which its cells no longer allow')


def test_columns_that_came_and_went_are_named():
    _, changes = carried(
        table(*HOUSES), table("place,size,sold,lift", "city,40,2020-01-05,yes", "coast,90,2020-03-01,no")
    )

    assert (changes["zip"].code, changes["lift"].code) == ("removed", "added")
    assert changes["lift"].message == '"lift" is new: it is read as yes or no.'


def test_new_values_a_moved_range_and_more_blanks_are_told():
    later = table(
        "place,size,zip,sold",
        "city,40,01067,2021-01-05",
        "harbor,300,,2021-03-01",
        "coast,65,01069,2021-06-30",
    )

    _, changes = carried(table(*HOUSES), later)

    assert changes["place"].message == '"place" has new values: "harbor".'
    assert changes["size"].message == '"size" now goes from 40 to 300; before, from 40 to 90.'
    assert changes["zip"].message == '"zip" is now blank in 33% of the rows; before, in 0%.'
    assert "sold" not in changes  # dates go on by themselves


def test_a_column_with_one_value_left_keeps_its_kind_and_is_told():
    columns, changes = carried(
        table(*HOUSES), table(HOUSES[0], "city,40,01067,2020-01-05", "city,40,01069,2020-03-01")
    )

    assert (columns["size"].kind, columns["place"].kind) == ("number", "category")
    assert changes["size"].code == changes["place"].code == "constant"


def test_many_columns_that_do_not_fit_cost_a_bounded_number_of_looks_at_the_file(monkeypatch):
    names = [f"c{number}" for number in range(MISFITS_MAX + 15)]
    before = table(",".join(names), *(",".join([value] * len(names)) for value in ("1", "2", "3.5")))
    after = table(",".join(names), *(",".join([value] * len(names)) for value in ("1", "2", "x", "y", "z")))
    looks = []
    change = tables.versions.change
    monkeypatch.setattr(tables.versions, "change", lambda *given: looks.append(1) or change(*given))

    columns, changes = carried(before, after)

    assert len(looks) <= MISFITS_MAX + 1
    assert {column.kind for column in columns.values()} == {"category"}
    assert len(changes) == len(names)
