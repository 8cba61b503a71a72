"""Files that are dropped, refused, and stopped on their way."""

import pytest
from playwright.sync_api import expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.conftest import UPLOAD_MEGABYTES_MAX

TOO_LARGE = b"a,b\n" + b"1,2\n" * (UPLOAD_MEGABYTES_MAX * 250_000 + 1)
A_MEGABYTE = "a,b\n" + "1,2\n" * 250_000

REFUSED = {
    "larger than allowed": ("large.csv", TOO_LARGE, "larger than 2 MB"),
    "a picture": ("photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "picture"),
    "rows of unequal length": ("ragged.csv", b"a,b\n1,2\n3,4,5\n6,7\n", "Row 3"),
    "nothing in it": ("empty.csv", b"", "empty"),
}


@pytest.mark.parametrize(("name", "content", "words"), REFUSED.values(), ids=REFUSED)
def test_a_refused_file_is_answered_in_the_zone_and_nothing_is_kept(page, alice, name, content, words):
    page.goto("/")

    page.get_by_label("Drop a CSV file here").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )

    expect(page.locator(".drop-zone").get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("progressbar", name="Upload")).to_be_hidden()
    page.goto("/datasets/")
    expect(page.get_by_text("No datasets yet")).to_be_visible()


def test_after_a_refusal_a_better_file_is_taken(page, alice):
    people.drop(page, "a,b\n1\n", name="bad.csv")
    expect(page.locator(".drop-zone").get_by_role("alert")).to_be_visible()

    page.get_by_label("Drop a CSV file here").set_input_files(people.csv_file(people.HOUSES))

    expect(people.heading(page)).to_have_text("houses.csv")


def test_a_long_upload_shows_how_far_it_is_and_can_be_stopped(page, alice):
    page.goto("/")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)

    page.get_by_label("Drop a CSV file here").set_input_files(people.csv_file(A_MEGABYTE, "long.csv"))
    expect(page.get_by_text("25% uploaded")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()
    page.get_by_role("button", name="Cancel upload").click()

    expect(page.get_by_text("Upload cancelled. Nothing was saved.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel upload")).to_be_hidden()
    expect(page.get_by_label("Drop a CSV file here")).to_be_focused()
    page.goto("/datasets/")
    expect(page.get_by_text("No datasets yet")).to_be_visible()


def test_a_large_table_shows_how_far_it_is_and_opens_when_it_is_ready(page, alice):
    people.upload_large(page, people.large_table())

    expect(page.get_by_role("progressbar")).to_be_visible()
    page.wait_for_url("**/datasets/*/")
    expect(people.heading(page)).to_have_text("large.csv")
    expect(page.get_by_text("450,000 rows")).to_be_visible()


def test_why_a_large_file_is_no_dataset_is_said_in_the_list_too_until_it_is_removed(page, alice):
    people.upload_large(page, people.large_table(last_row="7\n"))
    expect(page.get_by_role("alert")).to_contain_text("Row 450,002 has 1 cell")

    page.goto("/datasets/")
    page.get_by_role("link", name="large.csv").click()
    page.get_by_role("button", name="Remove").click()

    expect(page.get_by_text("large.csv was removed.")).to_be_visible()
    expect(page.get_by_role("link", name="large.csv")).to_have_count(0)


def test_a_broken_connection_is_said_in_the_zone(page, alice):
    page.goto("/")
    page.route("**/datasets/", lambda route: route.abort("connectionfailed"))

    page.get_by_label("Drop a CSV file here").set_input_files(people.csv_file(people.HOUSES))

    expect(page.locator(".drop-zone")).to_contain_text("The connection was lost")
