"""/accounts/: sign up, log in, reset, and the own account, as a browser does it."""

import io
import json
import re
import tracemalloc
import zipfile
from datetime import UTC, datetime

import pytest
from django.core import mail

from accounts.models import User
from billing.models import LedgerEntry
from mlmodels.tests.factories import houses_csv, start_batch, start_run

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def sign_up(client, email="dora@example.com", password="a long passphrase"):
    return client.post("/accounts/signup/", {"email": email, "password": password})


def test_signing_up_gives_an_account_with_tokens_and_logs_in(client):
    answer = sign_up(client)

    dora = User.objects.get(email="dora@example.com")
    assert answer.url == "/"
    assert dora.token_balance == 15
    assert client.get("/tokens/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": "ALICE@example.com"}, "already taken"),
        ({"email": "nowhere"}, "valid e-mail address"),
        ({"password": "short"}, "at least 8 characters"),
        ({"password": "12345678"}, "entirely numeric"),
        ({"email": ""}, "required"),
    ],
)
def test_a_sign_up_that_cannot_be_is_refused_at_its_field(alice, client, fields, words):
    answer = sign_up(client, **fields)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert User.objects.count() == 1


def test_log_in_takes_the_email_address_in_any_case_and_goes_on_where_one_was_sent(alice, client):
    login = {"username": "Alice@Example.com", "password": PASSWORD, "next": "/tokens/"}

    assert client.post("/accounts/login/", login).url == "/tokens/"


def test_log_in_does_not_send_anybody_to_another_site(alice, client):
    login = {"username": alice.email, "password": PASSWORD, "next": "https://evil.example/"}

    assert client.post("/accounts/login/", login).url == "/"


def test_a_wrong_password_is_said_without_telling_who_has_an_account(alice, client):
    answers = [
        client.post("/accounts/login/", {"username": email, "password": "wrong"}).content.decode()
        for email in (alice.email, "nobody@example.com")
    ]

    for answer in answers:
        assert "E-mail address and password do not match an active account." in answer


def test_logging_out_needs_a_post(alice, pages_of):
    client = pages_of(alice)

    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/").url == "/"
    assert client.get("/tokens/").status_code == 302


def mailed_link(client, email):
    client.post("/accounts/forgotten/", {"email": email})
    return re.search(r"http://testserver(/accounts/reset/\S+)", mail.outbox[-1].body)[1]


@pytest.mark.django_db(transaction=True)
def test_the_mailed_link_sets_a_new_password_once(alice, client):
    link = mailed_link(client, alice.email)

    answer = client.post(link, {"new_password": "another long one"})
    again = client.get(link)

    assert answer.url == "/accounts/login/"
    assert again.status_code == 410
    assert client.login(username=alice.email, password="another long one")


@pytest.mark.django_db(transaction=True)
def test_opening_the_link_changes_nothing_and_a_weak_password_keeps_it_good(alice, client):
    link = mailed_link(client, alice.email)

    assert client.get(link).status_code == 200
    assert client.post(link, {"new_password": "short"}).status_code == 422
    assert client.post(link, {"new_password": "another long one"}).status_code == 302


@pytest.mark.parametrize("path", ["x/y", "MQ/abc-def", "!!/%F0", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5/abc"])
def test_a_made_up_link_is_refused(client, path):
    assert client.get(f"/accounts/reset/{path}/").status_code == 410


def test_the_answer_for_an_unknown_email_address_is_the_same(alice, client):
    answers = [
        client.post("/accounts/forgotten/", {"email": email}, follow=True)
        for email in (alice.email, "nobody@example.com")
    ]

    known, unknown = (re.sub(r'"X-CSRFToken": "\w+"', "", answer.content.decode()) for answer in answers)
    assert known == unknown and "we have sent it a link" in known
    assert answers[0].redirect_chain == answers[1].redirect_chain == [("/accounts/forgotten/?sent", 302)]


def test_changing_the_password_ends_other_sessions_and_keeps_this_one(alice, pages_of):
    here, elsewhere = pages_of(alice), pages_of(alice)

    here.post("/accounts/password/", {"change-password": PASSWORD, "change-new_password": "another long one"})

    assert here.get("/tokens/").status_code == 200
    assert elsewhere.get("/tokens/").status_code == 302


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"change-password": "wrong", "change-new_password": "another long one"},
            "This is not your password.",
        ),
        ({"change-password": PASSWORD, "change-new_password": "short"}, "at least 8 characters"),
    ],
)
def test_a_password_change_that_cannot_be_is_refused_and_changes_nothing(alice, pages_of, fields, words):
    answer = pages_of(alice).post("/accounts/password/", fields)

    alice.refresh_from_db()
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert alice.check_password(PASSWORD)


def test_other_sessions_end_without_a_new_password(alice, pages_of):
    here, elsewhere = pages_of(alice), pages_of(alice)

    here.post("/accounts/sessions/", {"sessions-password": PASSWORD})

    alice.refresh_from_db()
    assert here.get("/tokens/").status_code == 200
    assert elsewhere.get("/tokens/").status_code == 302
    assert alice.check_password(PASSWORD)


def test_the_theme_is_in_the_first_byte_of_every_page(alice, pages_of):
    client = pages_of(alice)

    client.post("/accounts/theme/", {"theme": "dark"})
    dark = client.get("/").content.decode()
    client.post("/accounts/theme/", {"theme": ""})
    system = client.get("/").content.decode()

    assert '<html lang="en" data-theme="dark">' in dark
    assert '<html lang="en">' in system


def test_a_theme_that_is_none_is_forgotten(alice, pages_of):
    client = pages_of(alice)
    client.cookies["theme"] = '"><script>'

    assert "<script>" not in client.get("/").content.decode().partition("<head>")[0]


def exported(browser):
    """The files in the export, by name."""
    with zipfile.ZipFile(io.BytesIO(browser.get("/accounts/export/").getvalue())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_account_page_writes_the_day_of_joining_for_its_reader(alice, pages_of):
    type(alice).objects.filter(pk=alice.pk).update(joined_at=datetime(2026, 3, 1, 10, tzinfo=UTC))

    page = pages_of(alice).get("/accounts/", headers={"accept-language": "en"}).content.decode()

    assert "member since March 1, 2026." in page


def test_the_export_holds_tables_kinds_and_reports(alice, bob, pages_of, make_model):
    model = make_model(alice, model_name="houses")
    batch = start_batch(alice, model, houses_csv(rows=5))
    start_run(bob)

    files = exported(pages_of(alice))
    data = json.loads(files.pop("account.json"))

    assert files == {
        f"datasets/{model.dataset.uuid}.csv": houses_csv(),
        f"batches/{batch.uuid}.csv": houses_csv(rows=5),
    }
    assert (data["batches"][0]["file"], data["batches"][0]["rows"]) == (f"batches/{batch.uuid}.csv", 5)
    (dataset,) = data["datasets"]
    assert dataset["file"] in files
    assert [(column["name"], column["kind"]) for column in dataset["columns"]] == [
        ("size", "number"), ("rooms", "number"), ("place", "category"), ("price", "number"),
    ]  # fmt: skip
    assert data["models"][0]["report"] == model.report
    assert data["trainings"][0]["plan"]["algorithm"] == "linear"


def test_the_export_holds_what_is_kept_and_no_password(alice, pages_of):
    start_run(alice)

    data = json.loads(exported(pages_of(alice))["account.json"])

    assert data["account"]["email"] == alice.email
    assert data["datasets"][0]["name"] == "houses"
    assert data["trainings"][0]["status"] == "queued"
    assert [entry["amount"] for entry in data["ledger"]] == [15, -1]
    assert "password" not in str(data)


def test_the_export_is_sent_while_it_is_read(alice, pages_of):
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            account=alice, seq=seq, kind="grant", amount=1, balance_after=14 + seq, reason="gift",
            operation=f"gift:{seq}",
        )
        for seq in range(2, 5002)
    )  # fmt: skip
    answer = pages_of(alice).get("/accounts/export/")

    tracemalloc.start()
    blocks = [len(block) for block in answer]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(blocks) > 2
    assert peak_bytes < 3_000_000


def test_closing_the_account_asks_for_the_password_and_leaves_the_ledger(alice, pages_of):
    start_run(alice)
    client = pages_of(alice)

    refused = client.post("/accounts/close/", {"password": "wrong"})
    closed = client.post("/accounts/close/", {"password": PASSWORD})

    alice.refresh_from_db()
    assert refused.status_code == 422
    assert closed.status_code == 200
    assert alice.email.endswith("@removed.invalid")
    assert not alice.datasets.exists()
    assert [entry.amount for entry in alice.ledger_entries.latest_first()] == [1, -1, 15]
    assert client.get("/tokens/").status_code == 302


def test_the_only_administrator_cannot_leave(admin_user, pages_of):
    answer = pages_of(admin_user).post("/accounts/close/", {"password": PASSWORD})

    admin_user.refresh_from_db()
    assert answer.status_code == 409
    assert admin_user.is_active


def test_administrators_find_the_administration(alice, admin_user, pages_of):
    assert 'href="/admin/"' in pages_of(admin_user).get("/accounts/").content.decode()
    assert 'href="/admin/"' not in pages_of(alice).get("/accounts/").content.decode()
