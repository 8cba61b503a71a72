"""One logical request is carried out once, however often it is sent.

A view makes an `IdempotentRequest` from the header and first asks `find` for a stored answer. An operation
claims the request at the start of its transaction, so that work and stored answer are committed together or
not at all. The second of two equal requests gets RequestRepeated, with what the first one did.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta

from django.db import OperationalError, connection
from django.utils import timezone

from billing.models import IdempotencyKey
from mlplatform.core.database_errors import code_of
from mlplatform.core.errors import Conflict, InvalidInput, Unprocessable

KEY_CHARACTERS_MAX = 255
KEPT_FOR = timedelta(hours=24)

# A second equal request waits here until the first has ended, and finds the key taken or free again.
CLAIM_KEY = """
    INSERT INTO billing_idempotencykey (
        account_id, endpoint, key, fingerprint, reference, status, body, created_at
    )
    VALUES (
        %(account_id)s, %(endpoint)s, %(key)s, %(fingerprint)s, %(reference)s, %(status)s, %(body)s,
        %(created_at)s
    )
    ON CONFLICT (account_id, endpoint, key) DO NOTHING
    RETURNING id
"""
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for a wait that lock_timeout ended


@dataclass(frozen=True)
class EarlierRequest:
    """What the first request with this key did.

    `reference` says what it started ("run:…"). `status` is None until an answer is stored, as for an open
    training run; then `body` is the answer, to be sent again with `Idempotency-Replayed: true`.
    """

    reference: str
    status: int | None
    body: object

    @property
    def identifier(self) -> str:
        """The part of `reference` after its kind, such as "run:"."""
        return self.reference.partition(":")[2]

    @property
    def is_answered(self) -> bool:
        return self.status is not None


class IdempotencyKeyReused(Unprocessable):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class RequestStillRunning(Conflict):
    """The first request with this key has no answer yet."""

    code = "request_still_running"
    message = "The first request with this Idempotency-Key is still running. Try again in a moment."


class RequestRepeated(Conflict):
    """The request was already carried out; nothing is done again. `earlier` holds its answer."""

    code = "request_repeated"

    def __init__(self, earlier: EarlierRequest):
        super().__init__("This request was already carried out. Send it again to get its answer.")
        self.earlier = earlier


@dataclass(frozen=True)
class IdempotentRequest:
    endpoint: str
    key: str
    fingerprint: str

    def __post_init__(self):
        is_printable = self.key.isascii() and self.key.isprintable()
        if not is_printable or not 1 <= len(self.key) <= KEY_CHARACTERS_MAX:
            raise InvalidInput(
                f"An Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} printable ASCII characters.",
                code="idempotency_key_invalid",
            )


def find(*, user, request: IdempotentRequest | None) -> EarlierRequest | None:
    """What this request did before. Does not wait for a request whose transaction is still open."""
    return request and _earlier(_rows(user, request).first(), request)


def claim(*, user, request: IdempotentRequest | None, reference="", body=None, status: int = 200) -> None:
    """Takes the key, or raises RequestRepeated. Call it inside the transaction that does the work.

    `reference` says what the request starts; an answer that is already known is stored as `body`.
    """
    assert connection.in_atomic_block, "a claim outside the transaction of the work protects nothing"
    if request is None:
        return
    answer = {"status": None, "body": ""} if body is None else {"status": status, "body": json.dumps(body)}
    if not _insert(user, request, reference=reference, **answer):
        raise RequestRepeated(_earlier(_rows(user, request).select_for_update().get(), request))


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


def _insert(user, request, **values) -> bool:
    """Whether the key was free."""
    values |= {
        "account_id": user.pk,
        "endpoint": request.endpoint,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "created_at": connection.ops.adapt_datetimefield_value(timezone.now()),
    }
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


def _earlier(row: IdempotencyKey | None, request: IdempotentRequest) -> EarlierRequest | None:
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used for another request. Use a new key for a new request."
        )
    if row.status is None and not row.reference:
        raise RequestStillRunning
    return EarlierRequest(row.reference, row.status, json.loads(row.body) if row.body else None)
