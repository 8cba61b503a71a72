import math
from datetime import UTC, datetime

import pytest

from mlmodels.learning.tables import date_text
from mlmodels.tests.learning.tables.files import column_of, inspect_bytes, read_bytes, read_column


def seconds(*parts, **options):
    return datetime(*parts, tzinfo=UTC, **options).timestamp()


WRITTEN = [
    (["2024-05-31", "2023-01-02"], [(2024, 5, 31), (2023, 1, 2)]),
    (["2024/05/31", "2023/1/2"], [(2024, 5, 31), (2023, 1, 2)]),
    (["2024.05.31", "2023.01.02"], [(2024, 5, 31), (2023, 1, 2)]),
    (["31.05.2024", "2.1.2023"], [(2024, 5, 31), (2023, 1, 2)]),
    (["31/05/2024", "02/01/2023"], [(2024, 5, 31), (2023, 1, 2)]),
    (["5/31/2024", "1/2/2023"], [(2024, 5, 31), (2023, 1, 2)]),
    (["31-05-2024", "02-01-2023"], [(2024, 5, 31), (2023, 1, 2)]),
    (["31.05.24", "02.01.70"], [(2024, 5, 31), (1970, 1, 2)]),
    (["31. 5. 2024", "2. 1. 2023"], [(2024, 5, 31), (2023, 1, 2)]),
    (["31 May 2024", "2 Jan 2023"], [(2024, 5, 31), (2023, 1, 2)]),
    (["31-May-24", "02-Jan-23"], [(2024, 5, 31), (2023, 1, 2)]),
    (["May 31, 2024", "January 2nd, 2023"], [(2024, 5, 31), (2023, 1, 2)]),
    (["31. Mai 2024", "2. März 2023"], [(2024, 5, 31), (2023, 3, 2)]),
    (["31 mai 2024", "2 février 2023"], [(2024, 5, 31), (2023, 2, 2)]),
    (
        ["Fri, 31 May 2024 10:20:30 +0000", "Mon, 02 Jan 2023 00:00:00 GMT"],
        [(2024, 5, 31, 10, 20, 30), (2023, 1, 2)],
    ),
    (["2024-05-31T10:20:30Z", "2023-01-02"], [(2024, 5, 31, 10, 20, 30), (2023, 1, 2)]),
    (["2024-05-31 10:20", "2023-01-02 00:00"], [(2024, 5, 31, 10, 20), (2023, 1, 2)]),
    (["2024-05-31T12:20:30+02:00", "2023-01-02"], [(2024, 5, 31, 10, 20, 30), (2023, 1, 2)]),
    (["2024-05-31 05:20:30-0500", "2023-01-02"], [(2024, 5, 31, 10, 20, 30), (2023, 1, 2)]),
    (["5/31/2024 2:05 PM", "1/2/2023 12:00 AM"], [(2024, 5, 31, 14, 5), (2023, 1, 2)]),
    (["31.05.2024 14:05:06", "02.01.2023 00:00:00"], [(2024, 5, 31, 14, 5, 6), (2023, 1, 2)]),
]


@pytest.mark.parametrize(("cells", "moments"), WRITTEN)
def test_dates_are_read_as_unix_seconds_however_they_are_written(cells, moments):
    column = column_of(cells)

    values = read_column(cells)

    assert (column.kind, column.role, column.use) == ("date", "number", True)
    assert values == [seconds(*moment) for moment in moments]


def test_fractions_of_a_second_are_kept():
    assert read_column(["2024-05-31T10:20:30.250Z", "2024-05-31"])[0] == seconds(
        2024, 5, 31, 10, 20, 30, 250_000
    )


def test_three_styles_side_by_side_mean_the_same_days():
    frame = read_bytes(
        "iso,german,american,size\n2024-01-31,31.01.2024,01/31/2024,1\n2024-02-03,03.02.2024,02/03/2024,2\n"
    )

    assert frame["iso"].tolist() == frame["german"].tolist() == frame["american"].tolist()


class TestDayFirst:
    def test_one_day_above_twelve_decides_for_the_column(self):
        assert read_column(["01/02/2024", "13/02/2024"])[0] == seconds(2024, 2, 1)
        assert read_column(["01/02/2024", "02/13/2024"])[0] == seconds(2024, 1, 2)

    def test_a_day_above_twelve_thousands_of_rows_later_decides(self):
        frame = read_bytes("when,size\n" + "01/02/2024,1\n" * 26_000 + "13/02/2024,2\n")

        assert frame["when"].iloc[0] == seconds(2024, 2, 1)

    def test_dots_and_dashes_mean_day_first_where_nothing_decides(self):
        assert read_column(["01.02.2024", "03.04.2024"])[0] == seconds(2024, 2, 1)
        assert read_column(["01-02-2024", "03-04-2024"])[0] == seconds(2024, 2, 1)

    def test_slashes_follow_the_rest_of_the_file(self):
        assert read_column(["01/02/2024", "03/04/2024"])[0] == seconds(2024, 1, 2)
        assert read_column(["01/02/2024", "03/04/2024"], separator=";")[0] == seconds(2024, 2, 1)

    def test_another_column_of_the_file_that_is_certain_decides(self):
        frame = read_bytes("a,b\n01/02/2024,31/01/2024\n03/04/2024,01/02/2024\n")

        assert frame["a"].iloc[0] == seconds(2024, 2, 1)

    def test_what_is_always_the_first_is_the_day_of_a_monthly_table(self):
        assert read_column([f"{month:02d}/01/2024" for month in range(1, 13)])[4] == seconds(2024, 5, 1)
        assert read_column([f"01/{month:02d}/2024" for month in range(1, 13)])[4] == seconds(2024, 5, 1)

    def test_the_reason_says_when_the_order_is_a_guess(self):
        assert "guess" in column_of(["01/02/2024", "03/04/2024"]).reason
        assert "guess" not in column_of(["01/02/2024", "13/04/2024"]).reason

    def test_a_column_that_fits_neither_order_stays_text(self):
        assert column_of(["13/02/2024", "02/13/2024"]).kind == "category"


@pytest.mark.parametrize(
    "cell", ["2024-02-30", "32.01.2024", "2024-13-01", "31 Foo 2024", "2024-01-01 25:00", "10:30"]
)
def test_what_is_no_real_date_stays_text(cell):
    assert column_of([cell, "2024-01-01"]).kind == "category"


def test_a_version_number_is_no_date():
    assert column_of(["1.2.10", "1.3.11"]).kind == "category"


@pytest.mark.parametrize("word", ["", "NaT", "n/a", "-"])
def test_a_missing_word_among_dates_is_missing(word):
    values = read_column(["2024-01-01", word])

    assert math.isnan(values[1])


class TestTimestamps:
    def test_seconds_and_milliseconds_are_the_same_instant(self):
        assert read_column(["1704067200", "1717150830"], name="created_at") == read_column(
            ["1704067200000", "1717150830000"], name="created_at"
        )

    def test_a_size_that_only_timestamps_have_is_enough_without_a_name(self):
        column = column_of(["1704067200", "1717150830"])

        assert (column.kind, column.format["style"]) == ("date", "unix")

    @pytest.mark.parametrize(
        "cells", [["4915112345", "4915154321"], ["12", "1704067200"], ["1704067200.5", "2"]]
    )
    def test_other_large_numbers_stay_numbers(self, cells):
        assert column_of(cells).kind == "number"

    def test_identifiers_that_look_like_timestamps_are_identifiers(self):
        assert column_of(["1704067200", "1717150830"], name="order_id").kind == "identifier"

    def test_eight_digits_are_a_date_where_the_name_says_so(self):
        assert read_column(["20240531", "20230102"], name="date") == [
            seconds(2024, 5, 31),
            seconds(2023, 1, 2),
        ]
        assert column_of(["20240531", "20230102"], name="amount").kind == "number"
        assert column_of(["20240531", "20239999"], name="date").kind == "number"


def test_the_profile_of_dates_is_in_unix_seconds():
    profile = column_of(["2024-01-01", "2024-01-02", "2024-01-03", ""]).profile

    assert profile["missing"] == 1
    assert date_text(profile["minimum"]) == "2024-01-01"
    assert date_text(profile["typical"]) == "2024-01-02"
    assert date_text(profile["maximum"]) == "2024-01-03"
    assert sum(profile["histogram"]["counts"]) == 3


def test_a_moment_is_shown_with_its_time():
    assert date_text(seconds(2024, 5, 31, 10, 20, 30)) == "2024-05-31T10:20:30Z"
    assert date_text(-1.0) == "1969-12-31T23:59:59Z"


def test_a_column_of_dates_is_not_guessed_as_target():
    summary = inspect_bytes("size,when\n1.5,2024-01-01\n2.5,2024-01-02\n")

    assert summary.target.name == "size"
