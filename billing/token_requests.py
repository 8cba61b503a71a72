"""Requests for more tokens: a user asks, an administrator grants or declines, and both are told by e-mail."""

from datetime import timedelta
from urllib.parse import urljoin

from django.contrib.auth import get_user_model
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from billing.models import TokenRequest
from billing.operations import check_amount, grant, hold_account
from mlplatform.core import mails
from mlplatform.core.errors import Conflict, Forbidden, InvalidInput, NotFound, TooManyRequests
from mlplatform.core.text import plural

REQUESTS_PER_DAY_MAX = 5
REASON_CHARACTERS_MAX = NOTE_CHARACTERS_MAX = 500
ADMINISTRATORS_MAILED_MAX = 20
Status = TokenRequest.Status


class RequestAlreadyOpen(Conflict):
    code = "token_request_open"
    message = "You have an open request already. Wait for the decision, or withdraw it first."


class TooManyTokenRequests(TooManyRequests):
    code = "too_many_token_requests"

    def __init__(self):
        message = f"You can request tokens up to {REQUESTS_PER_DAY_MAX} times a day. Try again tomorrow."
        super().__init__(message, retry_after_seconds=86_400)


class RequestEnded(Conflict):
    """It was already granted, declined or withdrawn; nothing is changed."""

    code = "token_request_ended"


class DecidedByAdministrators(Forbidden):
    message = "Only administrators can grant or decline requests for tokens."


def request_tokens(*, user, amount: int, reason: str, site_url: str) -> TokenRequest:
    """Asks the administrators for tokens. One request of an account is open at a time."""
    check_amount(amount)
    _check_length("reason", reason, REASON_CHARACTERS_MAX, least=1)
    with transaction.atomic():
        hold_account(user=user)  # requests at once count each other, and none outlives the account
        _check_may_request(user)
        request = user.token_requests.create(amount=amount, reason=reason.strip())
    _mail_administrators(request, site_url)
    return request


def withdraw_request(*, request: TokenRequest) -> TokenRequest:
    """Withdrawn twice it stays withdrawn; a request that was decided stays as it is."""
    is_new = _end(request, Status.WITHDRAWN)
    _check_outcome(request, is_new or request.status == Status.WITHDRAWN)
    return request


def grant_request(
    *, request: TokenRequest, by, amount: int | None = None, note="", site_url=""
) -> TokenRequest:
    """Books `amount`, or what was asked for. Granted again, nothing more is booked.

    `by` is None for whoever runs a command on the server.
    """
    amount = request.amount if amount is None else amount
    check_amount(amount)
    _check_decision(by, note)
    with transaction.atomic():
        hold_account(user=request.account)
        is_new = _end(request, Status.GRANTED, amount_granted=amount, note=note.strip(), decided_by=by)
        if is_new:
            grant(
                user=request.account,
                amount=amount,
                reason="tokens requested",
                reference=request.reference,
                operation=f"{request.reference}:grant",
                by=by,
            )
    _check_outcome(request, is_new or (request.status == Status.GRANTED and request.amount_granted == amount))
    if is_new:
        _mail_decision(request, site_url)
    return request


def decline_request(*, request: TokenRequest, by, note="", site_url="") -> TokenRequest:
    _check_decision(by, note)
    is_new = _end(request, Status.DECLINED, note=note.strip(), decided_by=by)
    _check_outcome(request, is_new or request.status == Status.DECLINED)
    if is_new:
        _mail_decision(request, site_url)
    return request


def erase_requests_of(*, owner) -> None:
    """For a user who is removed. What was granted stays in the ledger."""
    TokenRequest.objects.filter(account_id=owner.pk).delete()


def _check_may_request(user) -> None:
    if user.token_requests.open().exists():
        raise RequestAlreadyOpen
    yesterday = timezone.now() - timedelta(days=1)
    if user.token_requests.filter(created_at__gt=yesterday).count() >= REQUESTS_PER_DAY_MAX:
        raise TooManyTokenRequests


def _check_decision(by, note) -> None:
    if by is not None and not by.is_administrator:
        raise DecidedByAdministrators
    _check_length("note", note, NOTE_CHARACTERS_MAX)


def _check_length(field: str, text: str, most: int, *, least: int = 0) -> None:
    if not least <= len(text.strip()) <= most:
        length = f"{least} to {most}" if least else f"at most {most}"
        raise InvalidInput(f"Enter a {field} of {length} characters.", field=field)


def _end(request: TokenRequest, status: Status, **values) -> bool:
    """Whether the request was open. Of two decisions at once one wins."""
    open_request = TokenRequest.objects.open().filter(pk=request.pk)
    is_new = bool(open_request.update(status=status, ended_at=timezone.now(), **values))
    try:
        request.refresh_from_db(fields=["status", "ended_at", "amount_granted", "note", "decided_by"])
    except TokenRequest.DoesNotExist:
        raise NotFound("This request was just deleted, with its account.") from None
    return is_new


def _check_outcome(request: TokenRequest, is_as_asked: bool) -> None:
    if not is_as_asked:
        granted = f", with {plural(request.amount_granted, 'token')}" if request.amount_granted else ""
        raise RequestEnded(f"This request was already {request.status}{granted}.")


def _mail_administrators(request: TokenRequest, site_url: str) -> None:
    administrators = get_user_model().objects.administrators().values_list("email", flat=True)
    to = list(administrators[:ADMINISTRATORS_MAILED_MAX])
    path = reverse("admin:billing_tokenrequest_change", args=[request.pk])
    context = {"request": request, "email": request.account.email, "link": urljoin(site_url, path)}
    subject = f"{request.account.email} requests {plural(request.amount, 'token')}"
    mails.send_later("billing/mails/token_request.txt", context, subject=subject, to=to)


def _mail_decision(request: TokenRequest, site_url: str) -> None:
    """To the user. A command has no `site_url`, so its e-mails have no link."""
    link = site_url and urljoin(site_url, reverse("billing:tokens"))
    granted = plural(request.amount_granted, "token") if request.amount_granted else ""
    subject = f"You received {granted}" if granted else "Your request for tokens was declined"
    context = {"request": request, "granted": granted, "link": link}
    mails.send_later("billing/mails/token_decision.txt", context, subject=subject, to=[request.account.email])
