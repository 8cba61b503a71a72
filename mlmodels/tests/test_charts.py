"""Charts as strings: valid XML, named for screen readers, safe with any label, no style attribute."""

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

from mlmodels import charts
from mlmodels.templatetags.drivers import partial_dependences
from mlplatform.core.formats import LANGUAGE

HOSTILE = "<script>alert(\"x\")</script> & 'quoted' مرحبا 🌷"
WORDS = {"name": "chart", "title": HOSTILE, "message": f"Says {HOSTILE}"}


def every_chart():
    axes = {"x_label": HOSTILE, "y_label": HOSTILE}
    yield charts.scatter([(1, 2), (3, 5)], band=[(1, 0.5, 1.5), (5, 4, 6)], **axes, **WORDS)
    yield charts.histogram([0, 1, 2], [3, 0], x_label=HOSTILE, inside=(0.5, 1), reference=5, **WORDS)
    yield charts.distribution([0, 1, 2], [3, 0], prediction=4, interval=(3, 6), **WORDS)
    yield charts.distribution([0, 1, 2], [3, 0], reference=(1, HOSTILE), is_narrow=True, **WORDS)
    yield charts.categories([(HOSTILE, 0.9), ("b", 0.1)], chosen="b", **WORDS)
    yield charts.curve(
        [(0, 0), (0.5, 0.8), (1, 1)], reference=[(0, 0), (1, 1)], now=(0.5, 0.8), **axes, **WORDS
    )
    yield charts.curve([(-5, 2), (700, 2)], is_share=False, **axes, **WORDS)
    yield charts.calibration([(0.2, 0.3, 0.1, 0.5)], y_label=HOSTILE, **WORDS)
    yield charts.sparkbars([1, 0, 4], label=HOSTILE)
    yield charts.bar(0.4)
    yield from charts.diverging_bars([2, -1, 0])
    yield charts.point(0.4, 0.3, 0.5, band=(0.2, 0.45), is_quiet=True)
    yield charts.scale([(0.5, HOSTILE)])
    yield charts.meter(0.4, 0.3, 0.5)


@pytest.mark.parametrize("svg", list(every_chart()))
def test_a_chart_is_well_formed_whatever_its_labels_hold(svg):
    root = ElementTree.fromstring(svg)

    assert root.tag == "svg"
    assert "<script" not in svg
    assert "style=" not in svg


@pytest.mark.parametrize("svg", list(every_chart())[:8])
def test_a_chart_is_named_and_described_for_screen_readers(svg):
    root = ElementTree.fromstring(svg)

    assert root.get("role") == "img"
    assert root.find(f"title[@id='{root.get('aria-labelledby')}']").text == HOSTILE
    assert root.find(f"desc[@id='{root.get('aria-describedby')}']").text == f"Says {HOSTILE}"


def test_a_scatter_draws_one_dot_per_point_and_the_diagonal():
    svg = charts.scatter([(1, 1), (2, 3), (4, 4)], x_label="actual", y_label="predicted", **WORDS)

    dots = ElementTree.fromstring(svg).find("path[@class='dots']").get("d")
    assert dots.count("M") == 3
    assert 'class="ref"' in svg


def test_points_that_all_have_one_value_can_still_be_drawn():
    svg = charts.scatter([(7, 7), (7, 7)], x_label="actual", y_label="predicted", **WORDS)

    assert "nan" not in svg.lower()


def test_the_bars_of_a_histogram_are_as_high_as_their_counts():
    svg = charts.histogram([0, 10, 20, 30], [5, 10, 0], x_label="price", **WORDS)

    heights = [float(bar.get("height")) for bar in ElementTree.fromstring(svg).findall("rect")]
    assert heights[0] * 2 == pytest.approx(heights[1], abs=0.2)
    assert heights[2] == 0


def test_a_bar_that_an_interval_covers_in_part_is_blue_in_part():
    svg = charts.distribution([0, 10, 20], [4, 4], prediction=6, interval=(5, 10), **WORDS)

    bars = [
        (bar.get("class"), float(bar.get("width"))) for bar in ElementTree.fromstring(svg).findall("rect")
    ]
    assert [css for css, _ in bars] == ["rest", "bar", "rest"]
    assert bars[1][1] * 2 == pytest.approx(bars[0][1], abs=2)


def test_a_prediction_outside_the_histogram_widens_the_axis():
    svg = charts.distribution([0, 1], [5], prediction=100, **WORDS)

    line = ElementTree.fromstring(svg).find("path[@class='now-line']").get("d")
    assert float(line[1:].split()[0]) <= 426


def test_both_ends_of_an_interval_are_written_out_wherever_it_lies():
    svg = charts.distribution([0, 100], [5], prediction=99.5, interval=(0.5, 100), **WORDS)

    texts = [text.text for text in ElementTree.fromstring(svg).findall("text")]
    assert {"0.5", "100"} <= set(texts)


def test_classes_that_begin_alike_are_told_apart():
    names = [
        "Product number 17 of the year",
        "Product number 56 of the year",
        "Service",
        "Antidisestablishment",
    ]

    svg = charts.categories([(name, 0.25) for name in names], **WORDS)

    texts = [text.text for text in ElementTree.fromstring(svg).iter("text")][::2]
    assert texts == ["…17 of the ye…", "…56 of the ye…", "Service", "Antidisestabl…"]
    assert "<title>Product number 56 of the year: 25%</title>" in svg


def test_long_words_that_begin_alike_are_told_apart():
    svg = charts.categories([("antidisestablishment", 0.5), ("antidisestablished", 0.5)], **WORDS)

    texts = [text.text for text in ElementTree.fromstring(svg).iter("text")][::2]
    assert texts == ["…tablishment", "…tablished"]


def test_what_raises_lies_right_of_zero_and_what_lowers_left_in_another_colour():
    raises, lowers = (ElementTree.fromstring(svg).find("rect") for svg in charts.diverging_bars([5, -4]))

    assert (raises.get("class"), raises.get("x")) == ("bar", "44.4%")
    assert (lowers.get("class"), lowers.get("width")) == ("against", "44.4%")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-50_000, 900_000, [0, 200_000, 400_000, 600_000, 800_000]),
        (0.001, 0.0013, [0.001, 0.0011, 0.0012, 0.0013]),
    ],
)
def test_ticks_are_round_numbers_inside_the_range(low, high, expected):
    ticks = charts.nice_ticks(low, high)

    assert set(expected) <= set(ticks)
    assert all(low <= tick <= high for tick in ticks)


def test_the_last_tick_of_an_axis_stays_inside_the_chart():
    svg = charts.distribution([0, 400_000, 800_000], [3, 1], **WORDS)

    assert 'text-anchor="end">800k</text>' in svg and 'text-anchor="middle">400k</text>' in svg


def test_a_date_has_days_on_its_axis_and_yes_or_no_has_bars():
    sold = {"name": "sold", "format": {"type": "date"}}
    garden = {"name": "garden", "format": {"type": "boolean", "true": "yes", "false": "no"}}
    drawn = [
        {"name": "sold", "kind": "number", "points": [[1735689600.0, 1.0], [1738368000.0, 2.0]]},
        {"name": "garden", "kind": "number", "points": [[0.0, 1.0], [1.0, 2.0]]},
    ]
    model = SimpleNamespace(
        task="regression",
        target={"name": "price"},
        features=[sold, garden],
        report={"partial_dependence": drawn},
    )

    by_date, by_garden = partial_dependences(model)

    assert "2025-01-01" in by_date["chart"] and "2025-02-01" in by_date["chart"]
    assert [row["value"] for row in by_garden["rows"]] == ["no", "yes"]
    assert by_garden["message"] == "Average price is lowest at no and highest at yes."


def test_a_sentence_that_ends_with_the_time_of_day_has_one_full_stop():
    sold = {"name": "sold", "format": {"type": "date"}}
    drawn = {"name": "sold", "kind": "number", "points": [[1735689600.0, 1.0], [1735722000.0, 2.0]]}
    model = SimpleNamespace(
        task="regression", target={"name": "price"}, features=[sold], report={"partial_dependence": [drawn]}
    )
    token = LANGUAGE.set("en")

    (by_date,) = partial_dependences(model)

    LANGUAGE.reset(token)
    assert by_date["message"] == "Average price is lowest at Jan. 1, 2025 and highest at Jan. 1, 2025, 9 a.m."
