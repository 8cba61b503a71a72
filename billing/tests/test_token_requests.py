"""A user asks for tokens, an administrator grants or declines: on pages, over the API, by command."""

import re
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from billing import operations, token_requests
from billing.models import LedgerEntry, TokenRequest
from mlplatform.core.errors import NotFound

pytestmark = pytest.mark.django_db

API = "/api/v1/token-requests"
ADMIN = "/admin/billing/tokenrequest/"
SITE = "http://testserver/"


@pytest.fixture
def ask(db):
    """`ask(alice, amount=20)`: an open request, its e-mail forgotten."""

    def ask(user, amount=20, reason="The workshop on Friday"):
        request = token_requests.request_tokens(user=user, amount=amount, reason=reason, site_url=SITE)
        mail.outbox.clear()
        return request

    return ask


# Asking


def test_a_request_from_the_page_reaches_the_administrators(alice, admin_user, pages_of):
    client = pages_of(alice)

    answer = client.post("/tokens/requests/", {"amount": 20, "reason": "The workshop on Friday"}, follow=True)

    request = alice.token_requests.get()
    page = answer.content.decode()
    assert (request.amount, request.reason, request.status) == (20, "The workshop on Friday", "open")
    assert "The workshop on Friday" in page and "Waiting" in page
    assert f"/tokens/requests/{request.pk}/withdraw/" in page
    assert 'name="amount"' not in page
    [message] = mail.outbox
    assert message.to == ["admin@example.com"]
    assert message.subject == "alice@example.com requests 20 tokens"
    assert "The workshop on Friday" in message.body
    assert f"http://testserver{ADMIN}{request.pk}/change/" in message.body


def test_a_request_over_the_api_is_the_same(alice, admin_user, api_as):
    client = api_as(alice)

    made = client.post(API, {"amount": 20, "reason": "The workshop"})
    listed = client.get(API).json()["results"]

    assert made.status_code == 201
    assert made.json() == listed[0] == client.get(f"{API}/{made.json()['id']}").json()
    assert listed[0]["status"] == "open"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 10**12}, "amount"),
        ({"amount": "many"}, "amount"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
def test_a_request_that_cannot_be_granted_is_refused_by_field(alice, pages_of, api_as, wrong, field):
    words = {"amount": 20, "reason": "The workshop", **wrong}

    page = pages_of(alice).post("/tokens/requests/", words)
    answer = api_as(alice).post(API, words)

    assert page.status_code == 422
    assert list(page.context["request_form"].errors) == [field]
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert not TokenRequest.objects.exists()
    assert mail.outbox == []


def test_one_request_is_open_at_a_time(alice, ask, pages_of, api_as):
    ask(alice)

    page = pages_of(alice).post("/tokens/requests/", {"amount": 5, "reason": "More"})
    answer = api_as(alice).post(API, {"amount": 5, "reason": "More"})

    assert page.status_code == 422
    assert "withdraw it first" in page.content.decode()
    assert (answer.status_code, answer.json()["code"]) == (409, "token_request_open")
    assert alice.token_requests.count() == 1
    assert mail.outbox == []


def test_requests_of_a_day_are_limited(alice, api_as):
    client = api_as(alice)
    for _ in range(token_requests.REQUESTS_PER_DAY_MAX):
        made = client.post(API, {"amount": 5, "reason": "More"})
        assert client.post(f"{API}/{made.json()['id']}/withdraw").status_code == 200

    answer = client.post(API, {"amount": 5, "reason": "More"})

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_token_requests")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_at_once_one_is_open(alice, at_once):
    outcomes = at_once(
        lambda: token_requests.request_tokens(user=alice, amount=5, reason="More", site_url=SITE), times=10
    )

    refused = [one for one in outcomes if isinstance(one, token_requests.RequestAlreadyOpen)]
    assert len(refused) == 9
    assert alice.token_requests.open().count() == 1


def test_the_database_itself_allows_one_open_request(alice, ask):
    ask(alice)

    with pytest.raises(IntegrityError):
        TokenRequest.objects.create(account=alice, amount=5, reason="More")


def test_a_withdrawn_request_cannot_be_granted(alice, admin_user, ask, pages_of, books):
    request = ask(alice)

    pages_of(alice).post(f"/tokens/requests/{request.pk}/withdraw/")
    with pytest.raises(token_requests.RequestEnded):
        token_requests.grant_request(request=request, by=admin_user)

    request.refresh_from_db()
    assert request.status == "withdrawn"
    assert books(alice) == (15, [15])


def test_anothers_request_is_not_there(alice, bob, ask, pages_of, api_as):
    request = ask(alice)

    assert pages_of(bob).post(f"/tokens/requests/{request.pk}/withdraw/").status_code == 404
    assert api_as(bob).get(f"{API}/{request.pk}").status_code == 404
    assert api_as(bob).post(f"{API}/{request.pk}/withdraw").status_code == 404
    assert api_as(bob).get(API).json()["count"] == 0
    assert alice.token_requests.open().count() == 1


def test_the_list_costs_two_queries_however_long_it_is(alice, ask, api_as, django_assert_num_queries):
    for _ in range(4):
        token_requests.withdraw_request(request=ask(alice))

    with django_assert_num_queries(2):
        assert api_as(alice).get(API, {"status": "withdrawn"}).json()["count"] == 4


# Deciding


@pytest.fixture
def admin(pages_of, admin_user):
    return pages_of(admin_user)


def test_open_requests_come_first_and_one_click_grants(admin, alice, bob, ask, books):
    token_requests.withdraw_request(request=ask(bob, reason="An old one"))
    request = ask(alice)
    token_requests.withdraw_request(request=ask(bob, reason="A newer one"))

    page = admin.get(ADMIN)
    button = re.search(r'formaction="([^"]+/grant/)">Grant 20<', page.content.decode())[1]
    answer = admin.post(button, {"action": "", "select_across": "0"}, follow=True)

    request.refresh_from_db()
    assert page.context["cl"].result_list[0].pk == request.pk
    assert page.content.decode().count("/grant/") == 1
    assert "granted" in answer.content.decode()
    assert (request.status, request.amount_granted, request.decided_by.email) == (
        "granted",
        20,
        "admin@example.com",
    )
    assert books(alice) == (35, [15, 20])
    entry = LedgerEntry.objects.get(account=alice, seq=2)
    assert (entry.reference, entry.booked_by_id) == (request.reference, request.decided_by_id)
    [message] = mail.outbox
    assert (message.to, message.subject) == (["alice@example.com"], "You received 20 tokens")
    assert "http://testserver/tokens/" in message.body


def test_another_amount_and_a_note_are_given_on_the_page_of_the_request(admin, alice, ask, books, pages_of):
    request = ask(alice)

    page = admin.get(f"{ADMIN}{request.pk}/change/").content.decode()
    admin.post(f"{ADMIN}{request.pk}/grant/", {"amount": 8, "note": "Eight will do."})
    seen = pages_of(alice).get("/tokens/").content.decode()

    assert 'value="20"' in page
    assert books(alice) == (23, [15, 8])
    assert "Eight will do." in mail.outbox[0].body
    assert "Eight will do." in seen and "Granted" in seen


def test_a_wrong_amount_grants_nothing_and_is_named(admin, alice, ask, books):
    request = ask(alice)

    answer = admin.post(f"{ADMIN}{request.pk}/grant/", {"amount": 0, "note": ""}, follow=True)

    assert "greater than or equal to 1" in answer.content.decode()
    assert alice.token_requests.get().is_open
    assert books(alice) == (15, [15])


def test_one_click_declines(admin, alice, ask, books):
    request = ask(alice)

    admin.post(f"{ADMIN}{request.pk}/decline/")

    request.refresh_from_db()
    assert request.status == "declined"
    assert books(alice) == (15, [15])
    assert [message.subject for message in mail.outbox] == ["Your request for tokens was declined"]


def test_a_second_click_changes_nothing(admin, alice, ask, books):
    request = ask(alice)

    admin.post(f"{ADMIN}{request.pk}/grant/")
    again = admin.post(f"{ADMIN}{request.pk}/grant/")
    declined = admin.post(f"{ADMIN}{request.pk}/decline/", follow=True)

    assert again.status_code == 302
    assert "This request was already granted, with 20 tokens." in declined.content.decode()
    assert books(alice) == (35, [15, 20])
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_granted_and_declined_by_many_at_once_it_is_decided_once(alice, admin_user, ask, books, at_once):
    request = ask(alice)

    def decide(number):
        decision = token_requests.grant_request if number % 4 else token_requests.decline_request
        return decision(request=TokenRequest.objects.get(pk=request.pk), by=admin_user)

    at_once(decide, each=range(12))

    request.refresh_from_db()
    granted = 20 if request.status == "granted" else 0
    assert books(alice) == (15 + granted, [15, *([20] if granted else [])])
    assert len(mail.outbox) == 1


def test_the_admin_needs_rights_and_a_post(alice, make_user, ask, pages_of, books):
    request = ask(alice)
    clerk = pages_of(make_user("clerk@example.com", is_staff=True))

    assert clerk.post(f"{ADMIN}{request.pk}/grant/").status_code == 403
    assert pages_of(alice).post(f"{ADMIN}{request.pk}/grant/").status_code == 302
    assert books(alice) == (15, [15])


def test_looking_at_a_grant_address_grants_nothing(admin, alice, ask):
    assert admin.get(f"{ADMIN}{ask(alice).pk}/grant/").status_code == 403
    assert alice.token_requests.open().exists()


def test_the_admin_list_asks_the_same_number_of_questions_however_long_it_is(admin, alice, bob, ask):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            assert admin.get(ADMIN).status_code == 200
        return len(asked)

    token_requests.withdraw_request(request=ask(alice))
    before = questions()
    for user in (alice, bob):
        token_requests.withdraw_request(request=ask(user))

    assert questions() == before


def test_a_closed_account_gets_nothing(alice, admin_user, ask, books):
    request = ask(alice)
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)

    with pytest.raises(operations.AccountClosed):
        token_requests.grant_request(request=request, by=admin_user)

    request.refresh_from_db()
    assert request.is_open
    assert books(alice) == (15, [15])


def test_a_removed_user_leaves_no_request(alice, admin_user, ask, pages_of):
    ask(alice)

    pages_of(alice).post("/accounts/close/", {"password": "correct horse battery"})

    assert not TokenRequest.objects.exists()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda request: token_requests.withdraw_request(request=request), id="withdraw"),
        pytest.param(lambda request: token_requests.decline_request(request=request, by=None), id="decline"),
    ],
)
def test_a_request_that_was_just_deleted_with_its_account_is_not_there(alice, ask, end):
    request = ask(alice)
    token_requests.erase_requests_of(owner=alice)

    with pytest.raises(NotFound, match="just deleted"):
        end(request)

    assert mail.outbox == []


def test_requests_are_part_of_what_is_stored_about_a_user(alice, ask, pages_of):
    ask(alice)

    exported = ZipFile(BytesIO(pages_of(alice).get("/accounts/export/").getvalue()))

    assert "The workshop on Friday" in exported.read("account.json").decode()


# The command


def run(*arguments):
    output = StringIO()
    call_command("token_requests", *map(str, arguments), stdout=output)
    return output.getvalue()


def test_the_command_lists_grants_and_declines(alice, bob, ask, books):
    granted, declined = ask(alice), ask(bob, amount=3)

    listed = run()
    said = run("--grant", granted.pk, "--amount", 30)
    run("--decline", declined.pk, "--note", "Not this time.")

    assert str(granted.pk) in listed and "bob@example.com  3 tokens" in listed
    assert said == f"alice@example.com: 30 tokens granted as {granted.reference}:grant.\n"
    assert books(alice) == (45, [15, 30])
    assert books(bob) == (15, [15])
    assert [message.to for message in mail.outbox] == [["alice@example.com"], ["bob@example.com"]]
    assert run() == ""


def test_the_command_refuses_what_is_not_there_or_has_ended(alice, ask):
    request = ask(alice)
    token_requests.withdraw_request(request=request)

    with pytest.raises(CommandError, match="already withdrawn"):
        run("--grant", request.pk)
    with pytest.raises(CommandError) as unknown:
        run("--grant", "1b4e28ba-2fa1-11d2-883f-0016d3cca427")

    assert unknown.value.returncode == 3
