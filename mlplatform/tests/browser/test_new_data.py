"""Last month's model on this month's table: a new version, training again, promotion, and how it fares."""

from playwright.sync_api import expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import assert_usable

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
    assert_usable(page)
    page.get_by_role("link", name="Train again").click()
    expect(page.get_by_text("version 2: 180 rows")).to_be_visible()
    assert_usable(page)
    page.get_by_role("button", name="Train again for 1 token").click()
    page.wait_for_url("**/models/**_2/**")
    people.open_tab(page, "Monitoring")
    expect(page.get_by_text("new rows, the new model misses by")).to_be_visible()
    assert_usable(page)
    page.get_by_role("button", name="Promote houses_price_2").click()

    expect(page.get_by_text("answers under the name")).to_be_visible()
    assert_usable(page)
    page.get_by_role("button", name="Go back to houses_price_v1").click()
    expect(people.heading(page)).to_have_text("houses_price_v1")
    expect(page.get_by_text("answers under the name")).to_be_visible()
    expect(page.get_by_role("button", name="Go back to houses_price_2")).to_be_visible()
    people.expect_balance(page, 13)


def test_actual_values_show_whether_a_model_is_as_good_as_promised(page, alice):
    people.upload(page)
    people.train(page, "Linear regression")
    for rooms in ("3", "4"):
        page.get_by_label("rooms").fill(rooms)
        people.predict(page)
    people.open_tab(page, "Monitoring")

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the latest predictions").click()
    header, *lines = downloading.value.path().read_text().splitlines()
    assert header.startswith("prediction,actual,")
    filled = [line.replace(",,", f",{300_000 + 50_000 * n},", 1) for n, line in enumerate(lines)]
    page.get_by_label("A CSV file with the columns").set_input_files(
        people.csv_file("\n".join([header, *filled, ""]), "sold.csv")
    )
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_text("2 actual values recorded.")).to_be_visible()
    expect(page.get_by_text("2 actual values: average error")).to_be_visible()
    assert_usable(page)
    page.goto("/help/")
    page.go_back()
    expect(page.get_by_text("2 actual values: average error")).to_be_visible()

    page.goto("/predictions/")
    page.get_by_role("link", name="Actual value").last.click()
    expect(page.get_by_label("Actual price")).to_have_value("350000")
    expect(page.locator("#actual")).to_contain_text("the prediction was")
    page.get_by_label("Actual price").fill("a lot")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_label("Actual price")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Actual price")).to_be_focused()
    page.get_by_label("Actual price").fill("300000")
    page.get_by_role("button", name="Correct").click()
    expect(page.locator("#live")).to_have_text("The actual value was recorded.")
    expect(page.locator("#actual")).to_contain_text("within the interval")
    assert_usable(page)
    people.expect_balance(page, 4)
