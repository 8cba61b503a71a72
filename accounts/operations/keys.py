"""Keys for scripts: their text, and how they are created."""

import hashlib
import re
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import errors, limits
from accounts.models import ApiKey
from billing import operations as billing

BEGINNING = "mlp_"
SECRET_BYTES = 32
PREFIX_CHARACTERS = 12
# Hexadecimal, so that a double click selects the whole key
KEY = re.compile(rf"{BEGINNING}[0-9a-f]{{{2 * SECRET_BYTES}}}")


def create_key(*, owner, name, scope, expires_at=None) -> tuple[ApiKey, str]:
    """The new key and its text, which is not stored and cannot be shown again."""
    if not name.strip() or len(name) > limits.KEY_NAME_CHARACTERS_MAX:
        raise errors.InvalidKeyName
    if expires_at is not None and expires_at <= timezone.now():
        raise errors.KeyExpiryInThePast
    text = f"{BEGINNING}{secrets.token_hex(SECRET_BYTES)}"
    with transaction.atomic():
        billing.hold_account(user=owner)  # creations at once count each other, and none outlives the account
        check_may_have_another(owner)
        key = owner.api_keys.create(
            name=name.strip(),
            prefix=text[:PREFIX_CHARACTERS],
            hash=hash_of(text),
            scope=ApiKey.Scope(scope),
            expires_at=expires_at,
        )
    return key, text


def check_may_have_another(owner):
    if owner.api_keys.open().count() >= limits.OPEN_KEYS_MAX:
        raise errors.TooManyKeys
    yesterday = timezone.now() - timedelta(days=1)
    if owner.api_keys.filter(created_at__gt=yesterday).count() >= limits.NEW_KEYS_PER_DAY_MAX:
        raise errors.TooManyNewKeys


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
