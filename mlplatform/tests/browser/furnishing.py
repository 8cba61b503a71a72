"""An account with something on every page, and names that nobody expects."""

import re
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from mlplatform.tests.browser import people

IMAGE = "<img src=x onerror=alert(1)>"
LONG = "a_name_without_any_place_to_break_" * 5
STRANGE_NAMES = [IMAGE, "a\"b'c", "مرحبا 🌷", "__proto__", "{{ 7*7 }}", LONG]
STRANGE_WORDS = ["<b>bold</b>", 'it\'s "quoted"', "שלום", "👩‍🔬", "</script>"]


def strange_table() -> str:
    """Names and values full of HTML, quotes, right-to-left text and emoji; the last column is to predict."""

    def cells(row: int) -> list[str]:
        word, other = STRANGE_WORDS[row % 5], STRANGE_WORDS[row // 5 % 5]
        answer = word if row % 3 else other  # or the first column would give it away
        return [word, str(row), other, str(row % 7), str(row % 3), str(row * 1.5), answer]

    rows = [[*STRANGE_NAMES, "<i>answer</i>"], *(cells(row) for row in range(60))]
    return "".join(",".join(quoted(cell) for cell in row) + "\n" for row in rows)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@dataclass
class Furnished:
    """Where the pages of the account are, and what signs a browser in to it."""

    paths: dict[str, str]
    cookies: dict


def furnish(page: Page) -> Furnished:
    """Two datasets, two models and their predictions."""
    people.sign_up(page)
    paths = dict(PATHS)

    people.upload(page)
    paths["dataset"] = path_of(page)
    paths["column"] = path_of(page) + "columns/0/"
    paths["dataset to delete"] = path_of(page) + "delete/"
    people.train(page, "Linear regression")
    people.predict(page)
    paths["regression model"] = path_of(page)
    paths["quality of a regression"] = path_of(page) + "quality/"
    paths["monitoring of a model"] = path_of(page) + "monitoring/"
    paths["model to train again"] = path_of(page) + "retrain/"
    paths["drivers of a regression"] = path_of(page) + "drivers/"

    people.upload_large(page, people.large_table(last_row="7\n"))
    expect(page.get_by_role("alert")).to_be_visible()
    paths["large file"] = path_of(page)

    people.upload(page, strange_table(), name=f"{IMAGE} 🌷.csv")
    paths["strange dataset"] = path_of(page)
    paths["strange column"] = path_of(page) + "columns/0/"
    people.train(page, "Decision tree")
    people.predict(page)
    paths["classification model"] = path_of(page)
    paths["quality of a classifier"] = path_of(page) + "quality/"
    paths["drivers of a classifier"] = path_of(page) + "drivers/"
    paths["model from code"] = path_of(page) + "code/"
    paths["details of a model"] = path_of(page) + "details/"
    paths["model to share"] = path_of(page) + "share/"
    paths["report of a model"] = path_of(page) + "report/"
    paths["model to rename"] = path_of(page) + "rename/"
    paths["model to delete"] = path_of(page) + "delete/"
    people.open_tab(page, "Details")
    paths["run"] = page.get_by_role("link", name="training run").get_attribute("href")

    models = [paths[name].split("/")[2] for name in ("regression model", "classification model")]
    paths["comparison"] = f"/models/compare/?model={models[0]}&model={models[1]}"
    page.goto("/predictions/")
    shown = page.get_by_role("link", name="Repeat").first.get_attribute("href")
    paths["earlier prediction"] = shown.split("#")[0]
    erase = page.get_by_role("link", name="Erase").first.get_attribute("href")
    paths["prediction to erase"] = erase
    return Furnished(paths, page.context.storage_state())


def path_of(page: Page) -> str:
    return re.sub(r"^https?://[^/]+|[?#].*$", "", page.url)


PUBLIC = {
    "landing page": "/",
    "sign up": "/accounts/signup/",
    "log in": "/accounts/login/",
    "forgotten password": "/accounts/forgotten/",
    "link that is too old": "/accounts/reset/MQ/old-link/",
    "help for everybody": "/help/",
}
PATHS = {
    "start": "/",
    "datasets": "/datasets/",
    "no such dataset": "/datasets/?search=nothing",
    "models": "/models/",
    "pick models": "/models/compare/",
    "predictions": "/predictions/",
    "tokens": "/tokens/",
    "account": "/accounts/",
    "keys": "/accounts/keys/",
    "webhooks": "/webhooks/",
    "close the account": "/accounts/close/",
    "help": "/help/",
    "not there": "/nothing/",
}
FURNISHED = [
    *PATHS,
    "dataset",
    "column",
    "dataset to delete",
    "large file",
    "regression model",
    "quality of a regression",
    "monitoring of a model",
    "model to train again",
    "drivers of a regression",
    "strange dataset",
    "strange column",
    "classification model",
    "quality of a classifier",
    "drivers of a classifier",
    "model from code",
    "details of a model",
    "model to share",
    "report of a model",
    "model to rename",
    "model to delete",
    "run",
    "comparison",
    "earlier prediction",
    "prediction to erase",
]
