import logging

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from rest_framework.test import APIClient

from accounts.errors import AdministratorsOnly, OtherUsersAccount
from accounts.models import User
from accounts.operations import passwords, users
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "quite another phrase"
CARD = "4000056655665556"


@pytest.fixture
def admin(api_as, admin_user):
    return api_as(admin_user)


@pytest.fixture
def staff(make_user):
    """May open the administration, and has no right in it."""
    return make_user("staff@example.com", is_staff=True)


@pytest.fixture(autouse=True)
def removal_hooks(settings):
    """What the other apps erase is their own test; here it is written down who was to be erased."""
    settings.ACCOUNT_REMOVAL_HOOKS = [f"{__name__}.note_erased"]
    erased.clear()


erased = []


def note_erased(owner):
    erased.append((owner.pk, owner.email, owner.is_active))


CALLS = [
    ("get", "/api/admin/users", {}),
    ("delete", "/api/user/remove_user", {"user_id": 1}),
    ("delete", "/api/admin/users/1", {}),
    ("post", "/api/admin/users/1/tokens", {"email": "x@example.com", "credit_card": CARD, "amount": 5}),
    ("post", "/api/admin/users/1/reset_password", {"email": "x@example.com", "new_password": NEW_PASSWORD}),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_administration_is_for_administrators(alice, bob, staff, api_as, method, path, body):
    everybody, somebody, looker = APIClient(), api_as(bob), api_as(staff)

    assert getattr(everybody, method)(path, body).status_code == 401
    assert getattr(somebody, method)(path, body).status_code == 403
    assert getattr(looker, method)(path, body).status_code == 403
    assert User.objects.present().count() == 3


def test_staff_cannot_take_over_an_administrator(admin_user, staff, api_as, log_in):
    url = f"/api/admin/users/{admin_user.pk}/reset_password"

    answer = api_as(staff).post(url, {"email": admin_user.email, "new_password": NEW_PASSWORD})

    assert answer.status_code == 403
    with pytest.raises(OtherUsersAccount):
        passwords.change_password(user=admin_user, new_password=NEW_PASSWORD, by=staff)
    assert log_in(admin_user, PASSWORD)


@pytest.mark.parametrize("right", ["is_active", "is_staff", "is_superuser"])
def test_an_administrator_is_active_staff_with_all_rights(admin_user, right):
    assert admin_user.is_administrator

    setattr(admin_user, right, False)

    assert not admin_user.is_administrator


def test_removing_is_for_administrators_at_every_door(alice, bob, staff):
    for somebody in (bob, staff):
        with pytest.raises(AdministratorsOnly):
            users.remove_user(user=alice, by=somebody)

    assert not erased


def test_granting_is_for_administrators_at_every_door(alice, bob, staff, admin_user):
    payment = {"user": alice, "email": alice.email, "amount": 5}
    grant = {"user": alice, "amount": 5, "reason": "thanks", "operation": "grant:1"}
    for somebody in (alice, bob, staff):
        with pytest.raises(AdministratorsOnly):
            users.grant_by_card(**payment, by=somebody)
        with pytest.raises(AdministratorsOnly):
            users.grant_tokens(**grant, by=somebody)

    users.grant_tokens(**grant, by=admin_user)

    alice.refresh_from_db()
    assert (alice.token_balance, alice.ledger_entries.count()) == (20, 2)


# GET admin/users


def test_users_are_listed_with_their_tokens(admin, alice, charlie, admin_user):
    answer = admin.get("/api/admin/users")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "count": 3,
        "users": [
            {"id": admin_user.pk, "email": "admin@example.com", "tokens": 15, "is_admin": True},
            {"id": alice.pk, "email": "alice@example.com", "tokens": 15, "is_admin": False},
            {"id": charlie.pk, "email": "charlie@example.com", "tokens": 0, "is_admin": False},
        ],
    }


def test_staff_without_rights_are_not_listed_as_administrators(admin, staff):
    listed = {user["email"]: user["is_admin"] for user in admin.get("/api/admin/users").json()["users"]}

    assert listed == {"admin@example.com": True, "staff@example.com": False}


@pytest.mark.parametrize(("least", "emails"), [("0", 3), ("1", 2), ("15", 2), ("16", 0)])
def test_users_are_filtered_by_their_tokens(admin, alice, charlie, least, emails):
    answer = admin.get("/api/admin/users", {"min_tokens": least})

    assert answer.json()["count"] == len(answer.json()["users"]) == emails


@pytest.mark.parametrize("least", ["many", "-1", "1.5", "9" * 30])
def test_a_least_number_that_is_none_is_400(admin, least):
    answer = admin.get("/api/admin/users", {"min_tokens": least})

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["min_tokens"])


def test_many_users_are_one_query(admin, make_user, django_assert_num_queries):
    for n in range(5):
        make_user(f"user{n}@example.com", tokens=0)

    with django_assert_num_queries(1):
        admin.get("/api/admin/users")


# POST admin/users/{id}/tokens


def grant(client, user, key=None, **changes):
    body = {"email": user.email, "credit_card": CARD, "amount": 20, **changes}
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/api/admin/users/{user.pk}/tokens", body, headers=headers)


def test_tokens_are_granted_for_a_card_payment(admin, admin_user, alice):
    answer = grant(admin, alice, email="Alice@example.com")

    alice.refresh_from_db()
    entry = alice.ledger_entries.get(reason="card payment")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "message": "20 tokens granted.",
        "email": "alice@example.com",
        "amount": 20,
    }
    assert alice.token_balance == 35
    assert (entry.kind, entry.amount, entry.booked_by) == ("grant", 20, admin_user)


def test_a_payment_sent_again_under_its_key_is_booked_once(admin, alice):
    first, again = grant(admin, alice, key="payment-1"), grant(admin, alice, key="payment-1")

    alice.refresh_from_db()
    assert alice.token_balance == 35
    assert (again.status_code, again.json()) == (200, first.json())
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_another_payment_under_the_same_key_is_refused(admin, alice, bob):
    grant(admin, alice, key="payment-1")

    for other in (grant(admin, alice, key="payment-1", amount=21), grant(admin, bob, key="payment-1")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert grant(admin, alice, key="payment-2").status_code == 200
    alice.refresh_from_db()
    assert alice.token_balance == 55


def test_a_refused_payment_does_not_use_up_its_key(admin, alice):
    assert grant(admin, alice, key="payment-1", email="bob@example.com").status_code == 400
    assert grant(admin, alice, key="payment-1", amount=10**12).status_code == 400

    assert grant(admin, alice, key="payment-1").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_payment_sent_ten_times_at_once_is_booked_once(api_as, admin_user, alice, at_once):
    answers = at_once(lambda: grant(api_as(admin_user), alice, key="payment-1"), times=10)

    alice.refresh_from_db()
    assert alice.token_balance == 35
    assert {(answer.status_code, answer.json()["amount"]) for answer in answers} == {(200, 20)}
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 9


def test_the_fingerprint_of_a_payment_holds_nothing_of_the_card(admin, alice):
    """Sixteen digits are soon guessed from a checksum."""
    grant(admin, alice, key="payment-1")

    again = grant(admin, alice, key="payment-1", credit_card="5105105105105100")

    assert again.headers["Idempotency-Replayed"] == "true"


def test_the_schema_names_the_key_of_a_payment(api):
    schema = api.get("/api/schema?format=json").json()

    parameters = schema["paths"]["/api/admin/users/{user_id}/tokens"]["post"]["parameters"]
    assert "Idempotency-Key" in [parameter["name"] for parameter in parameters]


def test_the_card_number_is_in_no_row_and_no_log(admin, alice, caplog, capsys):
    connection.force_debug_cursor = True
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="django.db.backends"):
        grant(admin, alice)
        grant(admin, alice, key="payment-1")
        grant(admin, alice, amount=0)
        grant(admin, alice, credit_card=CARD * 5)
    connection.force_debug_cursor = False

    assert "INSERT INTO" in caplog.text
    assert CARD not in caplog.text + "".join(capsys.readouterr())
    for table in connection.introspection.table_names():
        assert CARD not in str(rows_of(table)), table


def rows_of(table):
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')
        return cursor.fetchall()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "bob@example.com"}, "email"),
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "many"}, "amount"),
        ({"amount": 10**12}, "amount"),
        ({"amount": 10**30}, "amount"),
        ({"credit_card": ""}, "credit_card"),
        ({"credit_card": [CARD]}, "credit_card"),
    ],
)
def test_a_payment_that_does_not_fit_books_nothing(admin, alice, changes, field):
    answer = grant(admin, alice, **changes)

    alice.refresh_from_db()
    assert answer.status_code == 400
    assert field in answer.json()["fields"]
    assert CARD not in answer.content.decode()
    assert alice.token_balance == 15
    assert alice.ledger_entries.count() == 1


def test_an_unknown_user_is_404(admin, alice):
    alice.pk = 9_999

    assert grant(admin, alice).status_code == 404


# POST admin/users/{id}/reset_password


def test_an_administrator_sets_a_password(admin, alice, log_in, bearer):
    old = bearer(log_in(alice)["access"])

    answer = admin.post(
        f"/api/admin/users/{alice.pk}/reset_password",
        {"email": "alice@example.com", "new_password": NEW_PASSWORD},
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert old.get("/api/user/tokens").status_code == 401
    assert log_in(alice, NEW_PASSWORD)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"email": "bob@example.com"}, "email"), ({"new_password": "short"}, "new_password")],
)
def test_a_password_that_does_not_fit_is_not_set(admin, alice, log_in, changes, field):
    body = {"email": "alice@example.com", "new_password": NEW_PASSWORD, **changes}

    answer = admin.post(f"/api/admin/users/{alice.pk}/reset_password", body)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert log_in(alice, PASSWORD)


# Removing


def by_id_in_body(client, user_id):
    return client.delete("/api/user/remove_user", {"user_id": user_id})


def by_id_in_query(client, user_id):
    return client.delete(f"/api/user/remove_user?user_id={user_id}")


def by_path(client, user_id):
    return client.delete(f"/api/admin/users/{user_id}")


removals = pytest.mark.parametrize("remove", [by_id_in_body, by_id_in_query, by_path])


@removals
def test_a_user_is_removed_and_the_ledger_stays(admin, alice, remove):
    answer = remove(admin, alice.pk)

    assert answer.status_code == 200
    assert answer.json() == {"status": "success", "message": "alice@example.com is removed."}
    gone = User.objects.get(pk=alice.pk)
    assert gone.email == f"removed-{alice.pk}@removed.invalid"
    assert gone.removed_at is not None
    assert not (gone.is_active or gone.has_usable_password() or gone.last_login)
    assert gone.token_balance == gone.ledger_entries.get().amount == 15


@removals
def test_the_other_apps_erase_what_they_have_after_the_account_is_closed(admin, alice, remove):
    remove(admin, alice.pk)

    assert erased == [(alice.pk, "alice@example.com", False)]


@removals
def test_nobody_removes_themselves(admin, admin_user, remove):
    answer = remove(admin, admin_user.pk)

    assert (answer.status_code, answer.json()["code"]) == (403, "cannot_remove_yourself")
    assert not erased


@removals
@pytest.mark.parametrize("user_id", [9_999, 2**63 - 1])
def test_who_is_not_there_cannot_be_removed(admin, remove, user_id):
    assert remove(admin, user_id).status_code == 404


@removals
def test_who_is_removed_is_not_there(admin, alice, remove):
    remove(admin, alice.pk)

    assert remove(admin, alice.pk).status_code == 404
    assert len(erased) == 1


@pytest.mark.parametrize(
    "body", [{}, {"user_id": None}, {"user_id": "x"}, {"user_id": [1]}, {"user_id": 10**30}]
)
def test_an_id_that_is_none_is_400(admin, body):
    answer = admin.delete("/api/user/remove_user", body)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["user_id"])


def test_a_removed_email_address_is_free_again(admin, alice):
    by_path(admin, alice.pk)

    answer = APIClient().post("/api/user/create", {"email": "alice@example.com", "pwd": NEW_PASSWORD})

    assert answer.status_code == 200


def test_a_removed_administrator_has_no_rights_left(admin, make_user):
    other = make_user("other@example.com", is_staff=True, is_superuser=True)

    by_path(admin, other.pk)

    gone = User.objects.get(pk=other.pk)
    assert not (gone.is_staff or gone.is_superuser)


def test_the_email_address_of_a_removed_user_is_nowhere(admin, admin_user, alice, log_in):
    log_in(alice)
    AccessAttempt.objects.create(username=alice.email, ip_address="192.0.2.7", failures_since_start=1)
    LogEntry.objects.create(
        user=admin_user,
        content_type=ContentType.objects.get_for_model(User),
        object_id=alice.pk,
        object_repr=alice.email,
        action_flag=CHANGE,
    )

    by_path(admin, alice.pk)

    for table in connection.introspection.table_names():
        assert "alice@" not in str(rows_of(table)), table


def test_a_removal_that_was_interrupted_goes_on_where_it_stopped(admin_user, alice, settings):
    settings.ACCOUNT_REMOVAL_HOOKS = [f"{__name__}.stumble"]
    with pytest.raises(OSError, match="disk"):
        users.remove_user(user=alice, by=admin_user)
    halfway = User.objects.get(pk=alice.pk)
    settings.ACCOUNT_REMOVAL_HOOKS = [f"{__name__}.note_erased"]

    users.remove_user(user=halfway, by=admin_user)

    assert (halfway.is_active, erased[0][0]) == (False, alice.pk)
    assert User.objects.get(pk=alice.pk).removed_at is not None


def stumble(owner):
    raise OSError("disk")
