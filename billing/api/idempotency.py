"""The header `Idempotency-Key` in Django REST framework."""

from collections.abc import Callable

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from billing.idempotency import IdempotentRequest, RequestRepeated, find, identify
from billing.models import IdempotencyKey
from mlplatform.core.files import sha256_of

HEADER = "Idempotency-Key"
IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    description="Up to 255 characters. Requests repeated with the same key are carried out once.",
)


def idempotent_request(request, body=None) -> IdempotentRequest | None:
    """The request as its header identifies it; None without one.

    `body` replaces data that hold a secret, which must not be stored even as a hash.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    return identify(request, key=key, body=plain_body(request.data) if body is None else body)


def answer_once(*, user, request: IdempotentRequest | None, work: Callable[[], Response]) -> Response:
    """The answer of `work`, or the stored one if the same request was carried out before."""
    earlier = request and find(user=user, request=request)
    return replay(earlier) if earlier else answer_or_replay(work)


def answer_or_replay(work: Callable[[], Response]) -> Response:
    """For operations that look for the earlier request themselves."""
    try:
        return work()
    except RequestRepeated as repeated:
        return replay(repeated.earlier)


def replay(earlier: IdempotencyKey) -> Response:
    return Response(earlier.answer, status=earlier.status, headers={"Idempotency-Replayed": "true"})


def plain_body(data):
    """JSON as it is; of a form all values of each name, with files as their SHA-256."""
    if not isinstance(data, QueryDict):
        return data
    return {
        name: [{"sha256": sha256_of(value)} if isinstance(value, UploadedFile) else value for value in values]
        for name, values in data.lists()
    }
