"""A model and what is done with it: rename, delete, compare, repeat; and nobody else's eyes on it."""

import re

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people


@pytest.fixture
def model(page, alice):
    """The page of a model that Alice has just trained shows."""
    people.upload(page)
    people.train(page, "Linear regression")
    return page.url


def test_a_model_is_renamed_in_place(page, model):
    people.open_tab(page, "Details")
    page.get_by_role("link", name="Rename").click()
    name = page.get_by_label("New name of the model")
    expect(name).to_be_focused()

    name.fill("Houses 2026")
    page.get_by_role("button", name="Save").click()

    expect(people.heading(page)).to_contain_text("Houses 2026")
    expect(people.heading(page)).to_be_focused()
    page.goto("/models/")
    expect(page.get_by_role("link", name="Houses 2026", exact=True)).to_be_visible()


def test_a_model_is_renamed_in_its_row_of_the_list(page, model):
    page.goto("/models/")
    page.get_by_role("link", name="Rename houses_price").click()
    name = page.get_by_label("New name of the model")
    expect(name).to_be_focused()

    name.fill("Houses 2026")
    page.keyboard.press("Enter")

    expect(page.get_by_role("link", name="Houses 2026", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("/models/$"))


def test_escape_keeps_the_old_name(page, model):
    people.open_tab(page, "Details")
    before = people.heading(page).inner_text()
    page.get_by_role("link", name="Rename").click()

    page.get_by_label("New name of the model").fill("Something else")
    page.keyboard.press("Escape")

    expect(people.heading(page)).to_have_text(before)


def test_deleting_asks_first_and_escape_keeps_the_model(page, model):
    people.open_tab(page, "Details")
    page.get_by_role("link", name="Delete model").click()
    expect(page.get_by_role("dialog")).to_contain_text("Programs that call it will get an error")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Delete model")).to_be_focused()

    page.get_by_role("link", name="Delete model").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()

    expect(page.get_by_role("status").filter(has_text="was deleted")).to_be_visible()
    expect(page.get_by_text("No models yet")).to_be_visible()
    assert page.goto(model).status == 404


def test_the_list_is_searched_while_typing_and_back_shows_all_again(page, model):
    page.goto("/models/")
    page.get_by_role("searchbox").press_sequentially("castles")
    expect(page.get_by_text("No models match.")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()

    page.go_back()

    expect(page.get_by_role("link", name="houses_price", exact=True)).to_be_visible()


def test_two_models_stand_side_by_side(page, model):
    page.get_by_role("link", name="houses.csv").click()
    people.train(page, "Ridge regression")
    page.goto("/models/")
    for box in page.get_by_label(re.compile("^Compare ")).all():
        box.check()

    page.get_by_role("button", name="Compare selected").click()

    expect(page.get_by_role("region", name="Models side by side").get_by_role("columnheader")).to_have_count(
        3
    )
    expect(page.get_by_role("rowheader", name="Differences explained (R²)")).to_be_visible()


def test_an_earlier_prediction_is_shown_and_asked_again(page, model):
    page.get_by_label("rooms").fill("3")
    people.predict(page)
    answer = people.answer(page).inner_text()
    page.goto("/predictions/")

    page.get_by_role("link", name="Repeat").click()

    expect(page.get_by_label("rooms")).to_have_value("3")
    expect(people.answer(page)).to_have_text(answer)
    people.expect_balance(page, 9)  # looking is free
    people.predict(page)
    people.expect_balance(page, 4)


def test_a_paid_row_is_varied_for_nothing(page, model):
    people.predict(page)
    balance = people.balance_chip(page).inner_text()

    page.get_by_label("rooms").fill("8")
    page.get_by_role("button", name="Try a variation, free").click()

    expect(page.locator("#result")).to_contain_text("more than the answer you paid for")
    expect(page.get_by_label("rooms")).to_have_value("8")
    assert people.balance_chip(page).inner_text() == balance


def test_a_value_outside_of_the_training_is_said(page, model):
    page.get_by_label("rooms").fill("40")
    people.predict(page)

    expect(page.locator("#result")).to_contain_text("rooms 40 is above 9, the largest value in training.")
    expect(page.get_by_label("rooms")).to_have_accessible_description(
        "40 is above 9, the largest value in training."
    )


def test_a_wrong_value_is_said_at_its_field_and_nothing_is_charged(page, model):
    page.get_by_label("rooms").fill("many")
    page.get_by_role("button", name="Predict").click()

    rooms = page.get_by_label("rooms")
    expect(rooms).to_have_attribute("aria-invalid", "true")
    expect(rooms).to_be_focused()
    expect(rooms).to_have_value("many")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was charged")
    people.expect_balance(page, 14)


def test_the_snippet_is_copied(page, model):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    people.open_tab(page, "Use it from code")

    page.get_by_role("button", name="Copy curl").click()

    expect(page.locator("#live")).to_have_text("Copied")
    assert "/api/predict/" in page.evaluate("navigator.clipboard.readText()")


def test_what_belongs_to_somebody_else_is_not_there(page, model, open_page):
    people.open_tab(page, "Details")
    dataset = page.get_by_role("link", name="houses.csv").first.get_attribute("href")
    run = page.get_by_role("link", name="training run").get_attribute("href")
    bob = open_page()
    people.sign_up(bob)

    for address in (model, dataset, run):
        assert bob.goto(address).status == 404
        expect(people.heading(bob)).to_have_text("Page not found")


def test_a_data_set_is_deleted_after_a_question_and_its_model_stays(page, model):
    page.get_by_role("link", name="houses.csv").click()
    page.get_by_role("link", name="Delete dataset").click()
    page.get_by_role("button", name="Delete", exact=True).click()

    expect(page.get_by_text("houses.csv was deleted.")).to_be_visible()
    page.goto(model)
    people.predict(page)
