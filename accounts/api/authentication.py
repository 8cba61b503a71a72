"""Authenticates requests of the API by `Authorization: Bearer …`, with an access token or a key."""

import hashlib
import re
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils import timezone
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework.exceptions import NotAuthenticated, PermissionDenied, Throttled
from rest_framework.permissions import BasePermission
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import (
    AuthenticationFailed,
    ExpiredTokenError,
    InvalidToken,
    TokenError,
)
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts import limits
from accounts.errors import NotWithKey
from accounts.lockout import client_ip_address
from accounts.models import ApiKey, User
from accounts.operations import keys
from billing.purchases import Condition
from mlplatform.core.errors import TooManyRequests
from mlplatform.core.remembered import Remembered

USER_ID = re.compile(r"[0-9]{1,18}")

# Written out, since building it through the ORM takes longer than the query and the signature together
COLUMNS = ["id", "password", "is_superuser", "email", "token_balance", "is_staff", "is_active"]
USER_OF_TOKEN = f"SELECT {', '.join(COLUMNS)} FROM accounts_user WHERE id = %s"  # noqa: S608 - our own
KEY_WITH_OWNER = f"""
    SELECT name, prefix, scope, revoked_at IS NOT NULL, expires_at <= %s,
        last_used_at IS NULL OR last_used_at <= %s,
        {", ".join(f"accounts_user.{column}" for column in COLUMNS)}
    FROM accounts_apikey JOIN accounts_user ON accounts_user.id = owner_id
    WHERE hash = %s
"""  # noqa: S608 - our own

PASSWORD_IS_THE_SAME = "password = %(password)s"  # noqa: S105 - the column
KEY_IS_OPEN = """
    EXISTS (
        SELECT 1 FROM accounts_apikey
        WHERE hash = %(key_hash)s AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > CURRENT_TIMESTAMP)
    )
"""


@dataclass(frozen=True)
class Caller:
    """The owner of a token or key, as last looked up; `condition` says whether that still holds."""

    user: User
    condition: Condition
    good_until: float  # Unix time


remembered_callers = Remembered(limits.REMEMBERED_CALLERS_MAX)


class BearerAuthentication(JWTAuthentication):
    """SimpleJWT's rules, with the user and the balance in one short query; or a key of the account.

    `request.auth` is the access token or the UsedKey.
    """

    def authenticate(self, request):
        header = self.get_header(request)
        raw_token = header and self.get_raw_token(header)
        if not raw_token:
            return None
        if raw_token.startswith(keys.BEGINNING.encode()):
            key = check_key(raw_token.decode("latin-1"), request)
            return key.owner, key
        token = self.get_validated_token(raw_token)
        return self.get_user(token), token

    def recall(self, request) -> Caller | None:
        """The caller, without asking the database if this process has seen the token or key before.

        Only for requests that have the header and make a purchase under `condition`. Raises and returns None
        as `authenticate` does.
        """
        cache_key = cache_key_of(request)
        remembered = remembered_callers.get(cache_key)
        if remembered and remembered.good_until > time.time():
            return remembered
        found = self.authenticate(request)
        if found is None:
            return None
        caller = remembered_callers[cache_key] = caller_of(*found)
        return caller

    def forget(self, request):
        remembered_callers.pop(cache_key_of(request), None)

    def get_raw_token(self, header):
        """The scheme in any case (RFC 9110): clients send the `token_type` of their log-in, "bearer"."""
        scheme, space, token = header.partition(b" ")
        if scheme.lower() == b"bearer" and not token.strip():  # a variable of a script that is not set
            raise NotAuthenticated
        return super().get_raw_token(scheme.capitalize() + space + token)

    def get_validated_token(self, raw_token):
        """Says whether the token has expired, where SimpleJWT only says that it is not valid."""
        [access_token] = api_settings.AUTH_TOKEN_CLASSES
        try:
            return access_token(raw_token)
        except ExpiredTokenError as error:
            raise InvalidToken(
                "This access token has expired. Get a new one: POST /api/v1/token/refresh, or log in again."
            ) from error
        except TokenError as error:
            raise InvalidToken(
                "This is neither a key nor an access token of this site. Send it as you received it."
            ) from error

    def get_user(self, validated_token):
        user_id = str(validated_token.get(api_settings.USER_ID_CLAIM))
        if not USER_ID.fullmatch(user_id):
            raise AuthenticationFailed("This access token does not belong to a user.", code="token_not_valid")
        user = find_user(int(user_id))
        if user is None or not user.is_active:
            raise AuthenticationFailed("This account is closed.", code="account_closed")
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
            raise AuthenticationFailed("The password was changed; log in again.", code="password_changed")
        return user


@dataclass(frozen=True)
class UsedKey:
    """What a request needs to know of the key that it came with."""

    hash: str
    name: str
    prefix: str
    owner: User
    scope: str
    is_revoked: bool
    is_expired: bool
    use_is_due: bool  # `last_used_at` is over a minute old

    @property
    def label(self) -> str:
        """As logs and pages show it."""
        return f"{self.name} ({self.prefix}…)"


def cache_key_of(request) -> tuple[bytes, str]:
    """Callers are remembered by token or key and by view, since a key may be allowed on some views only."""
    digest = hashlib.sha256(request.META["HTTP_AUTHORIZATION"].encode()).digest()
    return digest, request.resolver_match.view_name


def caller_of(user: User, auth) -> Caller:
    if isinstance(auth, UsedKey):
        good_until = time.time() + ApiKey.USE_IS_WRITTEN_EVERY.total_seconds()
        return Caller(user, Condition(KEY_IS_OPEN, {"key_hash": auth.hash}), good_until)
    return Caller(user, Condition(PASSWORD_IS_THE_SAME, {"password": user.password}), auth["exp"])


def find_user(user_id: int) -> User | None:
    with connection.cursor() as cursor:
        cursor.execute(USER_OF_TOKEN, [user_id])
        row = cursor.fetchone()
    return row and user_of(row)


def find_key(text: str) -> UsedKey | None:
    """It is looked up by its hash, so the time that takes tells nothing about the text of any key."""
    if not keys.KEY.fullmatch(text):
        return None
    key_hash, now = keys.hash_of(text), timezone.now()
    moments = [now, now - ApiKey.USE_IS_WRITTEN_EVERY]
    with connection.cursor() as cursor:
        cursor.execute(KEY_WITH_OWNER, [*map(connection.ops.adapt_datetimefield_value, moments), key_hash])
        row = cursor.fetchone()
    if row is None:
        return None
    name, prefix, scope, is_revoked, is_expired, use_is_due, *of_owner = row
    return UsedKey(key_hash, name, prefix, user_of(of_owner), scope, is_revoked, is_expired, use_is_due)


def user_of(row) -> User:
    """A User whose other fields are deferred. Booleans are 0 and 1 in SQLite."""
    values = [
        bool(value) if name.startswith("is_") else value for name, value in zip(COLUMNS, row, strict=True)
    ]
    return User.from_db(connection.alias, COLUMNS, values)  # in the order of the model's fields


def check_key(text: str, request) -> UsedKey:
    """The key with this text, if it is valid and may make this request.

    This is the only place that enforces scopes: a key for predictions may call PREDICT_KEY_URL_NAMES alone.
    Raises errors of REST framework, which treats the request as anonymous afterwards.
    """
    key = find_key(text)
    if key is None:
        count_unknown_key(request)
        raise AuthenticationFailed("There is no such key. Copy it again or create a new one.", "key_unknown")
    if key.is_revoked:
        raise AuthenticationFailed("This key was revoked. Create a new one.", "key_revoked")
    if key.is_expired:
        raise AuthenticationFailed("This key has expired. Create a new one.", "key_expired")
    if not key.owner.is_active:
        raise AuthenticationFailed("This account is closed.", "account_closed")
    if key.use_is_due:
        ApiKey.objects.filter(hash=key.hash).note_use()
    if key.scope != ApiKey.Scope.ALL and not is_open_to_predict_keys(request):
        raise PermissionDenied('This key may only predict. Use one with the scope "all".', "key_scope")
    return key


def is_open_to_predict_keys(request) -> bool:
    return request.resolver_match.view_name in settings.PREDICT_KEY_URL_NAMES


def count_unknown_key(request):
    """Limits guesses of an IP address. Requests with a valid key are not counted, so nobody is locked out."""
    try:
        limits.count(
            "unknown-key", caller=client_ip_address(request), limit=limits.UNKNOWN_KEYS_PER_IP_ADDRESS
        )
    except TooManyRequests as refusal:
        raise Throttled(refusal.retry_after_seconds, refusal.message) from refusal


class NotWithAKey(BasePermission):
    """For what could outlive a copied key, such as another key or a new password."""

    message = NotWithKey.message

    def has_permission(self, request, view):
        return not isinstance(request.auth, UsedKey)


class BearerScheme(SimpleJWTScheme):
    """Swagger UI's Authorize button."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema):
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token, or a key of the account.",
        }
