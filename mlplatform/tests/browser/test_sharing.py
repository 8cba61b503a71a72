"""A model is shared with another account, and its report with anybody who has the link."""

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import assert_usable


@pytest.fixture
def model(page, alice):
    """The Share tab of a model that Alice has just trained."""
    people.upload(page)
    people.train(page, "Linear regression")
    people.open_tab(page, "Share")
    return page


def test_another_account_predicts_with_a_shared_model_until_it_is_revoked(model, open_page):
    bob_page = open_page()
    bob = people.sign_up(bob_page)
    model.get_by_label("E-mail address").fill(bob.email)
    model.get_by_role("button", name="Share", exact=True).click()
    expect(model.get_by_role("row", name=bob.email)).to_be_visible()
    assert_usable(model)

    bob_page.goto("/models/")
    assert_usable(bob_page)
    bob_page.get_by_role("link", name="houses_price").click()
    expect(bob_page.get_by_text("Predictions and files cost your tokens.")).to_be_visible()
    people.predict(bob_page)
    people.expect_balance(bob_page, 10)
    assert_usable(bob_page)

    model.get_by_role("button", name=f"Revoke {bob.email}").click()
    expect(model.get_by_text("no longer shared")).to_be_visible()
    people.expect_balance(model, 14)
    assert bob_page.reload().status == 404


def test_a_report_link_opens_without_an_account_until_it_is_revoked(model, open_page):
    model.get_by_role("button", name="Create link").click()
    link = model.locator("#new-link").inner_text()
    assert_usable(model)

    visitor = open_page()
    assert visitor.goto(link).status == 200
    expect(people.heading(visitor)).to_have_text("houses_price")
    expect(visitor.get_by_role("link", name="houses.csv")).to_have_count(0)
    assert_usable(visitor)

    model.get_by_role("button", name="Revoke").click()
    expect(model.get_by_text("The link was revoked.")).to_be_visible()
    assert visitor.reload().status == 404
    expect(visitor.get_by_text("This link has expired or was revoked.")).to_be_visible()
