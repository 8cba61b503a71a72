"""Access and refresh tokens: SimpleJWT's, with refresh tokens that work once.

A refresh token names the family of its log-in. Using it puts its successor in its place; using it again ends
the family. Signature, times and the hash of the password are checked by SimpleJWT.
"""

from uuid import UUID

from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts.api.authentication import BearerAuthentication
from accounts.models import TokenFamily

FAMILY_CLAIM = "family"


class CheckedClaims:
    """SimpleJWT converts the claims of a signed token without checking their types."""

    def __init__(self, *args, **kwargs):
        try:
            super().__init__(*args, **kwargs)
        except (TypeError, ValueError, OverflowError, OSError) as error:
            raise TokenError("Token is invalid") from error


class AccessToken(CheckedClaims, tokens.AccessToken):
    pass


class UntypedToken(CheckedClaims, tokens.UntypedToken):
    pass


class RefreshToken(CheckedClaims, tokens.RefreshToken):
    access_token_class = AccessToken
    no_copy_claims = (*tokens.RefreshToken.no_copy_claims, FAMILY_CLAIM)

    @classmethod
    def for_user(cls, user):
        """The first token of a new family."""
        token = super().for_user(user)
        family = TokenFamily.objects.create(user=user, newest=token["jti"], expires_at=token.expires_at)
        token[FAMILY_CLAIM] = str(family.pk)
        return token

    @property
    def jti(self) -> str:
        """Other characters, such as NUL, are in no token of ours, and PostgreSQL fails on some of them."""
        if not str(self["jti"]).isalnum():
            raise TokenError("Token is invalid")
        return str(self["jti"])

    @property
    def expires_at(self):
        return datetime_from_epoch(self["exp"])

    @property
    def family(self):
        """The QuerySet of this token's family: one row, or none once the family has ended."""
        try:
            return TokenFamily.objects.filter(pk=UUID(self.get(FAMILY_CLAIM)))
        except (TypeError, ValueError, AttributeError) as error:
            raise TokenError("Token is invalid") from error

    def pair(self) -> dict[str, str]:
        return {"access": str(self.access_token), "refresh": str(self)}

    def rotate(self) -> "RefreshToken":
        """Becomes the next token of the family; of many requests at once exactly one succeeds.

        A token that is not the newest was used before, so somebody has a copy: the family ends.
        """
        check_user(self)
        family, used = self.family, self.jti
        self.set_jti()
        self.set_exp()
        self.set_iat()
        if not family.filter(newest=used).update(newest=self["jti"], expires_at=self.expires_at):
            family.delete()
            raise TokenError("Token was used before; log in again")
        return self

    def end_family(self) -> None:
        if not self.family.delete()[0]:
            raise TokenError("Token is blacklisted")


def verify(raw_token: str) -> None:
    """TokenError or AuthenticationFailed unless the token of either kind would be accepted now."""
    if UntypedToken(raw_token).get("token_type") != RefreshToken.token_type:
        return check_user(AccessToken(raw_token))
    refresh = RefreshToken(raw_token)
    check_user(refresh)
    if not refresh.family.filter(newest=refresh.jti).exists():
        raise TokenError("Token is blacklisted")


def check_user(token: tokens.Token) -> None:
    """The check of every request with a token: the user exists, is active and has the same password."""
    BearerAuthentication().get_user(token)
