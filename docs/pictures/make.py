"""Makes the pictures of README.md from the running product and its sample data.

From the top folder, with a Chromium installed:

    make test  (once, for what tests need)
    .venv/bin/python -m docs.pictures.make
"""

import re
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from mlplatform.tests.browser import people
from mlplatform.tests.installation import Installation

PICTURES = Path(__file__).parent
LAPTOP = {"width": 1120, "height": 760}
PHONE = {"width": 390, "height": 800}


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        installation = Installation(Path(folder), AUTO_BUDGET_SECONDS="15").start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            laptop = browser.new_context(base_url=installation.url, viewport=LAPTOP, color_scheme="light")
            address = take_on_a_laptop(laptop.new_page())
            phone = browser.new_context(
                base_url=installation.url,
                viewport=PHONE,
                color_scheme="dark",
                storage_state=laptop.storage_state(),
            )
            take_on_a_phone(phone.new_page(), address)
        finally:
            browser.close()
            installation.process.terminate()
            installation.process.wait()


def take_on_a_laptop(page: Page) -> str:
    """The way of a first prediction; returns the address of its model."""
    people.sign_up(page)
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Try Diabetes").click()
    expect(page.get_by_role("button", name="Train")).to_be_enabled()
    take(page, "data-set")

    page.get_by_role("button", name="Train").click()
    expect(page.locator("#run")).to_have_attribute("data-status", re.compile("^[3-6] of"), timeout=30_000)
    take(page, "run")

    page.wait_for_url("**/models/**", timeout=60_000)
    page.get_by_label("bmi").fill("31.4")
    page.get_by_label("bp").fill("105")
    people.predict(page)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    take(page, "model")
    return page.url.partition("?")[0]


def take_on_a_phone(page: Page, address: str):
    page.goto(f"{address}quality/")
    page.get_by_role("heading", name=re.compile("Nine in ten")).evaluate(
        "heading => heading.scrollIntoView()"
    )
    take(page, "phone")


def take(page: Page, name: str):
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()
