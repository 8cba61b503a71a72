"""Refusals. Pure Python, so that every part of the code base can raise them.

The message is a sentence for the user: what is wrong, and what to do. `mlplatform.error_responses` maps the
classes of this module to HTTP statuses; an app subclasses the one that fits and gives it a `code`.
"""

import errno


class DomainError(Exception):
    """A refusal in words for the user. A subclass that always says the same sets `message` and `field`.

    `code` is stable and meant for programs. `field` names the one input that is wrong; `fields` maps several
    inputs to a sentence each.
    """

    code = "refused"
    message = ""
    field = ""

    def __init__(self, message="", *, code="", field="", fields: dict[str, str] | None = None):
        self.message = message or self.message
        self.code = code or self.code
        self.field = field or self.field
        self.fields = fields or ({self.field: self.message} if self.field else {})
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def rename_fields(self, names: dict[str, str]) -> None:
        """Names the fields as the client sent them; `names` maps the operation's names to the client's."""
        self.fields = {names.get(name, name): sentence for name, sentence in self.fields.items()}


class InvalidInput(DomainError):
    """The input breaks a documented rule."""

    code = "invalid"


class NotSignedIn(DomainError):
    """Nobody is signed in, or the credentials are no longer valid."""

    code = "not_signed_in"


class PaymentRequired(DomainError):
    """The balance does not cover the price."""

    code = "insufficient_tokens"


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else: the answer is the same."""

    code = "not_found"


class Conflict(DomainError):
    """The request is valid, but stored data does not allow it now."""

    code = "conflict"


class PreconditionFailed(DomainError):
    """The object is no longer as the caller has read it."""

    code = "precondition_failed"
    message = "It was changed since you read it. Read it again and decide anew."


class TooSlow(DomainError):
    """The body of the request did not arrive in time."""

    code = "too_slow"


class TooLarge(DomainError):
    """More bytes, rows or columns than the limits allow."""

    code = "too_large"


class EncodedBody(DomainError):
    """The body is compressed, which nothing here reads."""

    code = "unsupported_media_type"
    message = "A body with Content-Encoding is not accepted here. Send it as it is, without this header."


class Unprocessable(DomainError):
    """The request contradicts an earlier one, such as a reused idempotency key with another body."""

    code = "unprocessable"


class TooManyRequests(DomainError):
    """A limit per user is reached; it can be tried again later."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_seconds: int = 60, **kwargs):
        super().__init__(message, **kwargs)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(DomainError):
    """A part of the installation does not answer; nothing is wrong with the request."""

    code = "unavailable"
    retry_after_seconds = 5


class StorageUnavailable(Unavailable):
    """The object storage does not answer, or refuses us."""

    code = "storage_unavailable"
    message = "The storage of files cannot be reached at the moment. Try again in a few seconds."

    @property
    def reason(self) -> str:
        """For logs: the class of the error behind it, whose own message may name the file."""
        return type(self.__cause__).__name__ if self.__cause__ else self.message


STORAGE_FULL = "There is no space left for files at the moment. Try again later."


def is_storage_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
