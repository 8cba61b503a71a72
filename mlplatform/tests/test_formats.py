"""Numbers and dates on pages follow the browser's language; the texts stay English."""

from datetime import UTC, datetime

import pytest

from mlplatform.core import formats
from mlplatform.core.templatetags.ui import plural


@pytest.fixture(params=["", "en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.8", "xx,fr;q=0.5"])
def language(request):
    token = formats.LANGUAGE.set(formats.known_language(request.param))
    yield request.param[:2]
    formats.LANGUAGE.reset(token)


def test_numbers_have_the_separators_of_the_language(language):
    shown = {"": "12,500.5", "en": "12,500.5", "de": "12.500,5", "xx": "12\xa0500,5"}

    assert formats.figure(12500.5, 6) == shown[language]


def test_a_count_is_followed_by_its_noun(language):
    shown = {"": "12,500 tokens", "en": "12,500 tokens", "de": "12.500 tokens", "xx": "12\xa0500 tokens"}

    assert plural(12500, "token") == shown[language]
    assert [plural(number, "token") for number in (0, 1, 2)] == ["0 tokens", "1 token", "2 tokens"]


def test_dates_are_written_as_in_the_language_with_english_months_in_english_alone(language):
    shown = {"": "2026-11-05", "en": "Nov. 5, 2026", "de": "05.11.2026", "xx": "05/11/2026"}

    assert formats.date(datetime(2026, 11, 5, tzinfo=UTC)) == shown[language]
    assert formats.unix_date(datetime(2026, 11, 5, tzinfo=UTC).timestamp()) == shown[language]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1500, "1.5k"), (2_000_000, "2M"), (-0.25, "-0.25"), (3.5e9, "3.5G"), (1e-12, "1e-12")],
)
def test_numbers_on_axes_are_short(value, shown):
    assert formats.short_number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (29846.2, "29,846"),
        (4.30, "4.3"),
        (1987, "1987"),
        (12500, "12,500"),
        (None, "—"),
        (-0.00001, "-0.00001"),
        (9_999.9999999, "10,000"),
    ],
)
def test_figures_are_rounded_to_what_matters(value, shown):
    assert formats.figure(value) == shown


def test_nothing_is_ever_minus_zero():
    assert formats.fixed(-0.0001, 2) == "0.00"


@pytest.mark.parametrize("header", ["*", "", ";;;", "q=1", "x" * 500, "../../etc"])
def test_a_header_of_nonsense_changes_nothing(header):
    assert formats.known_language(header) == ""


@pytest.mark.django_db
def test_a_page_is_formatted_for_its_reader_and_stays_english(alice, pages_of):
    client = pages_of(alice)

    page = client.get("/tokens/", headers={"accept-language": "de"})

    assert "Accept-Language" in page["Vary"]
    assert "Tokens" in page.content.decode()
    assert formats.LANGUAGE.get() == ""
