from importlib import import_module

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from accounts import limits
from accounts.errors import EmailTaken
from accounts.models import User
from accounts.operations import users
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db

PASSWORD = "a long pass phrase 17"


def sign_up(email="dora@example.com", pwd=PASSWORD, **extra):
    return APIClient().post("/api/user/create", {"email": email, "pwd": pwd}, **extra)


def test_a_new_account_starts_with_the_welcome_grant():
    answer = sign_up()

    dora = User.objects.get(email="dora@example.com")
    entry = dora.ledger_entries.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "message": "The account is ready.",
        "email": "dora@example.com",
    }
    assert dora.token_balance == 15
    assert (entry.kind, entry.amount, entry.operation) == ("grant", 15, f"signup:{dora.pk}")
    assert not (dora.is_staff or dora.is_superuser)


def test_the_email_address_is_kept_in_lower_case_without_spaces():
    answer = sign_up(email=" Dora@Example.COM ")

    assert answer.json()["email"] == "dora@example.com"
    assert User.objects.get().email == "dora@example.com"


def test_an_email_address_is_taken_in_any_case(alice):
    answer = sign_up(email="ALICE@Example.com")

    assert answer.status_code == 400
    assert answer.json()["code"] == "address_taken"
    assert list(answer.json()["fields"]) == ["email"]
    assert User.objects.count() == 1


def test_the_database_itself_knows_no_case(alice):
    double = User(email="Alice@Example.com")

    with pytest.raises(EmailTaken):
        users.save_with_welcome_grant(double)

    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "email", ["", "dora", "dora@", "@example.com", "a b@example.com", "d" * 250 + "@x.de"]
)
def test_an_email_address_that_is_none_is_refused(email):
    answer = sign_up(email=email)

    assert answer.status_code == 400
    assert "email" in answer.json()["fields"]
    assert not User.objects.exists()


@pytest.mark.parametrize("pwd", ["", "short1!", "password123", "4815162342", "dora@example.com"])
def test_a_weak_password_is_refused_under_the_name_that_was_sent(pwd):
    answer = sign_up(pwd=pwd)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["pwd"]
    assert answer.json()["detail"]
    assert not User.objects.exists()


def test_spaces_belong_to_a_password(log_in):
    sign_up(pwd="  spaced pass phrase  ")

    answer = APIClient().post("/api/user/login", {"email": "dora@example.com", "pwd": "spaced pass phrase"})

    assert answer.status_code == 401
    assert log_in(User.objects.get(), "  spaced pass phrase  ")


def test_when_the_grant_fails_there_is_no_user(monkeypatch):
    def fail(**_):
        raise RuntimeError("the ledger is away")

    monkeypatch.setattr("billing.operations.grant", fail)

    with pytest.raises(RuntimeError):
        users.register(email="dora@example.com", password=PASSWORD)

    assert not User.objects.exists()


def test_without_initial_tokens_nothing_is_booked(settings):
    settings.INITIAL_TOKENS = 0

    user = users.register(email="dora@example.com", password=PASSWORD)

    assert user.token_balance == 0
    assert not LedgerEntry.objects.exists()


def test_nobody_makes_themselves_an_administrator():
    APIClient().post(
        "/api/user/create",
        {"email": "dora@example.com", "pwd": PASSWORD, "is_staff": True, "token_balance": 999},
    )

    dora = User.objects.get()
    assert (dora.is_staff, dora.token_balance) == (False, 15)


def test_a_form_works_as_well_as_json():
    answer = APIClient().post(
        "/api/user/create", {"email": "dora@example.com", "pwd": PASSWORD}, format="multipart"
    )

    assert answer.status_code == 200


def test_a_browser_is_offered_a_form():
    page = APIClient().get("/api/user/create", HTTP_ACCEPT="text/html").content.decode()

    assert 'name="pwd"' in page
    assert 'type="password"' in page


@pytest.mark.django_db(transaction=True)
def test_of_many_sign_ups_of_one_email_address_at_once_one_succeeds(at_once):
    emails = ["dora@example.com", "DORA@example.com"] * 4

    answers = at_once(sign_up, each=emails)

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    dora = User.objects.get()
    assert dora.token_balance == 15
    assert dora.ledger_entries.count() == 1


# Limits


def test_one_ip_address_signs_up_so_many_an_hour(guarded, monkeypatch, time_machine):
    time_machine.move_to("2026-03-01T10:15:00Z")
    monkeypatch.setattr(limits, "SIGN_UPS_PER_IP_ADDRESS", 2)
    codes = [sign_up(email=f"dora{n}@example.com").status_code for n in range(2)]

    refused = sign_up(email="dora3@example.com")
    elsewhere = sign_up(email="dora4@example.com", REMOTE_ADDR="192.0.2.7")
    time_machine.move_to("2026-03-01T11:00:01Z")
    later = sign_up(email="dora3@example.com")

    assert codes == [200, 200]
    assert (refused.status_code, refused["Retry-After"]) == (429, str(45 * 60))
    assert (elsewhere.status_code, later.status_code) == (200, 200)


def test_input_that_is_refused_uses_nothing_up(guarded, monkeypatch):
    monkeypatch.setattr(limits, "SIGN_UPS_PER_IP_ADDRESS", 1)
    sign_up(pwd="short")

    answer = sign_up()

    assert answer.status_code == 200


def test_the_limit_keeps_no_ip_address(guarded):
    sign_up(REMOTE_ADDR="192.0.2.7")

    window = limits.LimitWindow.objects.get()
    assert "192.0.2.7" not in str(vars(window))


def test_without_throttling_nothing_is_counted(monkeypatch):
    monkeypatch.setattr(limits, "SIGN_UPS_PER_IP_ADDRESS", 0)

    answer = sign_up()

    assert answer.status_code == 200
    assert not limits.LimitWindow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_race_gets_past_the_limit(guarded, monkeypatch, at_once):
    monkeypatch.setattr(limits, "SIGN_UPS_PER_IP_ADDRESS", 3)

    answers = at_once(sign_up, each=[f"dora{n}@example.com" for n in range(8)])

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5
    assert User.objects.count() == 3


# One mailbox, one account


@pytest.mark.parametrize(
    "same",
    [
        "\uff41\uff4c\uff49\uff43\uff45@\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.\uff43\uff4f\uff4d",
        "alice\uff20example.com",
        "alice@example\u3002com",
        "alice@\uff45xample.com",
        "alice@exa\u00admple.com",
        "\u24d0lice@example.com",
        "\u212alice@example.com",
    ],
    ids=["full width", "at sign", "full stop", "domain", "soft hyphen", "circled", "Kelvin"],
)
def test_another_spelling_of_an_email_address_is_the_same_mailbox(make_user, same):
    make_user("alice@example.com")
    make_user("klice@example.com")

    answer = sign_up(email=same)

    assert (answer.status_code, answer.json()["code"]) == (400, "address_taken")
    assert User.objects.count() == 2


def test_the_two_spellings_of_a_domain_are_one_email_address(log_in):
    first = sign_up(email="dora@b\u00fccher.example")
    again = sign_up(email="dora@xn--bcher-kva.example")

    assert (first.status_code, again.status_code) == (200, 400)
    assert User.objects.get().email == "dora@xn--bcher-kva.example"
    answer = APIClient().post("/api/user/login", {"email": "dora@B\u00dcCHER.example", "pwd": PASSWORD})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "email", ["l\u0131a@example.com", "l\u0130a@example.com", "dora@" + "\u00fc" * 70 + ".example"]
)
def test_letters_that_only_look_like_ascii_are_refused(email):
    answer = sign_up(email=email)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["email"])


def test_a_page_takes_the_same_spellings(client, alice):
    answer = client.post("/accounts/signup/", {"email": "\uff41lice@example.com", "password": PASSWORD})

    assert answer.status_code == 422
    assert "already taken" in answer.content.decode()


def normalize_stored(apps):
    import_module("accounts.migrations.0002_normalize_emails").normalize_emails(apps, None)


def test_stored_email_addresses_are_normalized_and_collisions_reported(make_user, caplog):
    make_user("alice@example.com")
    double, single = make_user("double@example.com"), make_user("single@example.com")
    User.objects.filter(pk=double.pk).update(email="\uff41lice@example.com")
    User.objects.filter(pk=single.pk).update(email="dora@b\u00fccher.example")

    normalize_stored(apps)

    double.refresh_from_db()
    single.refresh_from_db()
    assert (double.email, single.email) == ("\uff41lice@example.com", "dora@xn--bcher-kva.example")
    assert f"{double.pk}" in caplog.text
    assert "alice" not in caplog.text
