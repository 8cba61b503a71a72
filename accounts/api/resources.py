"""`/api/v1/token…`: SimpleJWT's endpoints and bodies, with refresh tokens that work once."""

from drf_spectacular.utils import OpenApiTypes, extend_schema, extend_schema_view
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.views import TokenViewBase

from accounts.api import serializers, tokens
from accounts.operations.sign_in import sign_in
from mlplatform.core.api import validated


class TokenView(TokenViewBase):
    tags = ["accounts"]

    def post(self, request):
        sent = validated(self)
        try:
            return Response(self.answer(**sent))
        except TokenError as error:
            raise InvalidToken(error.args[0]) from error


@extend_schema_view(post=extend_schema(summary="Log in", responses=serializers.TokenPairSerializer))
class ObtainTokensView(TokenView):
    """Exchanges an e-mail address and a password for an access token and a refresh token."""

    serializer_class = serializers.CredentialsSerializer
    refusals = [429]

    def answer(self, **credentials):
        return tokens.RefreshToken.for_user(sign_in(**credentials, request=self.request)).pair()


@extend_schema_view(
    post=extend_schema(summary="Renew the access token", responses=serializers.TokenPairSerializer)
)
class RefreshTokensView(TokenView):
    """Exchanges a refresh token for a new pair. Used a second time, it ends its log-in."""

    serializer_class = serializers.RefreshSerializer

    def answer(self, refresh):
        return tokens.RefreshToken(refresh).rotate().pair()


@extend_schema_view(
    post=extend_schema(summary="Verify an access or refresh token", responses={200: OpenApiTypes.OBJECT})
)
class VerifyTokenView(TokenView):
    """Answers 200 if the access or refresh token would be accepted now, and 401 otherwise."""

    serializer_class = serializers.VerifySerializer

    def answer(self, token):
        tokens.verify(token)
        return {}


@extend_schema_view(post=extend_schema(summary="Log out", responses={200: OpenApiTypes.OBJECT}))
class RevokeTokensView(TokenView):
    """Ends the log-in that the refresh token comes from."""

    serializer_class = serializers.RevokeSerializer

    def answer(self, refresh):
        tokens.RefreshToken(refresh).end_family()
        return {}
