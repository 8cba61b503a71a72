"""What holds on every page: nobody is kept out, nothing overflows, nothing is heavy, no link is dead."""

import gzip
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, Response, expect

from mlplatform.tests.browser import people
from mlplatform.tests.browser.access import (
    LAPTOP,
    assert_axe_finds_nothing,
    elements_beyond_the_edge,
    enlarge_text,
    open_everything,
)
from mlplatform.tests.browser.furnishing import FURNISHED, PUBLIC, STRANGE_NAMES, STRANGE_WORDS, furnish
from mlplatform.tests.browser.watch import watched

PAGE_BYTES_MAX = 100_000
STATUS = {"not there": 404, "link that is too old": 410}
known_to_answer = set()


@dataclass
class Visit:
    """One page, opened once for all tests about it."""

    name: str
    page: Page
    answer: Response
    loaded: list[Response]


@pytest.fixture(scope="module")
def furnished(browser, installation):
    with watched(browser, installation.url) as context:
        yield furnish(context.new_page())


@pytest.fixture(scope="module", params=[*PUBLIC, *FURNISHED])
def visit(request, browser, installation, furnished):
    name = request.param
    signed_in = {} if name in PUBLIC else {"storage_state": furnished.cookies}
    with watched(browser, installation.url, viewport=LAPTOP, **signed_in) as context:
        page, loaded = context.new_page(), []
        page.on("response", lambda response: loaded.append(response))
        answer = page.goto((PUBLIC | furnished.paths)[name])
        yield Visit(name, page, answer, loaded)


def test_it_is_light_and_private(visit):
    assert visit.answer.status == STATUS.get(visit.name, 200)
    assert weight_bytes(visit.loaded) < PAGE_BYTES_MAX
    policy = visit.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not {"unsafe", "data:", "http"} & set(policy.replace("-", " ").split())
    if visit.name not in PUBLIC:
        assert "no-store" in visit.answer.headers["cache-control"]


def weight_bytes(responses: list[Response]) -> int:
    """Of what arrives with the page, compressed as a proxy does; pictures apart."""
    types = ("text/html", "text/css", "text/javascript", "application/javascript")
    return sum(
        len(gzip.compress(response.body()))
        for response in responses
        if response.headers.get("content-type", "").startswith(types)
    )


def test_it_has_one_main_heading_and_no_dead_link(visit):
    assert visit.page.locator("h1").count() == 1
    assert dead_links(visit.page) == []


def dead_links(page: Page) -> list[str]:
    """Links within the site that do not answer, or that point at a place which the page does not have."""
    dead = []
    for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
        address, _, fragment = link.partition("#")
        if address == page.url.partition("#")[0]:
            if fragment and page.locator(f"[id='{fragment}']").count() == 0:
                dead.append(link)
        elif address not in known_to_answer:
            if page.request.get(address).status >= 400:
                dead.append(link)
            known_to_answer.add(address)
    return dead


def test_axe_finds_nothing_in_either_theme(visit):
    open_everything(visit.page)
    assert_axe_finds_nothing(visit.page)

    visit.page.emulate_media(color_scheme="dark")
    visit.page.set_viewport_size({"width": 390, "height": 800})  # laid out anew: the names must stay
    assert_axe_finds_nothing(visit.page)


def test_it_never_scrolls_sideways(visit):
    """Tables and code may, in a box of their own."""
    for width in (320, 390):
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert elements_beyond_the_edge(visit.page) == []

    visit.page.set_viewport_size(LAPTOP)
    enlarge_text(visit.page)
    assert elements_beyond_the_edge(visit.page) == []


def test_strange_names_and_values_are_shown_as_they_are(open_page, furnished):
    page = open_page(storage_state=furnished.cookies)
    page.goto(furnished.paths["strange dataset"])

    for name in STRANGE_NAMES:
        expect(page.get_by_role("rowheader", name=name, exact=True)).to_have_count(1)
        expect(page.get_by_role("columnheader", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("cell", name="<b>bold</b>", exact=True).first).to_be_visible()
    assert page.locator("main img").count() == 0


def test_a_model_of_strange_names_asks_and_answers_in_them(open_page, furnished):
    page = open_page(storage_state=furnished.cookies)
    page.goto(furnished.paths["earlier prediction"])

    for name in STRANGE_NAMES:
        expect(page.get_by_label(name, exact=True)).to_be_visible()
    assert page.get_by_label("<img src=x onerror=alert(1)>").input_value() in STRANGE_WORDS
    assert people.answer(page).inner_text() in STRANGE_WORDS
    expect(page.locator("#result").get_by_role("rowheader", name="</script>")).to_be_visible()
