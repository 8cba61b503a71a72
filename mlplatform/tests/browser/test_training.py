"""A training while it goes on, stopped, ordered twice, and without tokens."""

import random
import re

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people


def many_rows(rows=12_000) -> str:
    """Enough to keep all algorithms busy for a while."""
    chance = random.Random(1)
    numbers = [[chance.random() for _ in range(6)] for _ in range(rows)]
    lines = [",".join(f"{number:.4f}" for number in [*row, sum(row)]) for row in numbers]
    return "\n".join(["a,b,c,d,e,f,total", *lines])


@pytest.fixture(scope="module")
def large_table():
    return many_rows()


def test_a_run_shows_its_candidates_live_and_stopping_gives_the_token_back(page, alice, large_table):
    people.upload(page, large_table)
    page.get_by_role("button", name="Train").click()

    expect(page.get_by_role("heading", name="Models so far")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Ridge regression").first).to_be_visible()
    expect(page.get_by_text("seconds so far")).to_be_visible()
    people.expect_balance(page, 14)
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("1 token refunded.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    people.expect_balance(page, 15)


def test_a_double_click_on_train_starts_one_training(page, alice):
    people.upload(page)
    people.choose_algorithm(page, "Linear regression")

    page.get_by_role("button", name="Train").dblclick()
    page.wait_for_url("**/models/**")

    people.expect_balance(page, 14)
    page.goto("/models/")
    expect(page.get_by_role("main").get_by_role("row")).to_have_count(2)  # the header and the model


def test_a_double_click_on_predict_pays_once(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")

    page.get_by_role("button", name="Predict").dblclick()
    expect(people.answer(page)).to_be_visible()

    people.expect_balance(page, 9)
    page.goto("/predictions/")
    expect(page.get_by_role("link", name="Repeat")).to_have_count(1)


def test_a_double_click_whose_first_click_was_answered_meanwhile_pays_once(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")
    button = page.get_by_role("button", name="Predict")

    button.click()
    expect(people.answer(page)).to_be_visible()
    people.expect_balance(page, 9)
    button.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    page.wait_for_timeout(500)

    people.expect_balance(page, 9)
    button.click()
    people.expect_balance(page, 4)


def test_who_runs_out_of_tokens_is_told_so_and_nothing_is_charged(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")
    for tokens_left in (9, 4):
        people.predict(page)
        people.expect_balance(page, tokens_left)

    expect(page.get_by_role("button", name="Predict")).to_be_disabled()
    expect(page.locator("#shortage")).to_contain_text("You need 5 tokens and have 4.")
    page.get_by_role("link", name="Request tokens").click()
    expect(page).to_have_url(re.compile("/tokens/#request"))
    expect(page.get_by_role("row", name="Prediction")).to_have_count(2)
    people.expect_balance(page, 4)


def test_the_back_button_leads_from_the_model_over_the_training_to_the_data_set(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")

    page.go_back()
    expect(page.get_by_role("link", name="Open the model")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Train")).to_be_enabled()
    page.go_forward()
    page.go_forward()

    expect(page.get_by_role("button", name="Predict")).to_be_visible()
    people.expect_balance(page, 14)


def test_another_target_and_other_columns_change_the_plan_before_the_click(page, alice):
    people.upload(page)

    with people.saving(page):
        page.get_by_role("radio", name="Predict garden").check()
    expect(page.get_by_role("heading", name="Predict garden")).to_be_visible()
    expect(page.get_by_text("One of 2 classes.")).to_be_visible()
    with people.saving(page):
        page.get_by_label("Use rooms").uncheck()

    expect(page.get_by_role("button", name="Train on 1 column")).to_be_enabled()
    page.reload()
    expect(page.get_by_role("radio", name="Predict garden")).to_be_checked()
    expect(page.get_by_label("Use rooms")).not_to_be_checked()


def test_nothing_that_was_chosen_is_lost_by_saving_something_else(page, alice):
    people.upload(page)
    people.choose_algorithm(page, "Decision tree")
    page.get_by_text("Name and settings").click()
    page.get_by_label("Model name").fill("castles")
    page.get_by_label("max_depth").fill("3")

    with people.saving(page):
        page.get_by_label("Use garden").uncheck()

    expect(page.get_by_label("Algorithm", exact=True)).to_have_value("decision_tree")
    expect(page.get_by_label("Model name")).to_be_visible()
    expect(page.get_by_label("Model name")).to_have_value("castles")
    expect(page.get_by_label("max_depth")).to_have_value("3")


def test_a_kind_is_changed_in_its_row_and_changed_back(page, alice):
    people.upload(page)
    kind = page.get_by_label("Kind of rooms")

    kind.focus()
    with people.saving(page):
        kind.select_option(label="category")
    expect(page.get_by_text("rooms is now read as category.")).to_be_visible()
    expect(kind).to_be_focused()
    with people.saving(page):
        page.get_by_role("button", name="Undo").press("Enter")

    expect(kind).to_have_value("number")
    expect(page.get_by_text("rooms is now read as number.")).to_be_focused()
    expect(page.get_by_label("Use rooms")).to_be_checked()


def test_a_kind_that_no_cell_fits_is_refused_at_its_row(page, alice):
    people.upload(page)
    kind = page.get_by_label("Kind of garden")

    with people.saving(page):
        kind.select_option(label="number")

    expect(kind).to_have_attribute("aria-invalid", "true")
    expect(kind).to_be_focused()
    expect(kind).to_have_value("boolean")
    expect(page.get_by_role("alert")).to_contain_text('"garden"')
