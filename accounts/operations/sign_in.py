"""Who is it? One check of address and password behind every door, with the lock-out of guessers."""

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in

from accounts import lockout
from accounts.errors import LockedOut, WrongCredentials
from accounts.models import User


def check_credentials(*, email, password, request) -> User:
    """The active user with this address and password; WrongCredentials, or LockedOut after too many guesses.

    `request` says from where: failures count per account and network address, so nobody locks out others.
    """
    user = authenticate(request, username=User.objects.normalize_email(email), password=password)
    if user is None and getattr(request, "axes_locked_out", False):
        raise LockedOut(retry_after_seconds=lockout.seconds_left(request, email))
    if user is None:
        raise WrongCredentials
    return user


def sign_in(*, email, password, request) -> User:
    """`check_credentials` for doors without a session: it also forgets failures and notes the time."""
    user = check_credentials(email=email, password=password, request=request)
    user_logged_in.send(sender=User, request=request, user=user)
    return user
