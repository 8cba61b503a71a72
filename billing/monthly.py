"""The grant of every month, for every open account."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from billing.models import LedgerEntry
from billing.operations import grant

ACCOUNTS_AT_ONCE = 100  # of one transaction, which holds their locks


def grant_monthly_tokens() -> int:
    """Grants MONTHLY_TOKENS to each open account that has not had them this month; returns to how many.

    Accounts opened this month have the welcome grant instead. It is called every day, can be stopped and
    repeated, and can run twice at the same time.
    """
    if not settings.MONTHLY_TOKENS:
        return 0
    granted = last = 0
    while accounts := _grant_to_next(last):
        granted += len(accounts)
        last = accounts[-1].pk
    return granted


@transaction.atomic
def _grant_to_next(last: int) -> list:
    """The accounts are locked, so that none is closed before it gets its tokens."""
    now = timezone.localtime()
    month = f"{now:%Y-%m}"
    first_day = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    operation = Concat(Value("monthly:"), Cast(OuterRef("pk"), CharField()), Value(f":{month}"))
    granted = LedgerEntry.objects.filter(operation=operation)
    waiting = get_user_model().objects.filter(
        ~Exists(granted), pk__gt=last, is_active=True, joined_at__lt=first_day
    )
    locked = waiting.order_by("pk").select_for_update(no_key=True)
    accounts = list(locked.only("pk")[:ACCOUNTS_AT_ONCE])
    for account in accounts:
        grant(
            user=account,
            amount=settings.MONTHLY_TOKENS,
            reason=f"monthly tokens {month}",
            operation=f"monthly:{account.pk}:{month}",
        )
    return accounts
