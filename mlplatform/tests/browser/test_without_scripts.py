"""Every action is a plain form as well."""

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people


@pytest.fixture
def page(open_page):
    return open_page(java_script_enabled=False)


def upload(page, text=people.HOUSES):
    page.goto("/")
    page.get_by_label("Drop a CSV file here").set_input_files(people.csv_file(text))
    page.get_by_role("button", name="Upload").click()


def train(page):
    page.get_by_role("button", name="Train").click()
    page.wait_for_url("**/runs/**")
    for _ in range(100):
        if page.get_by_role("link", name="Open the model").count():
            break
        page.wait_for_timeout(300)
        with page.expect_navigation():
            page.get_by_role("link", name="Refresh").click()
    page.get_by_role("link", name="Open the model").click()


def test_from_sign_up_to_a_prediction(page, alice):
    upload(page)
    expect(people.heading(page)).to_have_text("houses.csv")
    page.get_by_label("Algorithm", exact=True).select_option(label="Linear regression")
    page.get_by_role("button", name="Update").first.click()
    expect(page.get_by_label("Algorithm", exact=True)).to_have_value("linear")

    train(page)
    people.expect_balance(page, 14)
    page.get_by_role("button", name="Predict").click()

    expect(people.answer(page)).to_have_text("400,000")
    people.expect_balance(page, 9)


def test_a_refused_file_and_a_wrong_value_are_said(page, alice):
    upload(page, "a,b\n1\n")
    expect(page.get_by_role("alert")).to_contain_text("Row 2")

    upload(page)
    page.get_by_label("Algorithm", exact=True).select_option(label="Linear regression")
    train(page)
    page.get_by_label("rooms").fill("many")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_label("rooms")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was charged")
    people.expect_balance(page, 14)


def test_a_model_is_renamed_and_deleted_on_pages_of_their_own(page, alice):
    upload(page)
    page.get_by_label("Algorithm", exact=True).select_option(label="Linear regression")
    train(page)

    people.open_tab(page, "Details")
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("New name of the model").fill("Houses 2026")
    page.get_by_role("button", name="Save").click()
    expect(people.heading(page)).to_contain_text("Houses 2026")

    people.open_tab(page, "Details")
    page.get_by_role("link", name="Delete model").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No models yet")).to_be_visible()
