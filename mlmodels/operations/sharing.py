"""Sharing a model with another account, and its report by a link."""

import hashlib
import secrets
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.urls import reverse
from django.utils import timezone

from billing import operations as billing
from mlmodels.errors import RoomExceeded
from mlmodels.limits import REPORT_LINKS_MAX, SHARES_MAX, SHARES_PER_DAY_MAX
from mlmodels.models import ModelShare, ReportLink, TrainedModel
from mlplatform.core import mails
from mlplatform.core.errors import InvalidInput, NotFound, TooManyRequests
from mlplatform.core.transactions import atomic_with_retry

TOKEN_BYTES = 32


def share_model(*, model: TrainedModel, email: str, site_url: str) -> ModelShare:
    """Lets the account with this e-mail address read the model and predict with it, at its own expense.

    The answer does not tell whether there is such an account; if there is, it gets an e-mail.
    """
    users = get_user_model().objects
    email = users.normalize_email(email)
    _check_email(email, model.owner)
    account = users.with_email(email).filter(is_active=True).first()
    share = _add_share(model, email, account)
    link = urljoin(site_url, reverse("mlmodels:model", args=[model.name]))
    context = {"model": model, "owner": model.owner.email, "link": link}
    subject = f"{model.owner.email} has shared a model with you"
    mails.send_later("mlmodels/mails/shared.txt", context, subject=subject, to=[email] if account else [])
    return share


def create_report_link(*, model: TrainedModel, expires_at: datetime | None = None) -> tuple[ReportLink, str]:
    """The new link and its token, which is not stored and cannot be shown again."""
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput("Choose a time in the future.", field="expires_at")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return _add_link(model, hash=_hash_of(token), expires_at=expires_at), token


def model_of_report_link(*, token: str) -> TrainedModel:
    """The same refusal for a link that was revoked, has expired, or never was."""
    links = ReportLink.objects.open().select_related("model")
    link = links.filter(hash=_hash_of(token)).first()
    if link is None:
        raise NotFound("This link has expired or was revoked.")
    return link.model


def end_shares_with(*, account) -> None:
    """For an account that is closed. The owners of the models still see the shares."""
    ModelShare.objects.filter(shared_with=account).update(shared_with=None)


@atomic_with_retry
def _add_share(model: TrainedModel, email: str, account) -> ModelShare:
    _hold(model)
    open_shares = ModelShare.objects.filter(model=model).unrevoked()
    if share := open_shares.filter(email=email).first():
        if share.shared_with != account:  # it has an account by now, or another one
            share.shared_with = account
            share.save(update_fields=["shared_with"])
        return share
    if open_shares.count() >= SHARES_MAX:
        raise RoomExceeded(f"This model is shared {SHARES_MAX} times, the most allowed. Revoke one first.")
    yesterday = timezone.now() - timedelta(days=1)
    of_owner = ModelShare.objects.filter(model__owner_id=model.owner_id, created_at__gt=yesterday)
    if of_owner.count() >= SHARES_PER_DAY_MAX:
        raise TooManyRequests(
            f"You can share models {SHARES_PER_DAY_MAX} times a day. Try again tomorrow.",
            retry_after_seconds=86_400,
        )
    return ModelShare.objects.create(model=model, email=email, shared_with=account)


@atomic_with_retry
def _add_link(model: TrainedModel, **values) -> ReportLink:
    _hold(model)
    if ReportLink.objects.filter(model=model).open().count() >= REPORT_LINKS_MAX:
        raise RoomExceeded(f"This model has {REPORT_LINKS_MAX} links, the most allowed. Revoke one first.")
    return ReportLink.objects.create(model=model, **values)


def _hold(model: TrainedModel) -> None:
    """Locks the owner's account until the transaction ends, so that the model is not deleted meanwhile."""
    billing.lock_account(account_id=model.owner_id)
    if not TrainedModel.objects.filter(pk=model.pk).exists():
        raise NotFound("This model was just deleted.")


def _check_email(email: str, owner) -> None:
    try:
        validate_email(email)
    except ValidationError:
        message = "Enter a valid e-mail address, such as name@example.com."
        raise InvalidInput(message, field="email") from None
    if email == owner.email:
        raise InvalidInput("This is your own address.", field="email")


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
