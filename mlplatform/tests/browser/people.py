"""What people do on the pages, in their own words: `upload`, `train`, `predict`.

Everything is found as a person finds it, by the words on labels, buttons and headings.
"""

import contextlib
import itertools
import re
from dataclasses import dataclass

from playwright.sync_api import Page, expect

PASSWORD = "correct horse battery"
numbers = itertools.count(1)

# 50,000 a room and 150,000 for a garden; the typical house has five rooms and a garden
HOUSES = "rooms,garden,price\n" + "".join(
    f"{rooms},{garden},{rooms * 50_000 + (150_000 if garden == 'yes' else 0)}\n"
    for rooms, garden in [(1 + n % 9, "no" if n % 4 == 0 else "yes") for n in range(60)]
)


@dataclass
class Person:
    email: str
    password: str = PASSWORD


ADMINISTRATOR = Person("admin@example.com")


def sign_up(page: Page) -> Person:
    person = Person(f"alice-{next(numbers)}@example.com")
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("Welcome.")).to_be_visible()
    return person


def log_in(page: Page, person: Person):
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(balance_chip(page)).to_be_visible()


def balance_chip(page: Page):
    return page.locator("#balance")


def expect_balance(page: Page, tokens: int):
    expect(balance_chip(page)).to_have_text(re.compile(rf"^\s*{tokens} tokens?"))


def csv_file(text: str, name="houses.csv") -> dict:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def drop(page: Page, text: str, name="houses.csv"):
    """Drops a file of this text on the zone, as a hand does that drags it there."""
    page.goto("/")
    transfer = page.evaluate_handle(
        """([name, text]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], name, {type: "text/csv"}));
            return transfer;
        }""",
        [name, text],
    )
    page.dispatch_event(".drop-zone", "drop", {"dataTransfer": transfer})


def large_table(last_row: str = "") -> str:
    """1.8 MB, which a worker inspects."""
    return "a,b\n" + "1,2\n3,1\n" * 225_000 + last_row


def upload_large(page: Page, text: str, name="large.csv"):
    """Until its own page is there, which shows how far it is."""
    page.goto("/")
    page.get_by_label("Drop a CSV file here").set_input_files(csv_file(text, name))
    page.wait_for_url("**/uploads/*/")
    expect(heading(page)).to_have_text(name)


def upload(page: Page, text: str = HOUSES, name="houses.csv"):
    page.goto("/")
    page.get_by_label("Drop a CSV file here").set_input_files(csv_file(text, name))
    expect(heading(page)).to_have_text(name)


def train(page: Page, algorithm: str | None = None):
    """From the page of a dataset to that of the model."""
    if algorithm:
        choose_algorithm(page, algorithm)
    page.get_by_role("button", name="Train").click()
    page.wait_for_url("**/models/**")


def choose_algorithm(page: Page, label: str):
    with saving(page):
        page.get_by_label("Algorithm", exact=True).select_option(label=label)


@contextlib.contextmanager
def saving(page: Page):
    """What is changed on the page of a dataset saves itself, and comes back with what follows from it."""
    with page.expect_response("**/change/"):
        yield
    expect(page.locator("#training-form.htmx-request, .htmx-settling")).to_have_count(0)


def predict(page: Page):
    page.get_by_role("button", name="Predict").click()
    expect(answer(page)).to_be_visible()


def answer(page: Page):
    return page.locator("#result .value")


def open_tab(page: Page, name: str):
    """Of the model that shows."""
    page.get_by_role("navigation", name="About this model").get_by_role("link", name=name).click()
    expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")


def heading(page: Page):
    return page.get_by_role("heading", level=1)
