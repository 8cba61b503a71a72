"""Checks e-mail address and password for every door, with a lock-out after too many guesses."""

from datetime import timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import limits, lockout
from accounts.errors import LockedOut, WrongCredentials
from accounts.models import ApiKey, LimitWindow, TokenFamily, User

ENDED_KEYS_KEPT_FOR = timedelta(days=30)


def check_credentials(*, email, password, request) -> User:
    """The active user with these credentials; WrongCredentials, or LockedOut after too many failures.

    Failures count per account and IP address, so that nobody can lock out others, and per IP address. Each
    attempt counts before the password is hashed, and is uncounted if it turns out to be no failure.
    """
    failure = {"action": "failed-log-in", "caller": lockout.client_ip_address(request)}
    limits.count(**failure, limit=limits.FAILED_LOG_INS_PER_IP_ADDRESS)
    user = authenticate(request, username=User.objects.normalize_email(email), password=password)
    is_locked_out = user is None and getattr(request, "axes_locked_out", False)
    if user is None and not is_locked_out:
        raise WrongCredentials
    limits.take_back(**failure)
    if is_locked_out:
        raise LockedOut(retry_after_seconds=lockout.seconds_left(request, email))
    return user


def sign_in(*, email, password, request) -> User:
    """`check_credentials` for doors without a session; also forgets failures and stores the time."""
    user = check_credentials(email=email, password=password, request=request)
    user_logged_in.send(sender=User, request=request, user=user)
    return user


def clear_expired() -> dict[str, int]:
    """Deletes expired sessions, token families, limit windows, log-in failures and keys; counts each.

    A key that was revoked or expired is kept for a while, so that an administrator can see what it was.
    """
    now = timezone.now()
    expired = {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "token_families": TokenFamily.objects.filter(expires_at__lte=now),
        "limit_windows": LimitWindow.objects.filter(ends_at__lte=now),
        "log_in_failures": AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME),
        "keys": ApiKey.objects.ended_before(now - ENDED_KEYS_KEPT_FOR),
    }
    return {name: rows.delete()[0] for name, rows in expired.items()}
