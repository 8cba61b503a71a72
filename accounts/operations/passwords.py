"""Passwords: set by their user, by an administrator, or by whoever reads the user's e-mail.

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
        raise errors.WeakPassword(" ".join(error.messages), field=field) from error


def change_password(*, user, new_password, by) -> None:
    """Sets a new password on behalf of `by`: the user or an administrator."""
    if by.pk != user.pk and not by.is_administrator:
        raise errors.OtherUsersAccount
    check_password_rules(new_password, user, "new_password")
    store_password(user=user, new_password=new_password)


def request_password_reset(*, email, site_url, client_ip_address=None) -> None:
    """Sends a one-time link if the e-mail address has an account.

    Callers cannot tell whether it has one: the answer is the same, and so is the time it takes, since the
    e-mail is written and sent outside the request.
    """
    limits.count("reset-request", caller=client_ip_address, limit=limits.RESET_REQUESTS_PER_IP_ADDRESS)
    user = User.objects.with_email(email).filter(is_active=True).first()
    mailbox = User.objects.normalize_email(email)
    try:
        limits.count("reset-mail", caller=mailbox, limit=limits.RESET_MAILS_PER_MAILBOX)
    except TooManyRequests:
        return  # a refusal would tell that the mailbox is in use
    mails.send_password_reset(user, site_url=site_url)


def email_for_reset(*, uid, token) -> str | None:
    """Whose password a reset link sets; None for a link that was used, has expired, or was never sent."""
    try:
        user = User.objects.present().filter(pk=int(urlsafe_base64_decode(uid)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user.email if user and default_token_generator.check_token(user, token) else None


def reset_password_with_token(*, email, token, new_password) -> None:
    """Sets the password with the token of a reset link.

    The token works once, since the hash of the old password is part of it.
    """
    user = User.objects.with_email(email).filter(is_active=True).first()
    is_valid = default_token_generator.check_token(user or User(email=email), token)
    if user is None or not is_valid:
        raise errors.ResetLinkRefused
    check_password_rules(new_password, user, "new_password")
    store_password(user=user, new_password=new_password)
    lockout.forget_failures(user)


def store_password(*, user, new_password) -> None:
    """Ends all tokens and other sessions, even if the password is the same: it gets a new hash.

    Of two changes at once one is refused, so that no link is used twice.
    """
    old_hash = user.password
    user.set_password(new_password)
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=old_hash).update(password=user.password):
            raise errors.PasswordChangedMeanwhile
        user.token_families.all().delete()
