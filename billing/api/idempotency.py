"""The header `Idempotency-Key`, from and to Django REST framework."""

import hashlib

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.response import Response

from billing.idempotency import EarlierRequest, IdempotentRequest, fingerprint

HEADER = "Idempotency-Key"


def idempotent_request(request) -> IdempotentRequest | None:
    """What the header of a DRF request asks for; None without one."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    return IdempotentRequest(
        endpoint=f"{request.method} {request.resolver_match.route}",
        key=key,
        fingerprint=fingerprint(
            method=request.method, path=request.path, user=request.user, body=plain_body(request.data)
        ),
    )


def replay(earlier: EarlierRequest) -> Response:
    """The stored answer once more."""
    return Response(earlier.body, status=earlier.status, headers={"Idempotency-Replayed": "true"})


def plain_body(data):
    """JSON as it is; of a form every value by name, with files as their SHA-256."""
    if not isinstance(data, QueryDict):
        return data
    return {name: [_plain(value) for value in values] for name, values in data.lists()}


def _plain(value):
    return {"sha256": _sha256(value)} if isinstance(value, UploadedFile) else value


def _sha256(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()
