"""E-mails are written and sent in a thread: no request waits for the mail server, and the duration of a
request does not reveal whether there was an e-mail to send.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.core.mail import send_mail
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

# Queued e-mails are sent before the process ends: the interpreter joins the thread
mail_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mails")


def run_later(function: Callable, *arguments) -> None:
    """Runs it in the thread that sends e-mails."""
    mail_sender.submit(function, *arguments).add_done_callback(log_failure)


def send_later(template: str, context: dict, *, subject: str, to: list[str]) -> None:
    if to:
        run_later(write_and_send, template, context, subject, to)


def write_and_send(template: str, context: dict, subject: str, to: list[str]) -> None:
    """Call it in that thread: the mail server may take its time."""
    send_mail(subject, render_to_string(template, context), None, to)


def log_failure(sending: Future) -> None:
    if error := sending.exception():
        logger.error("An e-mail could not be sent", exc_info=error)
