import re
import smtplib
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import limits
from accounts.mails import write_password_reset
from accounts.models import User
from accounts.operations import passwords
from accounts.tests.conftest import PASSWORD
from mlplatform.core import mails

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "quite another phrase"


def reset(client=None, **body):
    return (client or APIClient()).post("/api/user/reset_password", body)


def mailed_token(email="alice@example.com"):
    reset(email=email)
    return re.search(r'"token": "([^"]+)"', mail.outbox[-1].body)[1]


def logs_in(password, email="alice@example.com"):
    return APIClient().post("/api/user/login", {"email": email, "pwd": password}).status_code == 200


# By mail


def test_a_forgotten_password_is_reset_by_mail(alice):
    asked = reset(email="Alice@Example.com")
    token = mailed_token()

    answer = reset(email="ALICE@example.com", token=token, new_password=NEW_PASSWORD)

    assert asked.status_code == answer.status_code == 200
    assert set(asked.json()) == set(answer.json()) == {"status", "message"}
    assert logs_in(NEW_PASSWORD)
    assert not logs_in(PASSWORD)


def test_the_mail_holds_a_link_and_goes_to_the_email_address_alone(alice):
    reset(email="alice@example.com")

    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert message.subject == "Reset your password"
    assert re.search(r"^http://testserver/accounts/reset/[^/\s]+/[^/\s]+/$", message.body, re.MULTILINE)
    assert "60 minutes" in message.body


def test_an_unknown_email_address_gets_the_same_answer_and_no_mail(alice):
    known = reset(email="alice@example.com")
    unknown = reset(email="nobody@example.com")

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


def test_no_answer_waits_for_the_mail_whether_there_is_one_or_not(alice, monkeypatch):
    handed_over = []

    class SendLater:
        def submit(self, function, *arguments):
            handed_over.append(function)
            return Future()

    monkeypatch.setattr(mails, "mail_sender", SendLater())

    reset(email="alice@example.com")
    reset(email="nobody@example.com")

    assert handed_over == [write_password_reset] * 2
    assert mail.outbox == []


def test_known_or_not_costs_the_same_queries(alice, guarded):
    reset(email="first@example.com")

    with CaptureQueriesContext(connection) as known:
        reset(email="alice@example.com")
    with CaptureQueriesContext(connection) as unknown:
        reset(email="nobody@example.com")

    assert len(known) == len(unknown) > 0


@pytest.mark.django_db(transaction=True)
def test_the_thread_that_sends_mails_needs_no_database(alice, monkeypatch):
    mail_sender = ThreadPoolExecutor(max_workers=1)
    monkeypatch.setattr(mails, "mail_sender", mail_sender)

    reset(email="alice@example.com")
    used = mail_sender.submit(lambda: connection.connection)
    mail_sender.shutdown(wait=True)

    assert used.result() is None
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


@pytest.mark.parametrize("change", [{"is_active": False}, {"removed_at": "2026-01-01T00:00Z"}])
def test_a_closed_account_gets_no_mail(alice, change):
    User.objects.filter(pk=alice.pk).update(**change)

    answer = reset(email="alice@example.com")

    assert answer.status_code == 200
    assert mail.outbox == []


def test_a_mail_server_that_is_away_is_logged_and_the_answer_stays(alice, monkeypatch, caplog):
    def refuse(*_):
        raise smtplib.SMTPServerDisconnected("away")

    monkeypatch.setattr(mails, "send_mail", refuse)

    answer = reset(email="alice@example.com")

    assert answer.status_code == 200
    assert "An e-mail could not be sent" in caplog.text
    assert "alice" not in caplog.text


# The link


def refused(answer):
    return answer.status_code == 400 and answer.json()["code"] == "reset_link_refused"


def test_a_link_works_once(alice):
    token = mailed_token()
    reset(email="alice@example.com", token=token, new_password=NEW_PASSWORD)

    again = reset(email="alice@example.com", token=token, new_password="a third pass phrase")

    assert refused(again)
    assert logs_in(NEW_PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_a_link_works_once_even_when_used_at_once(alice, at_once):
    token = mailed_token()
    passwords = [f"{NEW_PASSWORD} {n}" for n in range(6)]

    answers = at_once(
        lambda password: reset(email="alice@example.com", token=token, new_password=password), each=passwords
    )

    assert sorted(answer.status_code == 200 for answer in answers) == [False] * 5 + [True]
    assert {answer.status_code for answer in answers} <= {200, 400, 409}
    winner = next(
        password for password, answer in zip(passwords, answers, strict=True) if answer.status_code == 200
    )
    assert logs_in(winner)


def test_a_link_lasts_an_hour(alice, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    token = mailed_token()
    time_machine.move_to("2026-03-01T11:00:02Z", tick=False)

    assert refused(reset(email="alice@example.com", token=token, new_password=NEW_PASSWORD))


@pytest.mark.parametrize("email", ["bob@example.com", "nobody@example.com"])
def test_a_link_is_for_its_own_email_address(alice, bob, email):
    token = mailed_token("alice@example.com")

    assert refused(reset(email=email, token=token, new_password=NEW_PASSWORD))


@pytest.mark.parametrize("token", ["x", "a-b", "1-" + "0" * 32, "-", "zzzzzzzzzzzzzzzz-x", "é-é"])
def test_a_made_up_token_is_refused(alice, token):
    assert refused(reset(email="alice@example.com", token=token, new_password=NEW_PASSWORD))


def test_a_closed_account_is_not_opened_by_a_link(alice):
    token = mailed_token()
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert refused(reset(email="alice@example.com", token=token, new_password=NEW_PASSWORD))


def test_a_weak_password_leaves_the_link_good(alice):
    token = mailed_token()

    weak = reset(email="alice@example.com", token=token, new_password="short")
    strong = reset(email="alice@example.com", token=token, new_password=NEW_PASSWORD)

    assert (weak.status_code, list(weak.json()["fields"])) == (400, ["new_password"])
    assert strong.status_code == 200


def test_a_token_needs_a_password(alice):
    answer = reset(email="alice@example.com", token=mailed_token())

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["new_password"]


def test_who_reads_the_mail_is_not_locked_out_any_more(alice, guarded):
    for _ in range(10):
        logs_in("wrong")
    token = mailed_token()

    reset(email="alice@example.com", token=token, new_password=NEW_PASSWORD)

    assert logs_in(NEW_PASSWORD)


# Signed in


def test_the_owner_sets_the_password_of_the_own_account(alice, bearer, log_in):
    client = bearer(log_in(alice)["access"])

    answer = reset(client, email="Alice@example.com", new_password=NEW_PASSWORD)

    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert logs_in(NEW_PASSWORD)


def test_the_password_of_another_is_403(alice, bob, api_as):
    answer = reset(api_as(alice), email="bob@example.com", new_password=NEW_PASSWORD)

    assert answer.status_code == 403
    assert logs_in(PASSWORD, "bob@example.com")


def test_not_signed_in_and_without_a_token_it_is_401_with_the_way_out(alice):
    answer = reset(email="alice@example.com", new_password=NEW_PASSWORD)

    assert answer.status_code == 401
    assert "by e-mail" in answer.json()["detail"]
    assert logs_in(PASSWORD)


def test_a_bad_bearer_is_401(alice, bearer):
    answer = reset(bearer("bad"), email="alice@example.com", new_password=NEW_PASSWORD)

    assert answer.status_code == 401


def test_a_weak_password_is_refused_for_the_owner_too(alice, api_as):
    answer = reset(api_as(alice), email="alice@example.com", new_password="alice@example")

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["new_password"])


def test_a_change_ends_all_other_sessions_and_keeps_this_one(alice):
    here, elsewhere = APIClient(), APIClient()
    here.force_login(alice)
    elsewhere.force_login(alice)

    answer = reset(here, email="alice@example.com", new_password=NEW_PASSWORD)

    assert answer.status_code == 200
    assert here.get("/api/user/tokens").status_code == 200
    assert elsewhere.get("/api/user/tokens").status_code == 401


def test_a_session_needs_the_form_s_own_csrf_token(alice):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice)

    answer = reset(client, email="alice@example.com", new_password=NEW_PASSWORD)

    assert answer.status_code == 403
    assert logs_in(PASSWORD)


# Limits


def test_one_mailbox_gets_so_many_mails_an_hour_and_nobody_can_tell(alice, guarded):
    answers = [reset(email="alice@example.com") for _ in range(limits.RESET_MAILS_PER_MAILBOX + 2)]

    assert {answer.status_code for answer in answers} == {200}
    assert len(mail.outbox) == limits.RESET_MAILS_PER_MAILBOX


def test_one_ip_address_asks_so_often_an_hour(alice, guarded, monkeypatch):
    monkeypatch.setattr(limits, "RESET_REQUESTS_PER_IP_ADDRESS", 1)
    reset(email="alice@example.com")

    answer = reset(email="nobody@example.com")

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


# The operation


def test_only_the_owner_and_administrators_change_a_password(alice, bob, admin_user):
    with pytest.raises(Exception, match="your own account only"):
        passwords.change_password(user=alice, new_password=NEW_PASSWORD, by=bob)

    passwords.change_password(user=alice, new_password=NEW_PASSWORD, by=admin_user)

    assert logs_in(NEW_PASSWORD)
