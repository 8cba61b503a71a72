"""E-mails of accounts."""

from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User
from mlplatform.core import mails


def send_password_reset(user: User | None, *, site_url: str) -> None:
    """Without a user the caller does the same work and nothing is sent."""
    mails.run_later(write_password_reset, user, site_url)


def write_password_reset(user: User | None, site_url: str) -> None:
    if user is None:
        return
    token = default_token_generator.make_token(user)
    path = reverse("accounts:reset-password", args=[urlsafe_base64_encode(force_bytes(user.pk)), token])
    context = {
        "email": user.email,
        "link": urljoin(site_url, path),
        "token": token,
        "valid_minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
    }
    template = "accounts/mails/password_reset.txt"
    mails.write_and_send(template, context, "Reset your password", [user.email])
