"""`/api/v1/token…`: SimpleJWT's endpoints and bodies, with tokens that end when they should."""

from drf_spectacular.utils import OpenApiTypes, extend_schema, extend_schema_view
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.views import TokenViewBase

from accounts import operations
from accounts.api import tokens
from accounts.api.serializers import (
    CredentialsSerializer,
    RefreshSerializer,
    RevokeSerializer,
    TokenPairSerializer,
    VerifySerializer,
)


class TokenView(TokenViewBase):
    def post(self, request):
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            return Response(self.answer(**body.validated_data))
        except TokenError as error:
            raise InvalidToken(error.args[0]) from error


@extend_schema_view(
    post=extend_schema(
        operation_id="obtain_tokens", tags=["accounts"], summary="Log in", responses=TokenPairSerializer
    )
)
class ObtainTokensView(TokenView):
    """E-mail address and password for an access and a refresh token."""

    serializer_class = CredentialsSerializer

    def answer(self, *, email, password):
        user = operations.sign_in(email=email, password=password, request=self.request)
        return tokens.pair_for(user)


@extend_schema_view(
    post=extend_schema(
        operation_id="refresh_tokens",
        tags=["accounts"],
        summary="Refresh the tokens",
        responses=TokenPairSerializer,
    )
)
class RefreshTokensView(TokenView):
    """A refresh token for a new pair. It works once: used again, it ends what came from its log-in."""

    serializer_class = RefreshSerializer

    def answer(self, *, refresh):
        return tokens.refreshed_pair(refresh)


@extend_schema_view(
    post=extend_schema(
        operation_id="verify_token",
        tags=["accounts"],
        summary="Verify a token",
        responses={200: OpenApiTypes.OBJECT},
    )
)
class VerifyTokenView(TokenView):
    """200 when the token would be accepted now, 401 otherwise."""

    serializer_class = VerifySerializer

    def answer(self, *, token):
        tokens.verify(token)
        return {}


@extend_schema_view(
    post=extend_schema(
        operation_id="revoke_tokens",
        tags=["accounts"],
        summary="Log out",
        responses={200: OpenApiTypes.OBJECT},
    )
)
class RevokeTokensView(TokenView):
    """Ends the log-in that the refresh token comes from."""

    serializer_class = RevokeSerializer

    def answer(self, *, refresh):
        tokens.revoke(refresh)
        return {}
