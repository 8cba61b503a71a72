"""What the documents say about the code, checked against the code."""

import re
from importlib import import_module

import pytest

from mlplatform.settings import BASE_DIR
from mlplatform.tests.documents import NO_DEFAULT, table_rows, text_of, variables_of_settings

DOCUMENTS = sorted([*BASE_DIR.glob("*.md"), *BASE_DIR.glob("docs/**/*.md")])
NAMED_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
NAMED_PATH = re.compile(r"`((?:mlplatform|accounts|billing|mlmodels|docs|benchmarks|templates)/[\w/.-]*)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def in_words(default) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return "none" if default in (None, "") else str(default)


def variables_of_example() -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text_of(".env.example"), re.MULTILINE))


def test_every_variable_of_the_settings_stands_in_the_readme_and_in_the_example():
    variables = set(variables_of_settings())

    assert len(variables) > 20
    assert variables - set(table_rows(text_of("README.md"))) == set()
    assert variables - variables_of_example() == set()


def test_readme_and_example_list_the_same_variables():
    assert set(table_rows(text_of("README.md"))) == variables_of_example()


def test_the_readme_gives_the_defaults_of_the_settings():
    documented = table_rows(text_of("README.md"))
    written_out = {name: value for name, value in variables_of_settings().items() if value is not NO_DEFAULT}

    assert {name: documented[name][0] for name in written_out} == {
        name: in_words(value) for name, value in written_out.items()
    }


def test_every_promise_names_its_tests_and_every_named_test_exists():
    promises = re.split(
        r"^### \d+\. ", text_of("SECURITY.md").partition("\n## Threats")[0], flags=re.MULTILINE
    )[1:]
    unproven = [promise.splitlines()[0] for promise in promises if not NAMED_TEST.search(promise)]
    named = NAMED_TEST.findall(text_of("SECURITY.md"))

    assert len(promises) == 10
    assert unproven == []
    assert [f"{path}::{name}" for path, name in named if f"def {name}(" not in text_of(path)] == []


def test_the_limits_of_the_documents_are_those_of_the_code():
    limits = {
        name: cells[0]
        for name, cells in table_rows(text_of("docs/operations.md")).items()
        if name.count(".") > 1
    }

    assert len(limits) > 15
    assert limits == {name: f"{constant(name):,}" for name in limits}


def constant(dotted: str):
    module, _, name = dotted.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_every_path_that_a_document_names_exists(document):
    assert [path for path in NAMED_PATH.findall(document.read_text()) if not (BASE_DIR / path).exists()] == []


def test_the_architecture_says_where_twenty_rules_are():
    rows = text_of("docs/architecture.md").partition("## Where is the rule")[2].partition("\n## ")[0]

    assert len([row for row in rows.splitlines() if NAMED_PATH.search(row)]) >= 20


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_links_between_documents_lead_somewhere(document):
    assert [
        link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()
    ] == []
