"""What holds on every page: nobody is kept out, nothing overflows, nothing is heavy, no link is dead."""

import gzip
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from mlplatform.tests.browser.furnishing import FURNISHED, PUBLIC, furnish

PAGE_BYTES_MAX = 100_000
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
EVERY_PAGE = [*PUBLIC, *FURNISHED]


@pytest.fixture(scope="module")
def furnished(browser, installation):
    context = browser.new_context(base_url=installation.url)
    context.set_default_timeout(30_000)
    yield furnish(context.new_page())
    context.close()


@pytest.fixture
def visit(open_page, furnished):
    """`visit("account", color_scheme="dark")`: the page of this name, to whom it belongs."""

    def open_one(name, **options):
        if name not in PUBLIC:
            options["storage_state"] = furnished.cookies
        page = open_page(**options)
        page.goto((PUBLIC | furnished.paths)[name])
        return page

    return open_one


def assert_fits(page):
    """Tables and code may scroll in a box of their own; the page itself never scrolls sideways."""
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert beyond <= 0, page.evaluate(
        """[...document.querySelectorAll("main *, header *, footer *")]
            .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .filter(e => !e.closest(".scroll, pre, .visually-hidden"))
            .map(e => e.outerHTML.slice(0, 150)).slice(0, 5)"""
    )


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_axe_finds_nothing_in_either_theme_and_nothing_overflows(visit, name):
    page = visit(name, color_scheme="light", viewport={"width": 1280, "height": 900})
    open_everything(page)
    assert_axe_finds_nothing(page)

    page.emulate_media(color_scheme="dark")
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert_fits(page)
    assert_axe_finds_nothing(page)  # what is laid out anew on a phone has its names still

    page.set_viewport_size({"width": 1280, "height": 900})
    enlarge_text(page)
    assert_fits(page)


def enlarge_text(page):
    """To 200 %, as people do in the settings of the browser."""
    sizes = {"standard": 32, "fixed": 26}
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": sizes})
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"


def open_everything(page):
    """Axe looks at what shows."""
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")


def assert_axe_finds_nothing(page):
    found = Axe().run(page, options=RULES).response
    assert found["passes"]
    assert [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]
    ] == []


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_a_page_is_light_private_and_has_no_dead_link(browser, installation, open_page, furnished, name):
    is_public = name in PUBLIC
    page = open_page(**({} if is_public else {"storage_state": furnished.cookies}))
    loaded = []
    page.on("response", lambda response: loaded.append(response))

    answer = page.goto((PUBLIC | furnished.paths)[name])

    assert weight_bytes(loaded) < PAGE_BYTES_MAX
    assert answer.status == {"not there": 404, "link that is too old": 410}.get(name, 200)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "data:" not in policy
    if not is_public:
        assert "no-store" in answer.headers["cache-control"]
    assert page.locator("h1").count() == 1
    assert dead_links(page) == []


def weight_bytes(responses) -> int:
    """Of what arrives with the page, compressed as a proxy does; pictures apart."""
    types = ("text/html", "text/css", "text/javascript", "application/javascript")
    return sum(
        len(gzip.compress(response.body()))
        for response in responses
        if response.headers.get("content-type", "").startswith(types)
    )


known_to_answer = set()


def dead_links(page) -> list[str]:
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


def test_strange_names_and_values_are_shown_as_they_are(visit):
    page = visit("strange data set")

    for name in ["<img src=x onerror=alert(1)>", "a\"b'c", "مرحبا 🌷", "__proto__", "{{ 7*7 }}"]:
        expect(page.get_by_role("rowheader", name=name, exact=True)).to_have_count(1)
        expect(page.get_by_role("columnheader", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("cell", name="<b>bold</b>", exact=True).first).to_be_visible()
    assert page.locator("img").count() == 0


def test_a_model_of_strange_names_asks_and_answers_in_them(visit):
    page = visit("classification model")

    expect(page.get_by_label("__proto__")).to_be_visible()
    page.get_by_label("<img src=x onerror=alert(1)>").select_option("👩‍🔬")
    page.get_by_label("مرحبا 🌷").select_option("</script>")
    page.get_by_role("button", name="Predict").click()

    expect(page.get_by_role("alert").or_(page.locator("#result .big")).first).to_be_visible()
    expect(page.locator("code").filter(has_text=re.compile("<i>answer</i>")).first).to_be_visible()
