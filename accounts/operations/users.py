"""Users: sign-up, tokens that an administrator grants, export, and removal."""

import logging
from collections.abc import Iterable, Iterator
from uuid import uuid4

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import errors, limits, lockout
from accounts.models import User
from accounts.operations.passwords import check_password_rules
from billing import operations as billing
from billing.idempotency import claim

logger = logging.getLogger(__name__)

EXPORTED_OF_KEYS = ["name", "prefix", "scope", "created_at", "last_used_at", "expires_at", "revoked_at"]


def register(*, email, password, client_ip_address=None, **fields) -> User:
    """Creates a user with the welcome grant.

    A door that is open to everybody passes `client_ip_address`, which is limited. `fields` are the user's.
    """
    user = User(email=User.objects.normalize_email(email), **fields)
    check_email(user.email)
    check_password_rules(password, user, "password")
    limits.count("sign-up", caller=client_ip_address, limit=limits.SIGN_UPS_PER_IP_ADDRESS)
    if User.objects.filter(email=user.email).exists():
        raise errors.EmailTaken
    user.set_password(password)
    return save_with_welcome_grant(user)


def check_email(email):
    try:
        validate_email(email)
    except ValidationError as error:
        raise errors.InvalidEmail from error
    if not email.isascii() or len(email) > limits.EMAIL_CHARACTERS_MAX:
        raise errors.InvalidEmail


@transaction.atomic
def save_with_welcome_grant(user) -> User:
    """Saves the new user and the grant together. Hashing the password is slow and happens before the lock."""
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise errors.EmailTaken from error
    amount = settings.INITIAL_TOKENS
    billing.grant(user=user, amount=amount, reason="welcome", operation=f"signup:{user.pk}")
    user.refresh_from_db(fields=["token_balance"])
    return user


def ensure_administrator(*, email, password) -> User | None:
    """Creates an administrator unless there is one already, and returns the user or None.

    An existing account with this e-mail address becomes the administrator and gets this password, since
    somebody else may have opened it. A weak password is the operator's choice; it is logged.
    """
    if not (email and password) or User.objects.administrators().exists():
        return None
    user = User.objects.with_email(email).first() or User(email=User.objects.normalize_email(email))
    check_email(user.email)
    try:
        check_password_rules(password, user, "password")
    except errors.WeakPassword as weak:
        logger.warning("The administrator's password is weak: %s", weak)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    if user.pk is None:
        return save_with_welcome_grant(user)
    with transaction.atomic():
        user.token_families.all().delete()
        user.api_keys.revoke()
        user.save(update_fields=["password", "is_staff", "is_superuser", "is_active"])
    return user


def check_is_administrator(by):
    if not by.is_administrator:
        raise errors.AdministratorsOnly


def grant_tokens(*, user, amount, reason, operation, by):
    """Grants tokens on behalf of an administrator; `operation` names the grant, which is booked once."""
    check_is_administrator(by)
    return billing.grant(user=user, amount=amount, reason=reason, operation=operation, by=by)


def grant_by_card(*, user, email, amount, by, idempotency=None, answer=None):
    """Grants tokens that were paid by card. The card is charged elsewhere: its number does not get this far.

    With `idempotency`, `answer` is stored; a repeated request raises RequestRepeated.
    """
    check_is_administrator(by)
    if not user.has_email(email):
        raise errors.WrongEmail
    operation = f"card:{uuid4()}"
    with transaction.atomic():
        claim(user=by, request=idempotency, reference=operation, body=answer)
        return billing.grant(user=user, amount=amount, reason="card payment", operation=operation, by=by)


def remove_user(*, user, by) -> None:
    """Removes a user with everything they own; the ledger is kept without their name."""
    check_is_administrator(by)
    if user.pk == by.pk:
        raise errors.CannotRemoveYourself
    erase_user(user)


def close_own_account(*, user) -> None:
    """Closes the user's own account. The last administrator stays, since nobody could appoint the next."""
    if user.is_administrator and User.objects.administrators().count() == 1:
        raise errors.LastAdministrator
    erase_user(user)


def erase_user(user):
    """Closes the account first, so that nothing new begins. When a step fails, the call can be repeated."""
    close_account(user)
    for path in settings.ACCOUNT_REMOVAL_HOOKS:
        import_string(path)(owner=user)
    anonymize(user)


def everything_of(*, user) -> dict:
    """All that is stored about the user: the account, and the iterators that ACCOUNT_EXPORT_HOOKS add."""
    joined_at = user.joined_at.isoformat()
    account = {"email": user.email, "joined_at": joined_at, "token_balance": user.token_balance}
    data = {"account": account, "keys": list(user.api_keys.values(*EXPORTED_OF_KEYS))}
    for path in settings.ACCOUNT_EXPORT_HOOKS:
        data |= import_string(path)(owner=user)
    return data


def files_of(*, user) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The files of the user, each with a name and its contents in blocks, that ACCOUNT_EXPORT_FILES give."""
    for path in settings.ACCOUNT_EXPORT_FILES:
        yield from import_string(path)(owner=user)


@transaction.atomic
def close_account(user):
    user.is_active = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    user.token_families.all().delete()
    user.api_keys.all().delete()


@transaction.atomic
def anonymize(user):
    lockout.forget_failures(user)
    user.email = f"removed-{user.pk}@removed.invalid"
    user.is_staff = user.is_superuser = False
    user.last_login = None
    user.removed_at = timezone.now()
    user.save(update_fields=["email", "is_staff", "is_superuser", "last_login", "removed_at"])
    user.groups.clear()
    user.user_permissions.clear()
    LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    ).update(object_repr=user.email)
