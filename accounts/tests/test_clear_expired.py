"""What has expired is cleared by housekeeping, whether or not anybody logs in again."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import limits
from accounts.models import LimitWindow, TokenFamily
from accounts.operations import sign_in
from accounts.operations.keys import create_key

pytestmark = pytest.mark.django_db


def leave_traces(user, log_in, pages_of):
    """A session, a token family, a limit window and a failed log-in."""
    pages_of(user)
    log_in(user)
    limits.count("test", caller="192.0.2.7", limit=5)
    AccessAttempt.objects.create(username=user.email, ip_address="192.0.2.7", failures_since_start=1)


def kept():
    return [model.objects.count() for model in (Session, TokenFamily, LimitWindow, AccessAttempt)]


def test_what_has_expired_goes_and_the_rest_stays(alice, bob, log_in, pages_of, time_machine, guarded):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    leave_traces(alice, log_in, pages_of)
    before = kept()
    time_machine.move_to("2026-03-20T10:00:00Z", tick=False)
    leave_traces(bob, log_in, pages_of)
    old = AccessAttempt.objects.create(username="x", ip_address="192.0.2.7", failures_since_start=1)
    AccessAttempt.objects.filter(pk=old.pk).update(attempt_time=timezone.now() - timedelta(hours=1))

    cleared = sign_in.clear_expired()

    assert cleared == {
        "sessions": before[0],
        "token_families": 1,
        "limit_windows": before[2],
        "log_in_failures": 1,
        "keys": 0,
    }
    assert TokenFamily.objects.get().user == bob
    assert AccessAttempt.objects.get().username == bob.email
    assert sign_in.clear_expired() == dict.fromkeys(cleared, 0)


def test_keys_go_a_month_after_their_end(alice, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    for name, expires_at in [
        ("expired", timezone.now() + timedelta(days=1)),
        ("revoked", None),
        ("open", None),
    ]:
        create_key(owner=alice, name=name, scope="all", expires_at=expires_at)
    alice.api_keys.filter(name="revoked").revoke()
    counts = []

    for day in (
        "2026-03-31T09:00:00Z",
        "2026-03-31T11:00:00Z",
        "2026-04-02T11:00:00Z",
        "2027-04-02T11:00:00Z",
    ):
        time_machine.move_to(day, tick=False)
        counts.append(sign_in.clear_expired()["keys"])

    assert counts == [0, 1, 1, 0]
    assert alice.api_keys.get().name == "open"


def test_what_has_not_expired_still_works(alice, log_in, pages_of, guarded):
    leave_traces(alice, log_in, pages_of)
    before = kept()

    sign_in.clear_expired()

    assert kept() == before
