"""Users come and go."""

import logging
from uuid import uuid4

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.password_validation import validate_password
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


def register(*, email, password, client_ip_address=None, **fields) -> User:
    """A new user with the welcome grant, or nobody.

    A door that is open to all says `client_ip_address` and is limited by it. `fields` go to the user model.
    """
    user = User(email=User.objects.normalize_email(email), **fields)
    check_email(user.email)
    check_password_rules(password, user, "password")
    limits.count("sign-up", caller=client_ip_address, limit=limits.SIGN_UPS_PER_IP_ADDRESS)
    check_email_is_free(user.email)
    user.set_password(password)
    return welcome(user)


def check_email(email):
    try:
        validate_email(email)
    except ValidationError as error:
        raise errors.InvalidEmail from error
    if not email.isascii() or len(email) > limits.EMAIL_CHARACTERS_MAX:
        raise errors.InvalidEmail


def check_email_is_free(email):
    if User.objects.filter(email=email).exists():
        raise errors.EmailTaken


@transaction.atomic
def welcome(user) -> User:
    """Save the new user and the grant together. The password is hashed already: too slow to do in a lock."""
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise errors.EmailTaken from error
    if settings.INITIAL_TOKENS:
        billing.grant(
            user=user, amount=settings.INITIAL_TOKENS, reason="welcome", operation=f"signup:{user.pk}"
        )
    user.refresh_from_db(fields=["token_balance"])
    return user


def ensure_administrator(*, email, password) -> User | None:
    """Make the administrator whom the environment names, unless there is one already; the one made, or None.

    An account that already has the address becomes the administrator, with this password: whoever opened it
    may be somebody else. A weak password is the operator's own choice here; it is logged.
    """
    if not (email and password) or User.objects.administrators().exists():
        return None
    user = User.objects.with_email(email).first()
    is_new = user is None
    user = user or User(email=User.objects.normalize_email(email))
    check_email(user.email)
    warn_of_weak_password(password, user)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    if is_new:
        return welcome(user)
    with transaction.atomic():
        user.token_families.all().delete()
        user.save(update_fields=["password", "is_staff", "is_superuser", "is_active"])
    return user


def warn_of_weak_password(password, user):
    try:
        validate_password(password, user)
    except ValidationError as error:
        logger.warning("The administrator's password is weak: %s", " ".join(error.messages))


def check_is_administrator(by):
    if not by.is_administrator:
        raise errors.AdministratorsOnly


def grant_tokens(*, user, amount, reason, operation, by):
    """Tokens that an administrator gives; `operation` names the grant, so that it is booked once."""
    check_is_administrator(by)
    return billing.grant(user=user, amount=amount, reason=reason, operation=operation, by=by)


def grant_by_card(*, user, email, amount, by, idempotency=None, answer=None):
    """Tokens that were paid by card. The card is charged elsewhere: its number never gets as far as here.

    With `idempotency`, `answer` is stored; a request that came before raises RequestRepeated.
    """
    check_is_administrator(by)
    if not user.has_email(email):
        raise errors.WrongEmail
    operation = f"card:{uuid4()}"
    with transaction.atomic():
        claim(user=by, request=idempotency, reference=operation, body=answer)
        return billing.grant(user=user, amount=amount, reason="card payment", operation=operation, by=by)


def remove_user(*, user, by) -> None:
    """Remove a user: everything they own goes, the ledger stays without a name.

    The account is closed first, so that nothing new begins meanwhile; should a step fail, the same call goes
    on from there.
    """
    check_is_administrator(by)
    if user.pk == by.pk:
        raise errors.CannotRemoveYourself
    erase_user(user)


def leave(*, user) -> None:
    """Close the own account. The last administrator stays, since nobody else could let the next one in."""
    if user.is_administrator and User.objects.administrators().count() == 1:
        raise errors.LastAdministrator
    erase_user(user)


def erase_user(user):
    """First the account is closed, so that nothing new begins; a step that fails can be repeated."""
    close_account(user)
    for path in settings.ACCOUNT_REMOVAL_HOOKS:
        import_string(path)(owner=user)
    anonymize(user)


@transaction.atomic
def close_account(user):
    user.is_active = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    user.token_families.all().delete()


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
