"""Pages that others wrote and we serve, under the policy that we set: the API documentation and the admin."""

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people


def test_the_api_is_described_and_tried_in_the_browser(page):
    page.goto("/api/docs")

    page.get_by_role("button", name="Authorize").click()

    expect(page.get_by_role("heading", name="Available authorizations")).to_be_visible()


def test_the_api_is_described_for_reading(page):
    page.goto("/api/redoc")

    expect(page.get_by_role("heading", name="mlplatform", level=1)).to_be_visible()
    expect(page.get_by_role("searchbox").or_(page.get_by_placeholder("Search..."))).to_be_visible()
    page.wait_for_timeout(500)  # its maker's logo would come late, from another host


def test_an_administrator_finds_the_admin_and_looks_around(page, alice, open_page):
    staff = open_page()
    people.log_in(staff, people.ADMINISTRATOR)
    staff.goto("/accounts/")
    staff.get_by_role("link", name="Administration").click()

    names = staff.locator("#content-main th a")
    expect(names.first).to_be_visible()
    lists = [name.get_attribute("href") for name in names.all()]
    assert len(lists) > 5
    for address in lists:
        assert staff.goto(address).status == 200
    staff.goto("/admin/accounts/user/")
    staff.get_by_role("link", name=alice.email).click()
    expect(people.heading(staff.locator("#content"))).to_be_visible()


@pytest.mark.parametrize("address", ["/admin/", "/admin/accounts/user/"])
def test_nobody_else_does(page, alice, address):
    page.goto("/accounts/")
    expect(page.get_by_role("link", name="Administration")).to_have_count(0)

    page.goto(address)

    expect(page.locator("#content-main table")).to_have_count(0)
