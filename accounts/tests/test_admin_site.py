import html
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"


@pytest.fixture
def staff(admin_user):
    client = Client()
    client.force_login(admin_user)
    return client


@pytest.fixture(autouse=True)
def no_removal_hooks(settings):
    settings.ACCOUNT_REMOVAL_HOOKS = []


def request_id_on(page):
    return re.search(r'name="request_id" value="([^"]+)"', page.content.decode())[1]


# Log-in


def test_an_administrator_logs_in_whatever_the_case(admin_user):
    client = Client()

    answer = client.post(
        "/admin/login/", {"username": "ADMIN@example.com", "password": PASSWORD, "next": USERS}
    )

    assert (answer.status_code, answer["Location"]) == (302, USERS)
    assert client.get(USERS).status_code == 200


@pytest.mark.parametrize(
    ("email", "password"), [("admin@example.com", "wrong"), ("alice@example.com", PASSWORD)]
)
def test_others_do_not(admin_user, alice, email, password):
    answer = Client().post("/admin/login/", {"username": email, "password": password})

    assert answer.status_code == 200
    assert "errornote" in answer.content.decode()


def test_guessers_are_locked_out_here_as_well(admin_user, guarded):
    client = Client()
    for _ in range(10):
        client.post("/admin/login/", {"username": "admin@example.com", "password": "wrong"})

    answer = client.post("/admin/login/", {"username": "admin@example.com", "password": PASSWORD})

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "Too many wrong passwords" in answer.content.decode()


# The list and the form


def test_users_are_found_and_listed_in_few_queries(staff, make_user, django_assert_max_num_queries):
    for n in range(10):
        make_user(f"user{n}@example.com", tokens=n)

    with django_assert_max_num_queries(12):
        page = staff.get(USERS, {"q": "user7"})

    assert "user7@example.com" in page.content.decode()
    assert "user8@example.com" not in page.content.decode()


def test_the_balance_is_read_only_and_leads_to_the_ledger(staff, alice):
    url = f"{USERS}{alice.pk}/change/"
    page = staff.get(url).content.decode()
    ledger = staff.get(html.unescape(re.search(r'href="([^"]+)">ledger<', page)[1]))

    staff.post(url, {"email": "alice@example.com", "is_active": "on", "token_balance": 999, "balance": 999})

    alice.refresh_from_db()
    assert 'name="token_balance"' not in page
    assert alice.token_balance == 15
    assert (ledger.status_code, ledger.context["cl"].result_count) == (200, 1)


def test_a_user_made_here_gets_the_welcome_grant(staff):
    answer = staff.post(
        f"{USERS}add/",
        {
            "email": "Dora@example.com",
            "password1": "a long pass phrase 17",
            "password2": "a long pass phrase 17",
        },
    )

    dora = User.objects.get(email="dora@example.com")
    assert answer.status_code == 302
    assert answer["Location"] == f"{USERS}{dora.pk}/change/"
    assert dora.token_balance == dora.ledger_entries.get().amount == 15
    assert dora.check_password("a long pass phrase 17")


def test_a_taken_email_address_is_an_error_of_the_form(staff, alice):
    answer = staff.post(
        f"{USERS}add/",
        {
            "email": "ALICE@example.com",
            "password1": "a long pass phrase 17",
            "password2": "a long pass phrase 17",
        },
    )

    assert answer.status_code == 200
    assert "already taken" in answer.content.decode()


def test_setting_a_password_here_ends_tokens(staff, alice, log_in, bearer):
    client = bearer(log_in(alice)["access"])

    answer = staff.post(f"{USERS}{alice.pk}/password/", {"new_password": "a long pass phrase 17"})

    assert answer.status_code == 302
    assert client.get("/api/user/tokens").status_code == 401


# Granting


def test_tokens_are_granted_with_a_reason(staff, admin_user, alice, bob):
    chosen = staff.post(USERS, {"action": "grant_tokens", "_selected_action": [alice.pk, bob.pk]})
    page = staff.get(chosen["Location"])

    answer = staff.post(
        chosen["Location"], {"amount": 7, "reason": "for the talk", "request_id": request_id_on(page)}
    )

    assert "alice@example.com" in page.content.decode()
    assert (answer.status_code, answer["Location"]) == (302, USERS)
    for user in (alice, bob):
        user.refresh_from_db()
        entry = user.ledger_entries.get(reason="for the talk")
        assert (user.token_balance, entry.amount, entry.booked_by) == (22, 7, admin_user)


def test_the_same_form_sent_twice_grants_once(staff, alice):
    url = f"{reverse('admin:accounts_user_grant')}?ids={alice.pk}"
    form = {"amount": 7, "reason": "for the talk", "request_id": request_id_on(staff.get(url))}

    staff.post(url, form)
    staff.post(url, form)

    alice.refresh_from_db()
    assert alice.token_balance == 22
    assert alice.ledger_entries.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": ""},
        {"reason": ""},
        {"reason": "x" * 201},
        {"request_id": "x"},
    ],
)
def test_a_grant_that_does_not_fit_books_nothing(staff, alice, change):
    url = f"{reverse('admin:accounts_user_grant')}?ids={alice.pk}"
    form = {"amount": 7, "reason": "for the talk", "request_id": request_id_on(staff.get(url))}

    answer = staff.post(url, form | change)

    assert answer.status_code == 200
    assert alice.ledger_entries.count() == 1


def test_who_may_only_look_cannot_grant_or_remove(alice, make_user):
    looker = make_user("looker@example.com", is_staff=True)
    client = Client()
    client.force_login(looker)

    for page in ("grant", "remove"):
        url = f"{reverse(f'admin:accounts_user_{page}')}?ids={alice.pk}"
        assert client.get(url).status_code == 403
        assert client.post(url, {"amount": 7, "reason": "x"}).status_code == 403

    assert LedgerEntry.objects.filter(account=alice).count() == 1


# Staff with the right to change users


@pytest.fixture
def clerk(make_user):
    user = make_user("clerk@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    return user


def save_user(client, user, **changes):
    form = {"email": user.email, "is_active": "on", **changes}
    return client.post(f"{USERS}{user.pk}/change/", form)


def test_a_clerk_deactivates_users_and_gives_nobody_rights(clerk, alice, pages_of):
    client, rights = pages_of(clerk), {"is_staff": "on", "is_superuser": "on", "user_permissions": ["1"]}

    answer = save_user(client, alice, is_active="", email="clerks@example.com", **rights)

    alice.refresh_from_db()
    assert answer.status_code == 302
    assert (alice.is_active, alice.is_staff, alice.is_superuser) == (False, False, False)
    assert alice.email == "alice@example.com"  # who could change it could have the password mailed there
    assert not alice.user_permissions.exists()


def test_a_clerk_cannot_change_staff_not_even_themselves(clerk, admin_user, make_user, pages_of):
    colleague = make_user("colleague@example.com", is_staff=True)

    for user in (colleague, admin_user, clerk):
        answer = save_user(pages_of(clerk), user, is_active="", email="clerks@example.com", is_superuser="on")

        before, (user.email, user.is_active) = (user.email, user.is_active), (None, None)
        user.refresh_from_db()
        assert answer.status_code == 403
        assert (user.email, user.is_active) == before
    assert not clerk.is_superuser


@pytest.mark.parametrize("whose", ["alice", "colleague", "clerk", "admin_user"])
def test_a_clerk_sets_nobody_s_password(clerk, make_user, pages_of, request, whose):
    is_colleague = whose == "colleague"
    user = (
        make_user("colleague@example.com", is_staff=True) if is_colleague else request.getfixturevalue(whose)
    )
    new = {"new_password": "quite another phrase", "password1": "quite another phrase"}

    answer = pages_of(clerk).post(f"{USERS}{user.pk}/password/", new | {"password2": "quite another phrase"})

    user.refresh_from_db()
    assert answer.status_code == 403
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("whose", ["alice", "clerk"])
def test_a_clerk_grants_nobody_tokens(clerk, pages_of, request, whose):
    user = request.getfixturevalue(whose)
    url = f"{reverse('admin:accounts_user_grant')}?ids={user.pk}"
    form = {"amount": 7, "reason": "for me", "request_id": "6a0ff1f1-7f4b-4a0f-8b1e-54b3b1b6c2a4"}

    answers = [pages_of(clerk).get(url), pages_of(clerk).post(url, form)]

    user.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403]
    assert (user.token_balance, user.ledger_entries.count()) == (15, 1)


def test_a_clerk_is_offered_no_grant_and_no_removal(clerk, alice, pages_of):
    page = pages_of(clerk).get(USERS).content.decode()

    assert "alice@example.com" in page
    assert 'value="grant_tokens"' not in page
    assert 'value="remove_users"' not in page


def test_the_password_of_the_own_account_is_changed_on_the_account_page(staff):
    answer = staff.get("/admin/password_change/")

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/")


def test_an_administrator_gives_rights(staff, alice):
    assert save_user(staff, alice, is_staff="on").status_code == 302

    alice.refresh_from_db()
    assert alice.is_staff


# Removing


def test_users_are_removed_after_a_question(staff, alice, bob):
    chosen = staff.post(USERS, {"action": "remove_users", "_selected_action": [alice.pk]})
    question = staff.get(chosen["Location"])
    before = User.objects.present().count()

    staff.post(chosen["Location"])

    assert "alice@example.com" in question.content.decode()
    assert (before, User.objects.present().count()) == (3, 2)
    assert not User.objects.filter(email="alice@example.com").exists()


def test_an_administrator_does_not_remove_themselves_here_either(staff, admin_user):
    answer = staff.post(f"{reverse('admin:accounts_user_remove')}?ids={admin_user.pk}", follow=True)

    assert "cannot remove your own account" in answer.content.decode()
    assert User.objects.present().count() == 1


def test_nobody_is_deleted(staff, alice):
    assert staff.post(f"{USERS}{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    staff.post(USERS, {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"})

    assert User.objects.filter(pk=alice.pk).exists()
