"""From nothing to a prediction, the way everybody goes first."""

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people


def test_a_dropped_file_becomes_a_prediction_with_two_clicks(page):
    people.sign_up(page)
    people.expect_balance(page, 15)

    people.drop(page, people.HOUSES)
    expect(people.heading(page)).to_have_text("houses.csv")
    expect(page.get_by_role("radio", name="Predict price")).to_be_checked()
    expect(page.get_by_text("Costs 1 token of your 15")).to_be_visible()
    people.expect_balance(page, 15)

    page.get_by_role("button", name="Train").click()  # the first
    page.wait_for_url("**/models/**")
    people.expect_balance(page, 14)

    page.get_by_role("button", name="Predict").click()  # the second
    expect(people.answer(page)).to_be_visible()
    # How near depends on how many models were tried in the five seconds of these tests
    assert float(people.answer(page).inner_text().replace(",", "")) == pytest.approx(400_000, rel=0.3)
    people.expect_balance(page, 9)
    expect(page.get_by_text("Costs 5 tokens of your 9")).to_be_visible()

    page.goto("/tokens/")
    expect(page.get_by_role("row")).to_have_count(4)  # the header, the welcome, the training, the prediction


def test_a_sample_needs_one_click_more(page):
    people.sign_up(page)

    page.get_by_role("button", name="Try Iris flowers").click()
    people.choose_algorithm(page, "Decision tree")
    page.get_by_role("button", name="Train").click()
    page.wait_for_url("**/models/**")
    page.get_by_role("button", name="Predict").click()

    expect(people.answer(page)).to_have_text("versicolor")
    expect(page.locator("#result").get_by_role("row")).to_have_count(4)  # the header and three species


def test_who_follows_a_link_without_being_signed_in_gets_there_after_logging_in(page, alice, open_page):
    people.upload(page)
    other = open_page()

    other.goto(page.url)
    expect(people.heading(other)).to_have_text("Log in")
    other.get_by_label("E-mail address").fill(alice.email)
    other.get_by_label("Password").fill(alice.password)
    other.get_by_role("main").get_by_role("button", name="Log in").click()

    expect(people.heading(other)).to_have_text("houses.csv")
