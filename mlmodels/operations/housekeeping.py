"""The daily tasks: each step of settings.HOUSEKEEPING in turn. A step that fails does not stop the others."""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.module_loading import import_string

from mlmodels.models import Housekeeping

logger = logging.getLogger(__name__)


def run_daily(*, by: str) -> Housekeeping | None:
    """Today's round, once HOUSEKEEPING_HOUR has come; None if it is not due, or another worker's.

    The claim is renewed after each step. A worker that has lost it stops.
    """
    now = timezone.now()
    if now.hour < settings.HOUSEKEEPING_HOUR or Housekeeping.objects.filter(
        day=now.date(), finished_at__isnull=False
    ):
        return None
    claimed = Housekeeping.objects.claim_day(now.date(), by)
    return claimed and _run_steps(claimed)


def run_now(*, by: str, on_step: Callable[[dict], None] = lambda step: None) -> Housekeeping:
    """A round now, whether or not there was one today; `on_step` gets each step when it has ended."""
    return _run_steps(Housekeeping.objects.create(done_by=by), on_step)


def _run_steps(round_: Housekeeping, on_step=lambda step: None) -> Housekeeping | None:
    began_at, steps = round_.started_at, []
    for name, path in settings.HOUSEKEEPING.items():
        step = _run_step(name, path)
        steps.append(step)
        on_step(step)
        if not _renew(round_):
            logger.warning("Another worker has taken over the housekeeping of %s", round_.day)
            return None
    if not round_.update_if_held(steps=steps, started_at=began_at, finished_at=timezone.now()):
        return None
    Housekeeping.objects.outdated().delete()
    return round_


def _renew(round_: Housekeeping) -> bool:
    try:
        return round_.update_if_held(started_at=timezone.now())
    except (OperationalError, InterfaceError):  # the next steps say so, or the database is back by then
        connection.close()
        return True


def _run_step(name: str, path: str) -> dict:
    started = time.perf_counter()
    try:
        detail, is_done = in_words(import_string(path)()), True
    except Exception as error:
        # No error of a step, not even a bug, may keep the next ones from verifying the ledger or backing up.
        # It is logged with its traceback, stored with the round, shown in the admin, and the command exits
        # with 1.
        logger.exception("Housekeeping failed: %s", name)
        if isinstance(error, OperationalError | InterfaceError):
            connection.close()  # the next step gets a new one
        detail, is_done = f"{type(error).__name__}: {error}", False
    seconds = round(time.perf_counter() - started, 2)
    return {"name": name, "is_done": is_done, "detail": detail, "seconds": seconds}


def in_words(result) -> str:
    """The result of a step, which is nothing, a number, numbers by name, or a sentence."""
    if isinstance(result, dict):
        return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in result.items() if number)
    if isinstance(result, int):
        return f"{result:,}" if result else ""
    return result or ""
