"""Access and refresh tokens: SimpleJWT's, with refresh tokens that work once.

A refresh token carries the family of its sign-in. Using it puts the next one in its place; using it again
ends the family. All else is SimpleJWT's: signature, times, the hash of the password.
"""

from uuid import UUID

from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts.api.authentication import BearerAuthentication
from accounts.models import TokenFamily, User

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
        """NUL and the like are in no token of ours, and PostgreSQL fails on them."""
        if not str(self["jti"]).isalnum():
            raise TokenError("Token is invalid")
        return str(self["jti"])

    @property
    def expires_at(self):
        return datetime_from_epoch(self["exp"])

    @property
    def family_id(self) -> UUID:
        try:
            return UUID(self.get(FAMILY_CLAIM))
        except (TypeError, ValueError, AttributeError) as error:
            raise TokenError("Token is invalid") from error

    def rotate(self) -> None:
        """Become the next token of the family; TokenError when this one has been used."""
        used = self.jti
        self.set_jti()
        self.set_exp()
        self.set_iat()
        if not TokenFamily.objects.rotate(
            self.family_id, used=used, fresh=self["jti"], expires_at=self.expires_at
        ):
            raise TokenError("Token was used before; log in again")

    def end_family(self) -> None:
        if not TokenFamily.objects.filter(pk=self.family_id).delete()[0]:
            raise TokenError("Token is blacklisted")

    def check_is_newest(self) -> None:
        if not TokenFamily.objects.filter(pk=self.family_id, newest=self.jti).exists():
            raise TokenError("Token is blacklisted")


def pair_for(user: User) -> dict[str, str]:
    refresh = RefreshToken.for_user(user)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def refreshed_pair(raw_token: str) -> dict[str, str]:
    refresh = RefreshToken(raw_token)
    check_owner(refresh)
    refresh.rotate()
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def verify(raw_token: str) -> None:
    """TokenError or AuthenticationFailed unless the token of either kind would be accepted now."""
    if UntypedToken(raw_token).get("token_type") != RefreshToken.token_type:
        check_owner(AccessToken(raw_token))
        return
    refresh = RefreshToken(raw_token)
    check_owner(refresh)
    refresh.check_is_newest()


def revoke(raw_token: str) -> None:
    """End the sign-in that this refresh token comes from."""
    RefreshToken(raw_token).end_family()


def check_owner(token: tokens.Token) -> User:
    """What every request with a token goes through: there, active, and the password unchanged."""
    return BearerAuthentication().get_user(token)
