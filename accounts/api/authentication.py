"""`Authorization: Bearer …`, on the way of every request of the API."""

import re

from django.db import connection
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.models import User

USER_ID = re.compile(r"[0-9]{1,18}")

# Written out, since building it through the ORM takes longer than the query and the signature together
COLUMNS = ["id", "password", "is_superuser", "email", "token_balance", "is_staff", "is_active"]
USER_OF_TOKEN = f"SELECT {', '.join(COLUMNS)} FROM accounts_user WHERE id = %s"  # noqa: S608 - our own


class BearerAuthentication(JWTAuthentication):
    """SimpleJWT's rules, with the user and the balance in one short query."""

    def get_raw_token(self, header):
        """The scheme in any case (RFC 9110): clients send the `token_type` of their log-in, "bearer"."""
        scheme, space, token = header.partition(b" ")
        return super().get_raw_token(scheme.capitalize() + space + token)

    def get_user(self, validated_token):
        user_id = str(validated_token.get(api_settings.USER_ID_CLAIM))
        if not USER_ID.fullmatch(user_id):
            raise AuthenticationFailed("This token does not belong to a user.", code="token_not_valid")
        user = find_user(int(user_id))
        if user is None or not user.is_active:
            raise AuthenticationFailed("This account is closed.", code="account_closed")
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
            raise AuthenticationFailed("The password was changed; log in again.", code="password_changed")
        return user


def find_user(user_id: int) -> User | None:
    """SQLite keeps 0 and 1. Whatever else is known of a user is asked for when it is looked at."""
    with connection.cursor() as cursor:
        cursor.execute(USER_OF_TOKEN, [user_id])
        row = cursor.fetchone()
    if row is None:
        return None
    values = [
        bool(value) if name.startswith("is_") else value for name, value in zip(COLUMNS, row, strict=True)
    ]
    return User.from_db(connection.alias, COLUMNS, values)  # in the order of the model's fields


class BearerScheme(SimpleJWTScheme):
    """Swagger UI's Authorize button."""

    target_class = BearerAuthentication
    name = "bearer"
