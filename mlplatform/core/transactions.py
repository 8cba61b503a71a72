"""Transactions that start again when the database had to break them off."""

import functools
import logging
import random
import time

from django.db import OperationalError, connection, transaction

from mlplatform.core.database_errors import code_of

ATTEMPTS_MAX = 5
PAUSE_SECONDS = 0.05
RETRIED = {"40001", "40P01"}  # PostgreSQL's codes for a serialization failure and a deadlock

log = logging.getLogger(__name__)


def atomic_with_retry(operation):
    """Runs `operation` in a transaction, and again after a deadlock or a serialization failure.

    Inside a transaction of the caller it runs once: only the outermost transaction can start again.
    """
    return retry_after_deadlock(transaction.atomic(operation))


def retry_after_deadlock(transaction_of_its_own):
    """The same for what is a transaction without `atomic`, such as a single statement."""

    @functools.wraps(transaction_of_its_own)
    def run(*args, **kwargs):
        attempts = 1 if connection.in_atomic_block else ATTEMPTS_MAX
        for attempt in range(1, attempts + 1):
            try:
                return transaction_of_its_own(*args, **kwargs)
            except OperationalError as error:
                code = code_of(error)
                if code not in RETRIED or attempt == attempts:
                    raise
                log.warning("Attempt %d of %s ended with %s", attempt, transaction_of_its_own.__name__, code)
            time.sleep(random.uniform(0, attempt * PAUSE_SECONDS))  # noqa: S311 - so that two do not meet again

    return run
