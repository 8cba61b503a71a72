"""A user asks for tokens, and an administrator grants them with a click."""

from playwright.sync_api import expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import assert_usable


def test_a_request_for_tokens_is_granted_with_one_click(page, alice, open_page):
    page.goto("/tokens/")
    page.get_by_label("Tokens", exact=True).fill("200")
    page.get_by_label("Reason").fill("A workshop on prices")
    page.get_by_role("button", name="Request tokens").click()
    expect(page.get_by_text("Your request was sent.")).to_be_visible()
    expect(page.get_by_role("row", name="A workshop on prices")).to_contain_text("Waiting")
    assert_usable(page)

    staff = open_page()
    people.log_in(staff, people.ADMINISTRATOR)
    staff.goto("/admin/billing/tokenrequest/")
    staff.get_by_role("row", name=alice.email).get_by_role("button", name="Grant 200").click()
    expect(staff.get_by_text("granted.")).to_be_visible()

    page.reload()
    people.expect_balance(page, 215)
    expect(page.get_by_role("row", name="A workshop on prices")).to_contain_text("Granted")
    expect(page.get_by_role("row", name="Tokens requested")).to_contain_text("+200")
