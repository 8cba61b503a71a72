"""Limits on requests without a log-in: counted in the database, so that all processes share them."""

import math
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import LimitWindow
from mlplatform.core.errors import TooManyRequests

EMAIL_CHARACTERS_MAX = 254
PASSWORD_CHARACTERS_MAX = 1_000
KEY_NAME_CHARACTERS_MAX = 100

OPEN_KEYS_MAX = 20
NEW_KEYS_PER_DAY_MAX = 100

WINDOW_SECONDS = 3_600
# Generous, because a class or an office signs up from one IP address
SIGN_UPS_PER_IP_ADDRESS = 100
RESET_REQUESTS_PER_IP_ADDRESS = 60
RESET_MAILS_PER_MAILBOX = 5
FAILED_LOG_INS_PER_IP_ADDRESS = 100
UNKNOWN_KEYS_PER_IP_ADDRESS = 100

REMEMBERED_CALLERS_MAX = 5_000  # per process


def count(action: str, *, caller: str | None, limit: int) -> None:
    """Counts one `action` of `caller` in the current hour; raises TooManyRequests past the limit."""
    if not settings.THROTTLING or not caller:
        return
    window, _ = LimitWindow.objects.get_or_create(**current_window(action, caller))
    if not LimitWindow.objects.filter(pk=window.pk, times__lt=limit).update(times=F("times") + 1):
        raise TooManyRequests(
            "Too many requests from your IP address. Try again later.",
            retry_after_seconds=max(1, math.ceil((window.ends_at - timezone.now()).total_seconds())),
        )


def take_back(action: str, *, caller: str | None) -> None:
    """Undoes one `count`."""
    if settings.THROTTLING and caller:
        windows = LimitWindow.objects.filter(**current_window(action, caller))
        windows.filter(times__gt=0).update(times=F("times") - 1)


def current_window(action, caller) -> dict:
    ends_at = (timezone.now().timestamp() // WINDOW_SECONDS + 1) * WINDOW_SECONDS
    return {
        "action": action,
        "caller": salted_hmac("accounts.limits", caller).hexdigest(),
        "ends_at": datetime.fromtimestamp(ends_at, UTC),
    }
