"""A webhook is added, tested and deleted."""

import threading

import pytest
from playwright.sync_api import expect

from mlmodels.tests.receiver import Receiver
from mlplatform.core.webhook_signatures import is_signed
from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import assert_usable


@pytest.fixture
def receiver():
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server
        server.shutdown()


def test_a_webhook_is_added_tested_and_deleted_after_a_question(page, alice, receiver, installation):
    page.goto("/accounts/")
    page.get_by_role("link", name="Manage webhooks").click()
    page.get_by_label("URL").fill(receiver.url)
    page.get_by_role("button", name="Add webhook").click()
    secret = page.locator("#new-secret").inner_text()
    assert_usable(page)

    page.get_by_role("link", name="Send a test").click()
    page.get_by_role("button", name="Send a test").click()
    installation.wait_for(lambda: receiver.got)
    [(headers, body)] = receiver.got
    assert is_signed(
        secret=secret,
        event_id=headers["webhook-id"],
        timestamp=headers["webhook-timestamp"],
        signatures=headers["webhook-signature"],
        body=body,
    )
    expect(page.get_by_role("table")).to_contain_text("Delivered")
    assert_usable(page)

    page.get_by_role("link", name="Delete").click()
    expect(people.heading(page)).to_have_text("Delete this webhook?")
    assert_usable(page)
    page.get_by_role("link", name="Keep").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The webhook was deleted.")).to_be_visible()
    expect(page.get_by_text("No webhooks yet.")).to_be_visible()
