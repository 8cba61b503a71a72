"""Access and refresh tokens: SimpleJWT's, with refresh tokens that work once.

A refresh token carries the family of its sign-in. Using it puts the next one in its place; using it again
ends the family. All else is SimpleJWT's: signature, times, the hash of the password.
"""

from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts.api.authentication import BearerAuthentication
from accounts.models import TokenFamily, User

FAMILY_CLAIM = "family"


class RefreshToken(tokens.RefreshToken):
    no_copy_claims = (*tokens.RefreshToken.no_copy_claims, FAMILY_CLAIM)

    @classmethod
    def for_user(cls, user):
        """The first token of a new family."""
        token = super().for_user(user)
        family = TokenFamily.objects.start(user=user, newest=token["jti"], expires_at=token.expires_at)
        token[FAMILY_CLAIM] = str(family.pk)
        return token

    @property
    def expires_at(self):
        return datetime_from_epoch(self["exp"])

    def rotate(self) -> None:
        """Become the next token of the family; TokenError when this one has been used."""
        used = self["jti"]
        self.set_jti()
        self.set_exp()
        self.set_iat()
        if not TokenFamily.objects.rotate(
            self.get(FAMILY_CLAIM), used=used, fresh=self["jti"], expires_at=self.expires_at
        ):
            raise TokenError("Token was used before; log in again")

    def end_family(self) -> None:
        if not TokenFamily.objects.filter(pk=self.get(FAMILY_CLAIM)).delete()[0]:
            raise TokenError("Token is blacklisted")

    def check_is_newest(self) -> None:
        if not TokenFamily.objects.filter(pk=self.get(FAMILY_CLAIM), newest=self["jti"]).exists():
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
    if tokens.UntypedToken(raw_token)["token_type"] != RefreshToken.token_type:
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
