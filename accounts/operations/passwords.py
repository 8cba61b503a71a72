"""Passwords: set by the owner, by an administrator, or by whoever reads the owner's mail.

Every change ends all tokens and all other sessions: both carry a hash of the password.
"""

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.http import urlsafe_base64_decode

from accounts import errors, limits, lockout, mails
from accounts.models import User
from mlplatform.core.errors import TooManyRequests


def check_password_rules(password, user, field):
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise errors.WeakPassword(error.messages, field) from error


def change_password(*, user, new_password, by) -> None:
    """A new password, by the signed-in owner or an administrator."""
    if by.pk != user.pk and not by.is_administrator:
        raise errors.OtherUsersAccount
    check_password_rules(new_password, user, "new_password")
    store_password(user, new_password)


def request_password_reset(*, email, site_url, client_ip_address=None) -> None:
    """Mail a one-time link to the address, if somebody has it. The caller cannot tell whether: the answer is
    the same, and the mail is written and sent outside the request, so its time is the same as well.
    """
    limits.count("reset-request", caller=client_ip_address, limit=limits.RESET_REQUESTS_PER_IP_ADDRESS)
    user = User.objects.with_email(email).filter(is_active=True).first()
    try:
        limits.count(
            "reset-mail", caller=User.objects.normalize_email(email), limit=limits.RESET_MAILS_PER_MAILBOX
        )
    except TooManyRequests:
        return  # to say so would tell that the mailbox is in use
    mails.send_password_reset(user, site_url=site_url)


def email_for_reset(*, uid, token) -> str | None:
    """Whose password a mailed link sets; None for a link that was used, is too old, or was never sent."""
    try:
        user = User.objects.present().filter(pk=int(urlsafe_base64_decode(uid)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user.email if user and default_token_generator.check_token(user, token) else None


def end_other_sessions(*, user, password) -> None:
    """The same password, stored anew: what carries a hash of the old record ends, and so do all tokens."""
    store_password(user, password)


def reset_password_with_token(*, email, token, new_password) -> User:
    """Set the password with what was mailed. The token works once: the old password's hash is part of it."""
    user = User.objects.with_email(email).filter(is_active=True).first()
    is_good = default_token_generator.check_token(user or User(email=email), token)
    if user is None or not is_good:
        raise errors.ResetLinkRefused
    check_password_rules(new_password, user, "new_password")
    store_password(user, new_password)
    lockout.forget_failures(user)
    return user


def store_password(user, new_password):
    """Of two changes of the same password at once one is refused, so that no link is used twice."""
    old_password = user.password
    user.set_password(new_password)
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=old_password).update(password=user.password):
            raise errors.PasswordChangedMeanwhile
        user.token_families.all().delete()
