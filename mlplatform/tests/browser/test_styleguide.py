"""Every part of the look on one page, which is there in DEBUG alone."""

import subprocess
import sys
import urllib.request

import pytest

from mlplatform.tests.browser.access import (
    LAPTOP,
    assert_axe_finds_nothing,
    elements_beyond_the_edge,
    open_everything,
)
from mlplatform.tests.browser.watch import watched
from mlplatform.tests.installation import PROJECT
from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import PATIENCE_SECONDS


@pytest.fixture
def debug_server(installation):
    """A second web server on the same data folder."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlplatform.web_server", "--host", "127.0.0.1", "--port", str(port)],
        cwd=PROJECT,
        env=installation.environment | {"DEBUG": "on"},
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    installation.wait_for(lambda: is_served(url))
    yield url
    process.terminate()
    process.wait(timeout=PATIENCE_SECONDS)


def is_served(url: str) -> bool:
    try:
        return urllib.request.urlopen(f"{url}/healthz", timeout=30).status == 200
    except OSError:
        return False


def test_every_part_is_accessible_and_fits(browser, debug_server):
    with watched(browser, debug_server, viewport=LAPTOP) as context:
        page = context.new_page()
        assert page.goto("/styleguide/").status == 200
        open_everything(page)
        assert_axe_finds_nothing(page)

        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 320, "height": 800})
        assert_axe_finds_nothing(page)
        assert elements_beyond_the_edge(page) == []


def test_nobody_finds_it_in_production(page):
    assert page.goto("/styleguide/").status == 404
