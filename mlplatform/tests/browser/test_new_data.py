"""Last month's model on this month's table: a new version, training again, promotion, and how it fares."""

from playwright.sync_api import expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import (
    assert_axe_finds_nothing,
    elements_beyond_the_edge,
    open_everything,
)

PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
DEARER = people.HOUSES + "".join(
    f"{rooms},no,{rooms * 90_000 + number * 200}\n"
    for number, rooms in enumerate([1 + n % 9 for n in range(120)])
)


def test_a_newer_table_becomes_a_better_model_under_the_same_name(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")
    page.get_by_role("link", name="Train again").click()
    page.get_by_role("link", name="Upload a new version").click()

    page.get_by_label("Drop a newer CSV file").set_input_files(people.csv_file(DEARER, "newer.csv"))
    expect(page.get_by_role("heading", name="What changed since version 1")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Train again").click()
    expect(page.get_by_text("version 2: 180 rows")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Train again for 1 token").click()
    page.wait_for_url("**/models/**_2/**")
    people.open_tab(page, "Monitoring")
    expect(page.get_by_text("new rows, the new model misses by")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Promote houses_price_2").click()

    expect(page.get_by_text("answers under the name")).to_be_visible()
    check(page)
    page.get_by_role("link", name="houses_price_v1").click()
    expect(people.heading(page)).to_have_text("houses_price_v1")
    people.expect_balance(page, 13)


def check(page):
    """At both widths and in both themes."""
    for size, theme in ((PHONE, "dark"), (LAPTOP, "light")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        open_everything(page)
        assert elements_beyond_the_edge(page) == []
        assert_axe_finds_nothing(page)
