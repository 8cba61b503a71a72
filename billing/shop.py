"""Grants that a shop sends by webhook, after somebody has paid there."""

import hashlib

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from billing.models import LedgerEntry, ShopEvent
from billing.operations import check_amount, check_reason, grant, hold_account
from mlplatform.core.errors import InvalidInput, NotFound, Unprocessable

EVENT_ID_CHARACTERS_MAX = 64


class EventReused(Unprocessable):
    code = "event_reused"
    message = "This event id was used with another body. Use a new id for a new event."


class NoSuchAccount(NotFound):
    code = "no_such_account"
    message = "There is no open account with this e-mail address."


def grant_from_shop(*, event_id: str, body: bytes, email: str, amount: int, reason: str) -> LedgerEntry:
    """Books the event once. Sent again it returns the same entry; `body` is what was signed."""
    _check_event_id(event_id)
    check_amount(amount)
    check_reason(reason)
    fingerprint = hashlib.sha256(body).hexdigest()
    if earlier := _find(event_id):
        return _checked(earlier, fingerprint)
    account = get_user_model().objects.with_email(email).filter(is_active=True).first()
    if account is None:
        raise NoSuchAccount
    try:
        return _book_once(account, event_id, fingerprint, amount, reason)
    except IntegrityError:  # at the same time, an event with this id was booked for another account
        raise EventReused from None


@transaction.atomic
def _book_once(account, event_id: str, fingerprint: str, amount: int, reason: str) -> LedgerEntry:
    hold_account(user=account)  # of two equal events at once the second waits here
    if earlier := _find(event_id):
        return _checked(earlier, fingerprint)
    event = ShopEvent.objects.create(event_id=event_id, fingerprint=fingerprint)
    booked = {"reference": event.operation, "operation": event.operation}
    return grant(user=account, amount=amount, reason=reason, **booked)


def _check_event_id(event_id: str) -> None:
    is_printable = event_id.isascii() and event_id.isprintable() and " " not in event_id
    if not is_printable or not 1 <= len(event_id) <= EVENT_ID_CHARACTERS_MAX:
        message = f"The id of an event has 1 to {EVENT_ID_CHARACTERS_MAX} printable ASCII characters."
        raise InvalidInput(message, field="webhook-id")


def _find(event_id: str) -> ShopEvent | None:
    return ShopEvent.objects.filter(event_id=event_id).first()


def _checked(event: ShopEvent, fingerprint: str) -> LedgerEntry:
    if event.fingerprint != fingerprint:
        raise EventReused
    return LedgerEntry.objects.get(operation=event.operation)
