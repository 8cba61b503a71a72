"""Charts as strings: valid XML, named for screen readers, safe with any label, no style attribute."""

import xml.etree.ElementTree as ElementTree

import pytest

from mlmodels import charts

HOSTILE = "<script>alert(\"x\")</script> & 'quoted' مرحبا 🌷"
WORDS = {"name": "chart", "title": HOSTILE, "message": f"Says {HOSTILE}"}


def every_chart():
    yield charts.scatter([(1, 2), (3, 5)], x_label=HOSTILE, y_label=HOSTILE, **WORDS)
    yield charts.histogram([0, 1, 2], [3, 0], x_label=HOSTILE, marked=5, **WORDS)
    yield charts.roc([(0, 0), (0.5, 0.8), (1, 1)], area=0.8, **WORDS)
    yield charts.confusion_matrix([HOSTILE, 1], [[3, 0], [1, 2]], **WORDS)
    yield charts.sparkbars([1, 0, 4], label=HOSTILE)
    yield charts.bar_cell(0.4)


@pytest.mark.parametrize("svg", list(every_chart()))
def test_a_chart_is_well_formed_whatever_its_labels_hold(svg):
    root = ElementTree.fromstring(svg)

    assert root.tag == "svg"
    assert "<script" not in svg
    assert "style=" not in svg


@pytest.mark.parametrize("svg", list(every_chart())[:4])
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


def test_a_marked_value_outside_the_histogram_widens_the_axis():
    svg = charts.histogram([0, 1], [5], x_label="price", marked=100, **WORDS)

    pin = ElementTree.fromstring(svg).find("path[@class='pin']").get("d")
    assert float(pin[1:].split()[0]) <= 544


def test_a_full_cell_of_a_confusion_matrix_has_the_strongest_colour_and_text_that_stands_out():
    svg = charts.confusion_matrix(["no", "yes"], [[9, 0], [5, 5]], **WORDS)

    root = ElementTree.fromstring(svg)
    assert root.find("rect").get("class") == "heat-8"
    assert any("on-dark-cell" in text.get("class", "") for text in root.findall("text"))


def test_a_class_without_a_row_divides_nothing_by_zero():
    svg = charts.confusion_matrix(["no", "yes"], [[0, 0], [1, 2]], **WORDS)

    assert "0%" in svg


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


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (1500, "1.5k"), (2_000_000, "2M"), (-0.25, "-0.25"), (3.5e9, "3.5G")]
)
def test_numbers_on_axes_are_short(value, shown):
    assert charts.short_number(value) == shown
