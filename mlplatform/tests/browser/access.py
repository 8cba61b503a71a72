"""Whether everybody can use a page: what axe finds, what does not fit, and text at twice its size."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    # Axe leaves these out unless asked
    "rules": {"target-size": {"enabled": True}, "landmark-unique": {"enabled": True}},
}
PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
STOPS_MAX = 80

NAME_OF_FOCUS = """() => {
    const at = document.activeElement;
    const label = at.labels?.[0] ?? at;
    return at.getAttribute("aria-label") ?? label.textContent.replace(/\\s+/g, " ").trim();
}"""
HAS_A_RING = """() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""


def open_everything(page: Page):
    """Axe looks at what shows."""
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")


def assert_axe_finds_nothing(page: Page):
    found = Axe().run(page, options=RULES).response
    assert found["passes"]
    assert [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]
    ] == []


def elements_beyond_the_edge(page: Page) -> list[str]:
    """Nothing when the page itself does not scroll sideways; its boxes may."""
    return page.evaluate(
        """() => {
            const {clientWidth, scrollWidth} = document.documentElement;
            if (scrollWidth <= clientWidth) return [];
            const beyond = [...document.querySelectorAll("body *")]
                .filter(element => element.getBoundingClientRect().right > clientWidth)
                .map(element => element.outerHTML.slice(0, 150));
            return [`${scrollWidth} pixels in ${clientWidth}`, ...beyond];
        }"""
    )


def assert_usable(page: Page):
    """At both widths and in both themes, with everything open."""
    for size, theme in ((PHONE, "dark"), (LAPTOP, "light")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        open_everything(page)
        assert elements_beyond_the_edge(page) == []
        assert_axe_finds_nothing(page)


def tab_to(page: Page, name: str):
    """Presses Tab until the element of this name has the focus, which must be visible at every stop."""
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        at = page.evaluate(NAME_OF_FOCUS)
        assert page.evaluate(HAS_A_RING), f"The focus is not visible at {at!r}."
        if at.startswith(name):
            return
    pytest.fail(f"{name!r} was not reached after pressing Tab {STOPS_MAX} times.")


def enlarge_text(page: Page):
    """To 200 %, as people do in the settings of the browser."""
    sizes = {"standard": 32, "fixed": 26}
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": sizes})
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
