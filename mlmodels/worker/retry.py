"""Going on when the database was away for a while, as in a restart."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 10.0
PATIENCE_SECONDS = 600

log = logging.getLogger(__name__)
Result = TypeVar("Result")


def patiently(call: Callable[[], Result], seconds: float = PATIENCE_SECONDS) -> Result:
    """Calls until the database answers. Only for calls that may be made again when an answer got lost."""
    deadline = time.monotonic() + seconds
    pause = PAUSE_SECONDS
    while True:
        try:
            return call()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if time.monotonic() + pause > deadline:
                raise
            log.warning(
                "The database does not answer; trying again in %.0f s: %s", pause, type(error).__name__
            )
        time.sleep(pause)
        pause = min(pause * 2, PAUSE_SECONDS_MAX)
