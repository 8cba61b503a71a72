"""Signatures of webhooks in both directions, as Standard Webhooks (standardwebhooks.com) specifies them.

Three headers: `webhook-id`, `webhook-timestamp` (Unix seconds) and `webhook-signature`, which is "v1," and
the Base64 of the HMAC-SHA256 over `id.timestamp.body`. A secret is "whsec_" and the Base64 of the key.
"""

import base64
import binascii
import hmac
import time

BEGINNING = "whsec_"
KEY_BYTES_MIN = 24
TOLERANCE_SECONDS = 300


def sign(*, secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{event_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key_of(secret), signed, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def is_signed(*, secret: str, event_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Whether one of the `signatures`, separated by spaces, is right and the time is within five minutes."""
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        return False
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    expected = sign(secret=secret, event_id=event_id, timestamp=int(timestamp), body=body).encode()
    given = signatures.encode().split(b" ")
    return any(hmac.compare_digest(expected, signature) for signature in given)


def key_of(secret: str) -> bytes:
    """Raises ValueError for a text that is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(BEGINNING), validate=True)
    except binascii.Error as error:
        raise ValueError("A webhook secret is whsec_ and Base64.") from error
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(f"A webhook secret has at least {KEY_BYTES_MIN} bytes.")
    return key
