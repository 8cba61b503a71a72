"""The header `Idempotency-Key`, from and to Django REST framework."""

from collections.abc import Callable

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from billing.idempotency import EarlierRequest, IdempotentRequest, RequestRepeated, find, fingerprint
from mlplatform.core.files import sha256_of

HEADER = "Idempotency-Key"
IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    description="Up to 255 characters of your own. A request sent again under them is carried out once.",
)


def idempotent_request(request, body=None) -> IdempotentRequest | None:
    """What the header of a DRF request asks for; None without one.

    `body` is what the request is known by where it holds something that leaves no trace, not even a checksum.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    return IdempotentRequest(
        endpoint=f"{request.method} {request.resolver_match.route}",
        key=key,
        fingerprint=fingerprint(
            method=request.method,
            path=request.path,
            user=request.user,
            body=plain_body(request.data) if body is None else body,
        ),
    )


def answer_once(*, user, request: IdempotentRequest | None, work: Callable[[], Response]) -> Response:
    """What `work` answers, or the stored answer where the same request came before, even a moment ago."""
    earlier = find(user=user, request=request)
    if earlier is None:
        try:
            return work()
        except RequestRepeated as repeated:
            earlier = repeated.earlier
    return replay(earlier)


def replay(earlier: EarlierRequest) -> Response:
    """The stored answer once more."""
    return Response(earlier.body, status=earlier.status, headers={"Idempotency-Replayed": "true"})


def plain_body(data):
    """JSON as it is; of a form every value by name, with files as their SHA-256."""
    if not isinstance(data, QueryDict):
        return data
    return {name: [_plain(value) for value in values] for name, values in data.lists()}


def _plain(value):
    return {"sha256": sha256_of(value)} if isinstance(value, UploadedFile) else value
