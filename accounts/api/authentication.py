"""`Authorization: Bearer …`, on the way of every request of the API."""

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.models import User

# Written out, since building it through the ORM takes longer than the query and the signature together
USER_OF_TOKEN = "SELECT * FROM accounts_user WHERE id = %s"  # noqa: S105 - no password


class BearerAuthentication(JWTAuthentication):
    """SimpleJWT's rules, with the user and the balance in one short query."""

    def get_user(self, validated_token):
        user_id = int(validated_token[api_settings.USER_ID_CLAIM])
        user = next(iter(User.objects.raw(USER_OF_TOKEN, [user_id])), None)
        if user is None or not user.is_active:
            raise AuthenticationFailed("This account is closed.", code="account_closed")
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
            raise AuthenticationFailed("The password was changed; log in again.", code="password_changed")
        return user


class BearerScheme(SimpleJWTScheme):
    """Swagger UI's Authorize button."""

    target_class = BearerAuthentication
    name = "bearer"
