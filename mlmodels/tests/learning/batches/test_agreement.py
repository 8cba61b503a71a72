"""A row of a file is answered as the same row on its own: prediction, reliability, warnings and refusals."""

import csv
import io

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mlmodels.learning import batches
from mlmodels.learning.serving import NoFinitePrediction
from mlmodels.learning.tables import TableRefused
from mlmodels.tests.learning.batches.examples import HEADER, example

MODELS = [
    ("price", "linear"),
    ("price", "gradient_boosting"),
    ("sold", "logistic"),
    ("class", "decision_tree"),
]

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]  # which takes minutes, and the rows are few
areas = st.one_of(
    st.floats(-50, 500).map(lambda area: f"{area:.2f}".replace(".", ",")),
    st.sampled_from(["", "n/a", "12.5", "1e3", "1e40", "-7", " 88,5 ", "ca. 90", "1,2,3"]),
    st.sampled_from(
        ["12,", ",5", "-,5", ",", "-", "--7", "7-", "+7", "- 7", "007", "1e-300", "1e-400", "9" * 31]
    ),
)
rooms = st.one_of(st.integers(0, 9).map(str), st.sampled_from(["", "-", "three", "4,0"]))
dates = st.one_of(
    st.dates().map(lambda day: day.strftime("%d.%m.%Y")),
    st.sampled_from(["", "2024-05-31", "31.02.2024", "1721520000", "tomorrow"]),
)
balconies = st.sampled_from(["ja", "nein", "JA", "yes", "", "maybe", "1"])
places = st.sampled_from(["Mitte", "Nord", "Süd, am See", " Nord ", "", "Atlantis", '"Nord"', "=1+1"])
notes = st.sampled_from(["sonnig Neubau", "hell", "", "two\nlines", "sonnig; ruhig"])
rows_of_cells = st.tuples(areas, rooms, dates, balconies, places, notes)


def file_of(rows, unnamed: int = 0) -> io.BytesIO:
    """With so many columns at the end that have neither name nor value."""
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([*cells, *[""] * unnamed] for cells in [HEADER, *rows])
    return io.BytesIO(text.getvalue().encode())


def answers_to(model, rows, unnamed: int = 0, **options) -> list[dict]:
    question, answer = file_of(rows, unnamed), io.BytesIO()
    inspected = batches.inspect(question, model.columns)
    batches.answer_file(model.many, inspected.reading, question, answer, **options)
    answered = list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline=""), delimiter=";"))
    unread = [row for row in answered if row["reason"] not in ("", NoFinitePrediction.message)]
    assert len(unread) == inspected.unreadable_rows
    return answered


def number(text: str) -> float:
    return float(text.replace(",", "."))


def assert_agrees(model, cells, answered, **options):
    try:
        output = model.one.answer(model.one.read(dict(zip(HEADER, cells, strict=True))), **options)
    except (TableRefused, NoFinitePrediction) as refused:
        assert answered["reason"].lstrip("'") == refused.message
        assert answered["prediction"] == answered["warnings"] == ""
        return
    assert answered["reason"] == ""
    if "interval" in output:
        told = [answered[name] for name in ("prediction", "low", "high")]
        expected = [output["prediction"], output["interval"]["low"], output["interval"]["high"]]
    else:
        assert answered["prediction"] == str(output["prediction"])
        assert answered["prediction_set"].split(" | ") == output["prediction_set"]
        told = [answered[f"probability of {label}"] for label in output["probabilities"]]
        expected = list(output["probabilities"].values())
    assert list(map(number, told)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    warnings = " ".join(f"{warning['column']}: {warning['message']}" for warning in output["warnings"])
    assert answered["warnings"] == warnings


@pytest.mark.parametrize(("target", "algorithm"), MODELS)
@settings(max_examples=15, deadline=None, phases=NO_SHRINKING)
@given(rows=st.lists(rows_of_cells.filter(any), min_size=1, max_size=12), level=st.sampled_from([0.9, 0.6]))
def test_each_row_is_answered_as_on_its_own(target, algorithm, rows, level):
    model = example(target, algorithm)

    answered = answers_to(model, rows, level=level)

    assert len(answered) == len(rows)
    for cells, told in zip(rows, answered, strict=True):
        assert_agrees(model, cells, told, level=level)


@settings(max_examples=10, deadline=None, phases=NO_SHRINKING)
@given(rows=st.lists(rows_of_cells.filter(any), min_size=1, max_size=8), count=st.integers(1, 3))
def test_blank_columns_at_the_end_without_a_name_change_no_answer(rows, count):
    model = example("price", "linear")

    answered = answers_to(model, rows, unnamed=count)

    for cells, told in zip(rows, answered, strict=True):
        assert_agrees(model, cells, told)


@settings(max_examples=10, deadline=None, phases=NO_SHRINKING)
@given(rows=st.lists(rows_of_cells.filter(any), min_size=1, max_size=8))
def test_a_threshold_decides_the_class_of_each_row(rows):
    model = example("sold", "logistic")

    answered = answers_to(model, rows, threshold=0.2)

    for cells, told in zip(rows, answered, strict=True):
        assert_agrees(model, cells, told, threshold=0.2)
