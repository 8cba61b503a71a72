"""Tab, Enter and Space alone, from the first page to a prediction."""

import uuid

from playwright.sync_api import expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import tab_to

HTMX_IS_AT_REST = """() => !document.querySelector(
    ".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added"
)"""


def test_everything_up_to_a_prediction_is_done_without_a_mouse(page, tmp_path):
    page.goto("/")
    tab_to(page, "Skip to content")
    tab_to(page, "Sign up")
    page.keyboard.press("Enter")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(f"{uuid.uuid4().hex}@example.com")  # nobody had it, also when the test is repeated
    tab_to(page, "Password")
    page.keyboard.type(people.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Welcome.")).to_be_visible()

    tab_to(page, "Drop a CSV file here")
    assert page.evaluate("document.activeElement.type") == "file"  # what Enter opens is the system's own
    page.locator(":focus").set_input_files(people.csv_file(people.HOUSES))
    expect(people.heading(page)).to_have_text("houses.csv")

    tab_to(page, "Use garden")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Train on 1 column")).to_be_visible()
    page.wait_for_function(HTMX_IS_AT_REST)
    expect(page.get_by_label("Use garden")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Train on 2 columns")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.goto(page.url)
    tab_to(page, "Train")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/**")

    tab_to(page, "rooms")
    page.keyboard.press("Control+A")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.get_by_label("rooms")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("rooms")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    tab_to(page, "Predict")
    page.keyboard.press("Space")
    expect(people.answer(page)).to_be_visible()


def test_a_wrong_setting_of_a_training_gives_the_focus_to_the_summary_and_that_leads_to_the_field(
    page, alice
):
    people.upload(page)
    people.choose_algorithm(page, "Nearest neighbors")
    page.get_by_text("Name and settings").click()
    page.get_by_label("n_neighbors").fill("0")

    tab_to(page, "Train")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("1 field needs attention: n_neighbors.")
    tab_to(page, "n_neighbors")
    page.keyboard.press("Enter")
    expect(page.get_by_label("n_neighbors")).to_be_focused()


def test_the_dialog_keeps_the_focus_and_gives_it_back(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")

    people.open_tab(page, "Details")
    tab_to(page, "Delete model")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Keep model")).to_be_focused()
    tab_to(page, "Delete")
    page.keyboard.press("Escape")

    expect(page.get_by_role("link", name="Delete model")).to_be_focused()


def test_after_a_prediction_the_focus_stays_near_the_answer(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")

    tab_to(page, "Predict")
    page.keyboard.press("Enter")
    expect(people.answer(page)).to_be_visible()

    expect(page.get_by_role("button", name="Predict")).to_be_focused()
