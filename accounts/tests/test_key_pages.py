"""Keys for scripts at /accounts/keys/, in the admin, and by command."""

import io
import re
import zipfile
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import limits
from accounts.models import ApiKey
from accounts.operations import keys

pytestmark = pytest.mark.django_db

PAGE = "/accounts/keys/"
ADMIN = "/admin/accounts/apikey/"
BALANCE = "/api/user/tokens"


def new_key(owner, name="nightly report", **more):
    key, _ = keys.create_key(owner=owner, name=name, **{"scope": "all"} | more)
    return key


def text_of(answer) -> str:
    return answer.content.decode()


def key_in(text: str) -> str:
    return re.search(r"mlp_[0-9a-f]{64}", text)[0]


# The page


def test_a_key_is_created_on_the_page_and_shown_once(alice, pages_of, bearer):
    client = pages_of(alice)

    created = client.post(PAGE, {"name": "nightly report", "scope": "all", "expires_at": "never"})
    again = client.get(PAGE)

    key = key_in(text_of(created))
    assert created.status_code == 200
    assert "no-store" in created["Cache-Control"]
    assert bearer(key).get(BALANCE).status_code == 200
    assert key not in text_of(again)
    assert "nightly report" in text_of(again)
    assert f"{key[:12]}…" in text_of(again)
    assert key not in str(client.session.items())


@pytest.mark.parametrize(
    ("choice", "expires_at"),
    [("30", "2026-03-31"), ("90", "2026-05-30"), ("365", "2027-03-01"), ("never", None)],
)
def test_a_key_expires_when_it_was_said(alice, pages_of, time_machine, choice, expires_at):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)

    pages_of(alice).post(PAGE, {"name": "x", "scope": "predict", "expires_at": choice})

    key = alice.api_keys.get()
    assert key.scope == "predict"
    assert (key.expires_at and f"{key.expires_at:%Y-%m-%d}") == expires_at


def test_the_form_offers_the_least_at_first(alice, pages_of):
    page = text_of(pages_of(alice).get(PAGE))

    assert page.index('<option value="predict">') < page.index('<option value="all">')
    assert '<option value="90" selected>' in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"scope": "admin"}, "not one of the available choices"),
        ({"expires_at": "31"}, "not one of the available choices"),
        ({"expires_at": ""}, "This field is required."),
    ],
)
def test_a_key_that_cannot_be_is_refused_at_its_field(alice, pages_of, fields, words):
    answer = pages_of(alice).post(PAGE, {"name": "x", "scope": "all", "expires_at": "never"} | fields)

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not ApiKey.objects.exists()


def test_whoever_has_the_most_keys_is_told_to_revoke_one(alice, pages_of):
    for n in range(limits.OPEN_KEYS_MAX):
        new_key(alice, name=f"script {n}")

    answer = pages_of(alice).post(PAGE, {"name": "one more", "scope": "all", "expires_at": "never"})

    assert answer.status_code == 422
    assert "You have 20 keys, the most allowed. Revoke one" in text_of(answer)


def test_the_list_says_when_each_key_was_used_and_whether_it_expired(alice, pages_of):
    new_key(alice, name="unused")
    used = new_key(alice, name="used")
    ApiKey.objects.filter(pk=used.pk).update(last_used_at=timezone.now() - timedelta(hours=3))
    expired = new_key(alice, name="old")
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))

    page = text_of(pages_of(alice).get(PAGE))

    assert ">never<" in page
    assert "3\xa0hours ago" in page
    assert "Expired" in page


def test_the_day_a_key_expires_is_written_for_its_reader(alice, pages_of, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    client = pages_of(alice)
    client.post(PAGE, {"name": "x", "scope": "predict", "expires_at": "30"})

    page = text_of(client.get(PAGE, headers={"accept-language": "en"}))

    assert "March 31, 2026" in page
    assert "2026-03-31" not in page


def test_the_page_takes_as_many_queries_for_many_keys_as_for_one(
    alice, pages_of, django_assert_max_num_queries
):
    for n in range(15):
        new_key(alice, name=f"script {n}")
    client = pages_of(alice)

    with django_assert_max_num_queries(4):
        assert "script 14" in text_of(client.get(PAGE))


def test_revoking_asks_first_and_ends_one_key(alice, pages_of):
    key, other = new_key(alice), new_key(alice, name="other")
    client = pages_of(alice)

    asked = client.get(f"{PAGE}{key.pk}/revoke/")
    still_open = alice.api_keys.open().count()
    revoked = client.post(f"{PAGE}{key.pk}/revoke/", follow=True)

    assert "Revoke nightly report?" in text_of(asked)
    assert still_open == 2
    assert "1 key revoked." in text_of(revoked)
    assert list(alice.api_keys.open()) == [other]
    assert client.post(f"{PAGE}{key.pk}/revoke/").status_code == 404


def test_all_keys_are_revoked_at_once(alice, bob, pages_of):
    new_key(alice), new_key(alice), new_key(bob)
    client = pages_of(alice)

    asked = client.get(f"{PAGE}revoke/")
    revoked = client.post(f"{PAGE}revoke/", follow=True)

    assert "Revoke all 2 keys?" in text_of(asked)
    assert "2 keys revoked." in text_of(revoked)
    assert "No keys yet." in text_of(revoked)
    assert (alice.api_keys.open().count(), bob.api_keys.open().count()) == (0, 1)


@pytest.mark.parametrize("method", ["get", "post"])
def test_anothers_key_is_a_404(alice, bob, pages_of, method):
    key = new_key(alice)

    answer = getattr(pages_of(bob), method)(f"{PAGE}{key.pk}/revoke/")

    assert answer.status_code == 404
    assert alice.api_keys.open().count() == 1
    assert key.prefix not in text_of(pages_of(bob).get(PAGE))


@pytest.mark.parametrize(
    "path", [PAGE, f"{PAGE}revoke/", f"{PAGE}00000000-0000-4000-8000-000000000000/revoke/"]
)
def test_the_pages_are_private(client, path):
    assert client.get(path).url == f"/accounts/login/?next={path}"


def test_a_name_full_of_markup_is_shown_as_it_is(alice, pages_of):
    new_key(alice, name="<script>alert(1)</script>")

    page = text_of(pages_of(alice).get(PAGE))

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_account_leads_to_the_keys_and_says_that_they_outlive_a_password(alice, pages_of):
    page = text_of(pages_of(alice).get("/accounts/"))

    assert f'href="{PAGE}"' in page
    assert "keep working" in page


def test_the_export_tells_of_keys_without_what_they_are(alice, pages_of):
    key = new_key(alice)

    with zipfile.ZipFile(io.BytesIO(pages_of(alice).get("/accounts/export/").getvalue())) as archive:
        exported = archive.read("account.json").decode()

    assert "nightly report" in exported
    assert key.hash not in exported


# The admin


@pytest.fixture
def admin(admin_user, pages_of):
    return pages_of(admin_user)


def test_an_administrator_sees_and_revokes_keys(alice, admin):
    key = new_key(alice)

    listed = admin.get(ADMIN, {"q": alice.email})
    shown = admin.get(f"{ADMIN}{key.pk}/change/")
    revoked = admin.post(ADMIN, {"action": "revoke_keys", "_selected_action": [str(key.pk)]}, follow=True)

    assert str(key.prefix) in text_of(listed)
    assert key.hash not in text_of(listed) + text_of(shown)
    assert "1 key revoked." in text_of(revoked)
    assert not alice.api_keys.open().exists()
    assert LogEntry.objects.get().object_repr == f"{key.prefix}…"


def test_the_page_of_a_user_leads_to_their_keys(alice, bob, admin):
    new_key(alice), new_key(bob, name="another's")

    page = text_of(admin.get(f"/admin/accounts/user/{alice.pk}/change/"))
    listed = text_of(admin.get(re.search(r'href="([^"]+)">keys</a>: 1', page)[1]))

    assert "nightly report" in listed
    assert "another's" not in listed


@pytest.mark.parametrize("path", ["add/", "{key}/delete/"])
def test_keys_are_neither_added_nor_deleted_there(alice, admin, path):
    key = new_key(alice)

    assert admin.get(ADMIN + path.format(key=key.pk)).status_code == 403


def test_staff_who_may_look_cannot_revoke(alice, make_user, pages_of):
    from django.contrib.auth.models import Permission

    clerk, key = make_user("clerk@example.com", is_staff=True), new_key(alice)
    clerk.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client = pages_of(clerk)

    client.post(ADMIN, {"action": "revoke_keys", "_selected_action": [str(key.pk)]})

    assert key.prefix in text_of(client.get(ADMIN))
    assert alice.api_keys.open().exists()


# The commands


def run(*arguments, **options):
    """What the command prints, and what it notes beside."""
    said, noted = StringIO(), StringIO()
    words = [f"--{name}={value}" for name, value in options.items()]
    call_command(*arguments, *words, stdout=said, stderr=noted)
    return said.getvalue(), noted.getvalue()


def test_the_command_prints_the_key_alone_so_that_a_script_can_take_it(alice, bearer):
    said, noted = run("create_key", "Alice@example.com", name="cron", scope="predict", expires="2099-12-31")

    text = said.removesuffix("\n")
    key = alice.api_keys.get()
    assert text == key_in(said)
    assert (key.name, key.scope, key.expires_at.isoformat()) == (
        "cron",
        "predict",
        "2099-12-31T00:00:00+00:00",
    )
    assert key.prefix in noted and text not in noted
    assert bearer(text).get(BALANCE).json()["code"] == "key_scope"


@pytest.mark.parametrize("expires", ["tomorrow", "2027-13-01", ""])
def test_a_date_that_is_none_is_wrong_usage(alice, expires):
    with pytest.raises(CommandError, match="enter a date"):
        run("create_key", alice.email, name="x", scope="all", expires=expires)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"expires": "2020-01-01"}, "in the future"), ({"name": " "}, "1 to 100 characters")],
)
def test_the_command_says_why_a_key_cannot_be(alice, options, words):
    with pytest.raises(CommandError, match=words):
        run("create_key", alice.email, **{"name": "x", "scope": "all"} | options)

    assert not ApiKey.objects.exists()


def test_a_closed_account_gets_no_key(alice):
    type(alice).objects.update(is_active=False)

    with pytest.raises(CommandError, match="closed"):
        run("create_key", alice.email, name="x", scope="all")


def test_the_command_revokes_one_key_or_all(alice):
    key = new_key(alice)
    new_key(alice), new_key(alice)

    one, _ = run("revoke_keys", alice.email, key=key.prefix)
    rest, _ = run("revoke_keys", alice.email)

    assert (one, rest) == ("alice@example.com: 1 key revoked.\n", "alice@example.com: 2 keys revoked.\n")
    assert not alice.api_keys.open().exists()


@pytest.mark.parametrize(
    ("email", "prefix"), [("nobody@example.com", "mlp_00000000"), ("alice@example.com", "mlp_00000000")]
)
def test_what_there_is_not_cannot_be_revoked(alice, email, prefix):
    with pytest.raises(CommandError) as refused:
        run("revoke_keys", email, key=prefix)

    assert refused.value.returncode == 3
