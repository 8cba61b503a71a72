"""E-mails of accounts. One thread of their own writes and sends them, so that no request waits for the mail
server, and its duration does not tell whether there was an e-mail to send.
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User

logger = logging.getLogger(__name__)

# Queued e-mails are sent before the process ends: the interpreter joins the thread
mail_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mails")


def send_password_reset(user: User | None, *, site_url: str) -> None:
    """Without a user the caller does the same work and nothing is sent."""
    mail_sender.submit(write_password_reset, user, site_url).add_done_callback(log_failure)


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
    body = render_to_string("accounts/mails/password_reset.txt", context)
    send_mail("Reset your password", body, None, [user.email])


def log_failure(sending: Future) -> None:
    if error := sending.exception():
        logger.error("An e-mail could not be sent", exc_info=error)
