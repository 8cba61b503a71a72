"""One installation and one browser for all tests of this folder; each test brings its own people."""

import contextlib
import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from mlplatform.tests.browser import people
from mlplatform.tests.browser.watch import PATIENCE_MILLISECONDS, watched
from mlplatform.tests.installation import Installation
from mlplatform.tests.processes import PATIENCE_SECONDS

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
UPLOAD_MEGABYTES_MAX = 2
INSPECTED_AT_ONCE_MB = 1.2

# Nothing may leave the browser but what a page asks for
QUIET = [
    "--no-sandbox",  # root, as in a container, has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
]


@pytest.fixture(scope="package")
def installation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installation")
    (folder / "mails").mkdir()
    made = Installation(
        folder,
        EMAIL_URL=f"filemail:///{folder}/mails",
        MAX_UPLOAD_MB=str(UPLOAD_MEGABYTES_MAX),
        INSPECTED_AT_ONCE_MB=str(INSPECTED_AT_ONCE_MB),
        AUTO_BUDGET_SECONDS="5",
        DJANGO_SETTINGS_MODULE="mlplatform.tests.browser.settings",
        WEBHOOKS_TO_PRIVATE_ADDRESSES="on",
        ADMIN_EMAIL=people.ADMINISTRATOR.email,
        ADMIN_PASSWORD=people.ADMINISTRATOR.password,
    )
    made.start()
    assert made.process.poll() is None, made.said()
    yield made
    made.process.terminate()
    made.process.wait(timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="package")
def browser():
    """Not for the whole session: while Playwright runs, Django takes the thread for an asynchronous one.

    Without a browser these tests are skipped with a message; if CI is set, they fail.
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        missing = "There is no Chromium: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, installation):
    """`open_page(viewport=…, color_scheme="dark")`: a page of a browser of its own."""
    with contextlib.ExitStack() as contexts:

        def open_one(**options):
            return contexts.enter_context(watched(browser, installation.url, **options)).new_page()

        yield open_one


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def alice(page):
    """Has just signed up in `page`."""
    return people.sign_up(page)
