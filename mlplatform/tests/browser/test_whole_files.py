"""A file of 3,000 rows is answered: in four clicks, by keyboard, and without scripts."""

import csv
import io
import re

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import LAPTOP, PHONE, assert_usable, tab_to
from mlplatform.tests.browser.watch import watched

ZONE = "Drop new rows here to predict them"
COUNT_CLICKS = "addEventListener('click', event => event.isTrusted && countClick(), true)"

QUESTION = [("agent", "rooms", "garden")] + [
    (f"Agent {n}", str(1 + n % 9), "no" if n % 4 == 0 else "yes") for n in range(3000)
]
UNREADABLE = ("Agent 0", "a few", "no")


def text_of(rows) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def seller(browser, installation):
    """A user with a model of the houses, and tokens for a few files."""
    with watched(browser, installation.url) as context:
        page = context.new_page()
        person = people.sign_up(page)
        people.upload(page)
        people.train(page, "Linear regression")
    installation.manage("grant_tokens", person.email, "100", "--reason", "Files")
    return person


def choose_file(page, text: str, zone: str = ZONE):
    """Through the file chooser that a click opens, as a user does."""
    with page.expect_file_chooser() as chooser:
        page.get_by_label(zone).click()
    chooser.value.set_files(people.csv_file(text, "new.csv"))
    expect(people.heading(page)).to_have_text("new.csv")


def counted_clicks(page) -> list[str]:
    """The page of each click by a user, on every page that is opened from now on."""
    clicks = []
    page.expose_function("countClick", lambda: clicks.append(page.url))
    page.add_init_script(COUNT_CLICKS)
    return clicks


def assert_answered(download):
    """Every row has come back in its place, with the price that the houses were generated with."""
    rows = list(csv.DictReader(io.StringIO(download.path().read_text())))
    assert [(row["agent"], row["rooms"], row["garden"]) for row in rows] == QUESTION[1:]
    for row in rows:
        price = int(row["rooms"]) * 50_000 + (150_000 if row["garden"] == "yes" else 0)
        assert float(row["prediction"]) == pytest.approx(price, rel=0.001)
        assert float(row["low"]) <= float(row["prediction"]) <= float(row["high"])


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_four_clicks_lead_from_the_log_in_to_the_answer(open_page, seller, size):
    page = open_page(viewport=size)
    clicks = counted_clicks(page)
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(seller.email)
    page.get_by_label("Password").fill(seller.password)

    page.get_by_role("main").get_by_role("button", name="Log in").click()
    choose_file(page, text_of(QUESTION))
    page.get_by_role("button", name="Predict 3000 rows").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download CSV").click()

    assert_answered(downloading.value)
    assert len(clicks) == 4, clicks
    expect(page.get_by_text("3000 rows. 15 tokens.")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_four_clicks_lead_from_the_page_of_a_model_to_the_answer(open_page, seller, size):
    page = open_page(viewport=size)
    people.log_in(page, seller)
    page.goto("/models/")
    page.get_by_role("link", name="houses_price", exact=True).click()
    clicks = counted_clicks(page)
    page.reload()

    people.open_tab(page, "Whole files")
    choose_file(page, text_of(QUESTION), zone="Drop a CSV file here")
    page.get_by_role("button", name="Predict 3000 rows").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download CSV").click()

    assert_answered(downloading.value)
    assert len(clicks) == 4, clicks


def test_the_pages_on_the_way_are_usable_and_name_all_rows_that_cannot_be_read(open_page, seller):
    page = open_page()
    people.log_in(page, seller)
    assert_usable(page)

    choose_file(page, text_of([QUESTION[0], *[UNREADABLE] * 30, *QUESTION[1:]]))
    expect(page.get_by_role("heading", name="30 rows cannot be read")).to_be_visible()
    expect(page.get_by_text("The first 20 of 30.")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download these rows").click()
    lines = downloading.value.path().read_text().splitlines()
    assert lines[0] == "agent,rooms,garden,row,reason" and len(lines) == 31
    assert lines[1].startswith("Agent 0,a few,no,2,")
    assert_usable(page)

    page.get_by_role("button", name="Predict 3000 rows").click()
    expect(page.get_by_role("link", name="Download CSV")).to_be_visible()
    expect(page.get_by_text("3030 rows, 30 could not be read")).to_be_visible()
    assert_usable(page)
    page.goto("/models/")
    page.get_by_role("link", name="houses_price", exact=True).click()
    people.open_tab(page, "Whole files")
    expect(page.get_by_role("article", name="new.csv").first).to_be_visible()
    assert_usable(page)


def test_a_file_is_answered_without_a_mouse(open_page, seller):
    page = open_page()
    people.log_in(page, seller)

    tab_to(page, ZONE)
    page.locator(":focus").set_input_files(people.csv_file(text_of(QUESTION), "new.csv"))
    expect(people.heading(page)).to_have_text("new.csv")
    tab_to(page, "Predict 3000 rows")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Download CSV")).to_be_visible()
    tab_to(page, "Download CSV")
    with page.expect_download() as downloading:
        page.keyboard.press("Enter")

    assert_answered(downloading.value)


def test_a_file_is_answered_without_scripts(open_page, seller):
    page = open_page(java_script_enabled=False)
    people.log_in(page, seller)
    zone = page.get_by_role("region", name="Predict a file")

    zone.get_by_label(ZONE).set_input_files(people.csv_file(text_of(QUESTION), "new.csv"))
    zone.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Predict 3000 rows").click()
    page.wait_for_url(re.compile("/batches/"))
    for _ in range(100):
        if page.get_by_role("link", name="Download CSV").count():
            break
        page.wait_for_timeout(300)
        page.reload()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download CSV").click()

    assert_answered(downloading.value)
