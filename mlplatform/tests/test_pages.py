"""What holds for every page: private, uncached, under one policy, and with words for what went wrong."""

import pytest

from mlplatform.settings import BASE_DIR

pytestmark = pytest.mark.django_db

OPEN = [
    "/",
    "/help/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/forgotten/",
    "/api/docs",
    "/api/redoc",
]
LINE_CHARACTERS_MAX = 140
PRIVATE = ["/datasets/", "/models/", "/models/compare/", "/predictions/", "/tokens/", "/accounts/"]


@pytest.mark.parametrize("path", OPEN)
def test_an_open_page_answers_everybody(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", PRIVATE)
def test_a_private_page_sends_strangers_to_log_in(client, path):
    assert client.get(path).url == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("path", ["/", *PRIVATE])
def test_no_cache_keeps_a_page_of_somebody_signed_in(alice, pages_of, path):
    assert "no-store" in pages_of(alice).get(path)["Cache-Control"]


@pytest.mark.parametrize("path", [*OPEN[:5], "/nothing/"])
def test_the_policy_allows_nothing_inline_and_no_other_host(client, path):
    policy = client.get(path)["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", ["/", *PRIVATE])
def test_no_page_has_a_style_attribute_or_an_inline_script(alice, pages_of, path):
    page = pages_of(alice).get(path).content.decode()

    assert " style=" not in page
    assert "<script>" not in page
    assert "hx-on" not in page


def test_an_unknown_address_is_a_page_in_our_words(alice, pages_of):
    answer = pages_of(alice).get("/nothing/")

    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()
    assert "request " in answer.content.decode()


def test_a_page_address_without_its_slash_is_found(alice, pages_of):
    assert pages_of(alice).get("/models").url == "/models/"


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_the_root_of_the_api_leads_everybody_to_its_documentation(client, path):
    assert client.get(path).url == "/api/docs"


def test_the_style_guide_is_for_development_alone(client):
    assert client.get("/styleguide/").status_code in (302, 404)


def test_the_landing_page_says_the_prices(client):
    page = client.get("/").content.decode()

    assert "15 free tokens" in page
    assert "1 token<" in page
    assert "5 tokens<" in page


@pytest.mark.parametrize(
    ("path", "word"), [("/datasets/", "Datasets"), ("/models/", "Models"), ("/", "Start")]
)
def test_the_navigation_marks_the_section_that_is_shown(alice, pages_of, path, word):
    page = pages_of(alice).get(path).content.decode()

    assert f'<a href="{path}" aria-current="page">{word}</a>' in page
    assert page.count(' aria-current="page"') == 1


def test_no_line_of_a_template_is_too_long_to_read():
    templates = sorted((BASE_DIR / "templates").rglob("*.html"))
    lines = [(path.name, line) for path in templates for line in path.read_text().splitlines()]

    assert lines
    assert [line for line in lines if len(line[1]) > LINE_CHARACTERS_MAX] == []
