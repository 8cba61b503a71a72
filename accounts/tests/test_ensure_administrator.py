from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.operations import users

pytestmark = pytest.mark.django_db

PASSWORD = "a long pass phrase 17"


def start_up():
    said = StringIO()
    call_command("ensure_administrator", stdout=said, stderr=said)
    return said.getvalue()


@pytest.fixture(autouse=True)
def environment_names_an_administrator(settings):
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "Chief@example.com", PASSWORD


def test_the_administrator_is_made_once():
    first, second = start_up(), start_up()

    chief = User.objects.get()
    assert (first, second) == ("chief@example.com is the administrator.\n", "")
    assert chief.is_staff and chief.is_superuser and chief.check_password(PASSWORD)
    assert chief.token_balance == chief.ledger_entries.get().amount == 15


def test_where_there_is_an_administrator_nothing_happens(admin_user):
    start_up()

    assert User.objects.get() == admin_user


def test_without_email_address_and_password_nothing_happens(settings):
    settings.ADMIN_EMAIL = settings.ADMIN_PASSWORD = ""

    assert start_up() == ""
    assert not User.objects.exists()


@pytest.mark.parametrize("missing", ["ADMIN_EMAIL", "ADMIN_PASSWORD"])
def test_what_is_missing_for_an_administrator_is_said_until_there_is_one(settings, missing, make_user):
    setattr(settings, missing, "")

    assert start_up() == f"No administrator was created: {missing} is not set.\n"
    assert not User.objects.exists()
    make_user("root@example.com", is_staff=True, is_superuser=True)
    assert start_up() == ""


def test_whoever_took_the_email_address_before_loses_access(make_user, log_in, bearer):
    taken = make_user("chief@example.com")
    tokens = log_in(taken)

    start_up()

    taken.refresh_from_db()
    assert taken.is_staff and taken.is_superuser and taken.check_password(PASSWORD)
    assert taken.token_balance == 15
    assert bearer(tokens["access"]).get("/api/user/tokens").status_code == 401


def test_a_removed_administrator_is_none(admin_user, make_user, settings):
    settings.ACCOUNT_REMOVAL_HOOKS = []
    last = make_user("last@example.com", is_staff=True, is_superuser=True)
    users.remove_user(user=admin_user, by=last)
    User.objects.filter(pk=last.pk).update(is_staff=False, is_superuser=False)

    assert start_up() == "chief@example.com is the administrator.\n"


def test_a_weak_password_is_the_operator_s_choice_and_is_logged(settings, caplog):
    settings.ADMIN_PASSWORD = "admin"

    start_up()

    assert User.objects.get().check_password("admin")
    assert "password is weak" in caplog.text
    assert "admin." not in caplog.text.replace("administrator", "")


def test_an_email_address_that_is_none_stops_the_start_with_one_line(settings):
    settings.ADMIN_EMAIL = "chief"

    with pytest.raises(CommandError, match="ADMIN_EMAIL: Enter a valid e-mail address"):
        start_up()


def test_a_deactivated_administrator_does_not_count(admin_user):
    User.objects.filter(pk=admin_user.pk).update(is_active=False)

    assert start_up() == "chief@example.com is the administrator.\n"
    assert User.objects.get(email="chief@example.com").is_administrator
