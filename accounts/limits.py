"""How often somebody who is not signed in may do what: counted in the database, so that no race gets past."""

import math
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import LimitWindow
from mlplatform.core.errors import TooManyRequests

EMAIL_CHARACTERS_MAX = 254
PASSWORD_CHARACTERS_MAX = 1_000

SPAN = timedelta(hours=1)
# Generous, because a class or an office signs up from one address
SIGN_UPS_PER_IP_ADDRESS = 100
RESET_REQUESTS_PER_IP_ADDRESS = 60
RESET_MAILS_PER_MAILBOX = 5
FAILED_LOG_INS_PER_IP_ADDRESS = 100


def count(action: str, *, caller: str | None, limit: int) -> None:
    """Count one `action` of `caller` in the running hour; TooManyRequests past the limit."""
    if not settings.THROTTLING or not caller:
        return
    now = timezone.now()
    window, _ = LimitWindow.objects.get_or_create(**window_of(action, caller, now))
    if not LimitWindow.objects.filter(pk=window.pk, times__lt=limit).update(times=F("times") + 1):
        raise TooManyRequests(
            "Too many requests from your IP address. Try again later.",
            retry_after_seconds=math.ceil((window.ends_at - now).total_seconds()),
        )


def take_back(action: str, *, caller: str | None) -> None:
    """Uncount what `count` counted in advance."""
    if settings.THROTTLING and caller:
        window = window_of(action, caller, timezone.now())
        LimitWindow.objects.filter(**window, times__gt=0).update(times=F("times") - 1)


def window_of(action, caller, now) -> dict:
    return {
        "action": action,
        "caller": salted_hmac("accounts.limits", caller).hexdigest(),
        "ends_at": span_end(now),
    }


def span_end(now: datetime) -> datetime:
    spans = now.timestamp() // SPAN.total_seconds() + 1
    return datetime.fromtimestamp(spans * SPAN.total_seconds(), UTC)
