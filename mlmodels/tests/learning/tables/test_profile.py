import json
import random
import statistics

import pytest

from mlmodels.learning.tables import limits
from mlmodels.learning.tables.dates import date_text
from mlmodels.learning.tables.profile import NumberStatistics, sampling_step
from mlmodels.tests.learning.tables.files import column_of, inspect_bytes


def test_the_profile_of_numbers():
    profile = column_of(["1", "2", "2", "", "5.5"]).profile

    assert profile["rows"] == 5
    assert profile["missing"] == 1
    assert profile["distinct"] == 3
    assert (profile["minimum"], profile["maximum"], profile["mean"]) == (1.0, 5.5, 2.625)
    assert profile["typical"] == profile["quantiles"]["0.5"] == 2.0
    assert profile["top_values"][0] == ["2", 2]
    assert profile["whole"] is False
    assert sum(profile["histogram"]["counts"]) == 4


def test_the_profile_of_categories():
    profile = column_of(["Ulm", "Bonn", "Ulm", "", "Ulm"]).profile

    assert profile["missing"] == 1
    assert profile["top_values"] == [["Ulm", 3], ["Bonn", 1]]
    assert profile["typical"] == "Ulm"
    assert "mean" not in profile


def test_an_empty_column_has_a_profile_too():
    profile = column_of(["", "", ""]).profile

    assert (profile["missing"], profile["distinct"], profile["typical"], profile["top_values"]) == (
        3,
        0,
        None,
        [],
    )


@pytest.mark.parametrize(
    ("cells", "whole"), [(["1", "2"], True), (["1.0", "2.0"], True), (["1", "2.5"], False)]
)
def test_whole_is_about_the_values_and_not_about_how_they_are_written(cells, whole):
    assert column_of(cells).profile["whole"] is whole


def test_quantiles_equal_those_of_numpy():
    numpy = pytest.importorskip("numpy")
    values = [random.Random(1).lognormvariate(0, 2) for _ in range(5)] + list(range(998))

    quantiles = column_of([repr(value) for value in values]).profile["quantiles"]

    assert len(quantiles) > 2
    for share, value in quantiles.items():
        assert value == pytest.approx(numpy.quantile(values, float(share)), rel=1e-12)


def edges_of(cells):
    return column_of(cells).profile["histogram"]["edges"]


def test_the_histogram_counts_as_numpy_does():
    numpy = pytest.importorskip("numpy")
    source = random.Random(2)
    values = [source.gauss(0, 1) for _ in range(1000)]

    histogram = column_of([repr(value) for value in values]).profile["histogram"]

    assert histogram["counts"] == numpy.histogram(values, histogram["edges"])[0].tolist()
    assert sum(histogram["counts"]) == 1000
    assert len(histogram["counts"]) <= limits.HISTOGRAM_BINS + 2


def test_bins_begin_on_round_numbers():
    assert edges_of(["0.13", "0.57"])[:3] == [0.1, 0.15, 0.2]
    assert edges_of(["0.3", "8.1"])[:2] == [0.0, 0.5]
    assert edges_of(["1.5", "-1234567"])[-3:] == [-100_000, 0, 100_000]


def test_bins_of_whole_numbers_are_whole_numbers_wide_and_each_small_number_has_its_own():
    histogram = column_of(["3", "4", "4", "7"]).profile["histogram"]

    assert histogram == {"edges": [3, 4, 5, 6, 7, 8], "counts": [1, 2, 0, 0, 1]}
    assert edges_of(["12", "195"])[:3] == [10, 20, 30]


@pytest.mark.parametrize(
    ("first", "last", "starts"),
    [
        ("2024-01-03T10:20:00", "2024-01-03T18:00:00", ["2024-01-03T10:00:00", "2024-01-03T11:00:00"]),
        ("2024-01-03", "2024-01-12T10:00:00", ["2024-01-03", "2024-01-03T12:00:00"]),
        ("2024-01-03", "2024-01-19", ["2024-01-03", "2024-01-04"]),
        ("2024-01-03", "2024-05-01", ["2024-01-01", "2024-01-08"]),
        ("2022-01-03", "2023-08-01", ["2022-01-01", "2022-02-01"]),
        ("2011-02-03", "2023-08-01", ["2011-01-01", "2012-01-01"]),
        ("0001-01-01", "9999-12-31", ["0001-01-01", "0500-01-01"]),
    ],
)
def test_bins_of_dates_are_those_of_the_calendar(first, last, starts):
    histogram = column_of([first, "", last]).profile["histogram"]

    assert [date_text(edge).removesuffix("Z") for edge in histogram["edges"][:2]] == starts
    assert sum(histogram["counts"]) == 2


def test_one_value_makes_a_histogram_of_one_bar():
    assert column_of(["7", "7", ""]).profile["histogram"] == {"edges": [7.0, 7.0], "counts": [2]}


def test_more_different_values_than_are_kept_are_at_least_so_many():
    rows = limits.DISTINCT_COUNTED_MAX * 2
    summary = inspect_bytes("size,city\n" + "".join(f"{n},x{n % 3}\n" for n in range(rows)))

    profile = summary.columns[0].profile

    assert profile["distinct"] == limits.DISTINCT_COUNTED_MAX
    assert profile["distinct_is_exact"] is False
    assert (profile["minimum"], profile["maximum"]) == (0, rows - 1)
    assert summary.columns[1].profile["distinct_is_exact"] is True


class TestSampling:
    def test_range_mean_and_count_stay_exact_past_the_sample(self):
        numbers = NumberStatistics(every=53)
        values = [random.Random(3).gauss(0, 1) for _ in range(1)] + [n / 7 for n in range(50_000)]

        for start in range(0, len(values), 777):
            numbers.add(values[start : start + 777])
        summary = numbers.summary()

        assert numbers.count == len(values)
        assert (summary["minimum"], summary["maximum"]) == (min(values), max(values))
        assert summary["mean"] == pytest.approx(statistics.fmean(values), rel=1e-12)

    def test_quantiles_from_the_sample_are_near_even_where_the_file_is_sorted(self):
        numbers = NumberStatistics(every=53)

        for start in range(0, 200_000, 5000):
            numbers.add([float(n) for n in range(start, start + 5000)])
        summary = numbers.summary()

        assert summary["sampled"] == 3774
        for share, value in summary["quantiles"].items():
            assert value == pytest.approx(float(share) * 200_000, abs=100)

    def test_a_sample_of_daily_rows_has_every_weekday(self):
        numbers = NumberStatistics(every=sampling_step(150_000, 100_000))

        numbers.add([86_400.0 * day for day in range(150_000)])

        assert numbers.varying_parts() == ["year", "month", "day", "weekday", "day_of_year"]

    def test_small_tables_are_not_sampled(self):
        assert column_of(["1", "2"]).profile["sampled"] is None


def test_the_profile_is_json_of_bounded_size():
    rows = "".join(f"{'x' * 3000}{n},{n}\n" for n in range(300))

    summary = inspect_bytes("text,size\n" + rows)

    assert len(json.dumps(summary.columns[0].to_dict(), allow_nan=False)) < 3000


@pytest.mark.parametrize("cells", [["1e260", "-1e260"], ["0.1", "0.1"], ["1e-260", "0"], ["-0.0", "0.0"]])
def test_extreme_numbers_give_finite_figures(cells):
    profile = column_of(cells).profile

    json.dumps(profile, allow_nan=False)
    assert profile["minimum"] <= profile["mean"] <= profile["maximum"]
