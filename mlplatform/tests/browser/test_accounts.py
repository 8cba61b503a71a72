"""Signing up and in, a forgotten password, themes, and leaving."""

import re

from playwright.sync_api import expect

from mlplatform.tests.browser import people

DARK = "rgb(15, 20, 27)"
LIGHT = "rgb(245, 246, 248)"


def background(page) -> str:
    return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


def mailed_link(installation, person) -> str:
    """Out of the newest mail to this person; the mail program wraps nothing that long."""

    def find():
        mails = [path.read_text() for path in (installation.data_dir / "mails").iterdir()]
        return [link for mail in mails if person.email in mail for link in re.findall(r"http\S+", mail)]

    return installation.wait_for(find)[-1]


def test_a_forgotten_password_is_set_anew_by_the_mailed_link(page, alice, open_page, installation):
    other = open_page()
    other.goto("/accounts/login/")
    other.get_by_role("link", name=re.compile("[Ff]orgot")).click()
    other.get_by_label("E-mail address").fill(alice.email)
    other.get_by_role("main").get_by_role("button").click()
    expect(other.get_by_role("main")).to_contain_text("60 minutes")

    other.goto(mailed_link(installation, alice))
    other.get_by_label("New password").fill("staple battery horse")
    other.get_by_role("main").get_by_role("button").click()
    expect(other.get_by_text("The new password is set.")).to_be_visible()

    people.log_in(other, people.Person(alice.email, "staple battery horse"))
    page.goto("/datasets/")
    expect(people.heading(page)).to_have_text("Log in")  # the old session has ended
    assert other.goto(mailed_link(installation, alice)).status == 410  # once


def test_a_weak_password_and_a_taken_address_are_said_at_their_fields(page, alice, open_page):
    other = open_page()
    other.goto("/accounts/signup/")
    other.get_by_label("E-mail address").fill(alice.email.upper())
    other.get_by_label("Password").fill("correct horse battery")
    other.get_by_role("main").get_by_role("button", name="Sign up").click()

    expect(other.get_by_label("E-mail address")).to_have_attribute("aria-invalid", "true")
    expect(other.get_by_label("E-mail address")).to_have_value(alice.email.upper())
    other.get_by_label("E-mail address").fill("new-" + alice.email)
    other.get_by_label("Password").fill("12345678")
    other.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(other.get_by_label("Password")).to_have_attribute("aria-invalid", "true")


def test_who_logs_out_sees_nothing_any_more_not_even_by_going_back(page, alice):
    people.upload(page)
    page.goto("/accounts/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("main").get_by_role("link", name="Log in")).to_be_visible()

    page.go_back()

    expect(people.heading(page)).to_have_text("Log in")


def test_dark_follows_the_system(open_page):
    assert background_of(open_page(color_scheme="dark")) == DARK
    assert background_of(open_page(color_scheme="light")) == LIGHT


def background_of(page) -> str:
    page.goto("/")
    return background(page)


def test_a_chosen_theme_holds_against_the_system(page, alice):
    page.goto("/accounts/")
    page.get_by_label("Dark").check()
    page.get_by_role("group", name="Theme").locator("..").get_by_role("button", name="Save").click()

    expect(page.get_by_label("Dark")).to_be_checked()
    assert background(page) == DARK
    page.goto("/help/")
    assert background(page) == DARK


def test_closing_the_account_asks_for_the_password_and_ends_everything(page, alice):
    page.goto("/accounts/close/")
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Close account").click()
    expect(page.get_by_text("This is not your password.")).to_be_visible()

    page.get_by_label("Your password").fill(alice.password)
    page.get_by_role("button", name="Close account").click()

    expect(people.heading(page)).to_contain_text("closed")
    page.goto("/datasets/")
    expect(people.heading(page)).to_have_text("Log in")


def test_a_key_is_copied_when_it_is_created_and_revoked_when_it_is_not_needed(page, alice):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/accounts/")
    page.get_by_role("link", name="Manage keys").click()
    page.get_by_label("Name").fill("nightly report")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("button", name="Copy key").click()
    expect(page.locator("#live")).to_have_text("Copied")
    key = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"mlp_[0-9a-f]{64}", key)

    page.goto("/accounts/keys/")
    expect(page.get_by_text(key)).to_have_count(0)
    page.get_by_role("link", name="Revoke nightly report").click()
    page.get_by_role("main").get_by_role("button", name="Revoke").click()

    expect(page.get_by_text("1 key revoked.")).to_be_visible()
    expect(page.get_by_text("No keys yet.")).to_be_visible()
