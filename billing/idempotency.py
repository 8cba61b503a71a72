"""One logical request is carried out once, however often it is sent.

A view identifies its request and first asks `find` for a stored answer. An operation claims the request at
the start of its transaction, so that work and stored answer are committed together or not at all. The second
of two equal requests gets RequestRepeated, with the row of the first.
"""

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, connection
from django.utils import timezone

from billing.models import IdempotencyKey
from mlplatform.core.database_errors import code_of
from mlplatform.core.errors import Conflict, DomainError, InvalidInput, Unprocessable

KEY_CHARACTERS_MAX = 255
KEPT_FOR = timedelta(hours=24)

INSERT_KEY = """
    INSERT INTO billing_idempotencykey (
        account_id, endpoint, key, fingerprint, reference, status, body, created_at
    )
"""
KEY_VALUES = """
    %(account_id)s, %(endpoint)s, %(key)s, %(fingerprint)s, %(reference)s, %(status)s, %(body)s,
    %(created_at)s
"""
VALUE_TYPES = dict.fromkeys(["endpoint", "key", "fingerprint", "reference", "body"], str) | {
    "status": int,
    "created_at": datetime,
}
# Not as NOT EXISTS, for which PostgreSQL may read all keys once instead of looking up one
KEY_IS_FREE = """
    (
        SELECT COUNT(*) FROM billing_idempotencykey
        WHERE account_id = %(account_id)s AND endpoint = %(endpoint)s AND key = %(key)s
    ) = 0
"""
# A second equal request waits here until the first has ended, and finds the key taken or free again.
CLAIM_KEY = f"""
    {INSERT_KEY} VALUES ({KEY_VALUES})
    ON CONFLICT (account_id, endpoint, key) DO NOTHING
    RETURNING id
"""
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for a wait that lock_timeout ended


class IdempotencyKeyReused(Unprocessable):
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request. Use a new key for a new request."


class RequestStillRunning(Conflict):
    code = "request_still_running"
    message = "The first request with this Idempotency-Key is still running. Try again in a moment."


class RequestRepeated(Conflict):
    """The request was already carried out; nothing is done again. `earlier` is the row of the first one."""

    code = "request_repeated"

    message = "This request was already carried out. Send it again to get its answer."

    def __init__(self, earlier: IdempotencyKey):
        super().__init__()
        self.earlier = earlier


@dataclass(frozen=True)
class IdempotentRequest:
    endpoint: str
    key: str
    fingerprint: str

    def __post_init__(self):
        is_printable = self.key.isascii() and self.key.isprintable()
        if not is_printable or not 1 <= len(self.key) <= KEY_CHARACTERS_MAX:
            message = f"An Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} printable ASCII characters."
            raise InvalidInput(message, code="idempotency_key_invalid")


def identify(request, *, key: str, body) -> IdempotentRequest:
    """A request of a view, by the key that its client gave."""
    return IdempotentRequest(
        endpoint=f"{request.method} {request.resolver_match.route}",
        key=key,
        fingerprint=fingerprint(method=request.method, path=request.path, user=request.user, body=body),
    )


def find(*, user, request: IdempotentRequest | None) -> IdempotencyKey | None:
    """The row of this request if it came before. Does not wait for a transaction that is still open."""
    earlier = request and _rows(user, request).first()
    return earlier and _checked(earlier, request)


@contextmanager
def earlier_answer_first(*, user, request: IdempotentRequest | None):
    """If the block refuses a request that was already carried out, raises RequestRepeated instead."""
    try:
        yield
    except DomainError:
        if earlier := find(user=user, request=request):
            raise RequestRepeated(earlier) from None
        raise


def claim(*, user, request: IdempotentRequest | None, reference="", body=None, status: int = 200) -> None:
    """Claims the key, or raises RequestRepeated. Call it inside the transaction that does the work.

    `reference` says what the request starts; an answer that is already known is stored as `body`.
    """
    assert connection.in_atomic_block, "a claim outside the transaction of the work protects nothing"
    if request is None:
        return
    answer = {"status": None, "body": ""} if body is None else {"status": status, "body": json.dumps(body)}
    if not _insert(values_of(request, user.pk, reference=reference, **answer)):
        raise RequestRepeated(_checked(_rows(user, request).select_for_update().get(), request))


def store_answer(*, user, request: IdempotentRequest | None, body, status: int = 200) -> None:
    """Stores the answer to a request that was claimed earlier, such as a training run that has now ended."""
    if request is not None:
        _rows(user, request).filter(status=None).update(status=status, body=json.dumps(body))


def prune() -> int:
    """Deletes keys that are older than a day and returns how many."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    return deleted


def fingerprint(*, method: str, path: str, user, body) -> str:
    """SHA-256 of what makes two requests equal. The order of the keys of `body` does not matter."""
    canonical = json.dumps([method, path, user.pk, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def values_of(request: IdempotentRequest, account_id: int, **values) -> dict:
    """The parameters of the statements above; `values` are reference, status and body."""
    return values | {
        "account_id": account_id,
        "endpoint": request.endpoint,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "created_at": connection.ops.adapt_datetimefield_value(timezone.now()),
    }


def _insert(values: dict) -> bool:
    """Whether the key was free."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(CLAIM_KEY, values)
            return cursor.fetchone() is not None
    except OperationalError as error:
        if code_of(error) == LOCK_NOT_AVAILABLE:
            raise RequestStillRunning from error
        raise


def _rows(user, request):
    return IdempotencyKey.objects.filter(account_id=user.pk, endpoint=request.endpoint, key=request.key)


def _checked(row: IdempotencyKey, request: IdempotentRequest) -> IdempotencyKey:
    if row.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused
    if row.status is None and not row.reference:
        raise RequestStillRunning
    return row
