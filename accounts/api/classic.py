"""The account endpoints of the services that this one replaces, with their paths, bodies and codes."""

from django.contrib.auth import update_session_auth_hash
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.response import Response
from rest_framework.settings import api_settings

from accounts import errors
from accounts.api import serializers, tokens
from accounts.api.authentication import NotWithAKey
from accounts.lockout import client_ip_address
from accounts.models import User
from accounts.operations import passwords, users
from accounts.operations.sign_in import sign_in
from billing.api.idempotency import IDEMPOTENCY_KEY, answer_once, idempotent_request
from mlplatform.core.api import validated
from mlplatform.core.api_schema import CLASSIC
from mlplatform.core.errors import DomainError
from mlplatform.core.text import plural


class IsAdministrator(BasePermission):
    """Staff who may open the administration are not enough: these calls can do anything to any account."""

    message = errors.AdministratorsOnly.message

    def has_permission(self, request, view):
        return request.user.is_authenticated and request.user.is_administrator


class AccountView(GenericAPIView):
    # Forms as well, so that the browsable pages offer one
    parser_classes = [*api_settings.DEFAULT_PARSER_CLASSES, FormParser, MultiPartParser]
    tags = [CLASSIC]

    def handle_exception(self, error):
        """Names the fields of a refusal as the client sent them, not as the operation calls them."""
        if isinstance(error, DomainError) and self.serializer_class:
            error.rename_fields({f.source: name for name, f in self.get_serializer().fields.items()})
        return super().handle_exception(error)


class OpenAccountView(AccountView):
    """Takes no credentials, so that an expired access token does not prevent a log-in."""

    permission_classes = [AllowAny]
    authentication_classes = []


class AdminAccountView(AccountView):
    permission_classes = [IsAdministrator]
    tags = ["administration"]
    refusals = [403]

    def find_user(self, user_id) -> User:
        user = User.objects.present().filter(pk=user_id).first()
        if user is None:
            raise errors.UserNotFound
        return user

    def remove(self, user_id) -> Response:
        user = self.find_user(user_id)
        email = user.email
        users.remove_user(user=user, by=self.request.user)
        return done(f"{email} is removed.")


class SignUpView(OpenAccountView):
    """Creates an account with the welcome grant of tokens."""

    serializer_class = serializers.SignUpSerializer

    @extend_schema(summary="Sign up", responses=serializers.SignedUpSerializer)
    def post(self, request):
        user = users.register(**validated(self), client_ip_address=client_ip_address(request))
        return done("The account is ready.", email=user.email)


class LogInView(OpenAccountView):
    """Exchanges an e-mail address and a password for an access token and a refresh token."""

    serializer_class = serializers.LogInSerializer
    refusals = [401, 429]

    @extend_schema(summary="Log in", responses=serializers.LoggedInSerializer)
    def post(self, request):
        pair = tokens.RefreshToken.for_user(sign_in(**validated(self), request=request)).pair()
        body = {"access_token": pair["access"], "token_type": "bearer", "refresh_token": pair["refresh"]}
        return Response({"status": "OK", **body})


class RequestTokenView(OpenAccountView):
    """Returns only an access token, with the field names of the second service."""

    serializer_class = serializers.RequestTokenSerializer
    refusals = [401, 429]

    @extend_schema(summary="Get an access token", responses=serializers.RequestedTokenSerializer)
    def post(self, request):
        user = sign_in(**validated(self), request=request)
        return Response({"token": str(tokens.AccessToken.for_user(user))})


class BalanceView(AccountView):
    @extend_schema(summary="Your balance", responses=serializers.BalanceSerializer)
    def get(self, request):
        return Response(serializers.BalanceSerializer(request.user).data)


class ResetPasswordView(AccountView):
    """Three ways to call it. With the e-mail address alone, it sends a one-time link if the address has an
    account. With the token of that e-mail and `new_password`, it sets the password. Signed in, with
    `new_password`, it sets your own password. Every change ends all tokens.
    """

    permission_classes = [AllowAny, NotWithAKey]
    serializer_class = serializers.ResetPasswordSerializer
    refusals = [401, 403, 429]

    @extend_schema(summary="Set or reset a password", responses=serializers.DoneSerializer)
    def post(self, request):
        asked = validated(self)
        if "new_password" not in asked:
            return self.send_link(**asked)
        if "token" in asked:
            passwords.reset_password_with_token(**asked)
        else:
            self.set_own_password(**asked)
        return done("The password is changed. Log in with the new one.")

    def send_link(self, *, email):
        passwords.request_password_reset(
            email=email,
            site_url=self.request.build_absolute_uri("/"),
            client_ip_address=client_ip_address(self.request),
        )
        return done("If an account has this e-mail address, we have sent it a link.")

    def set_own_password(self, *, email, new_password):
        user = self.request.user
        if not user.is_authenticated:
            raise errors.SignInNeeded
        if not user.has_email(email):
            raise errors.OtherUsersAccount
        passwords.change_password(user=user, new_password=new_password, by=user)
        if self.request.auth is None:  # signed in with a session, which goes on
            update_session_auth_hash(self.request, user)


class RemoveUserView(AdminAccountView):
    serializer_class = serializers.RemoveUserSerializer
    refusals = [400, 403, 404]

    @extend_schema(
        summary="Remove a user",
        responses={200: serializers.DoneSerializer},
        parameters=[OpenApiParameter("user_id", int, description="for clients that send no body")],
    )
    def delete(self, request):
        """Removes a user and everything they own, but not yourself. `user_id` is in the body or the URL."""
        return self.remove(**validated(self, request.data or request.query_params))


class ListUsersView(AdminAccountView):
    serializer_class = serializers.UserFilterSerializer
    refusals = [400, 403]

    @extend_schema(
        summary="List users",
        parameters=[serializers.UserFilterSerializer],
        responses=serializers.UserListSerializer,
    )
    def get(self, request):
        """Lists all users who have at least `min_tokens`."""
        least = validated(self, request.query_params)["min_tokens"]
        found = User.objects.present().filter(token_balance__gte=least)
        listed = serializers.UserSerializer(found, many=True).data
        return Response({"status": "success", "count": len(listed), "users": listed})


class RemoveUserByUrlView(AdminAccountView):
    @extend_schema(summary="Remove a user", responses={200: serializers.DoneSerializer})
    def delete(self, request, user_id):
        """Removes a user and everything they own, but not yourself."""
        return self.remove(user_id)


class GrantTokensView(AdminAccountView):
    serializer_class = serializers.CardPaymentSerializer
    refusals = [403, 409, 422]

    @extend_schema(
        summary="Grant tokens for a card payment",
        parameters=[IDEMPOTENCY_KEY],
        responses=serializers.GrantedSerializer,
    )
    def post(self, request, user_id):
        """Grants tokens that were paid by card. The card number is neither stored nor logged."""
        payment = validated(self)
        del payment["credit_card"]
        user, key = self.find_user(user_id), idempotent_request(request, body=payment)
        amount = payment["amount"]
        answer = done(f"{plural(amount, 'token')} granted.", email=user.email, amount=amount)

        def work():
            users.grant_by_card(user=user, **payment, by=request.user, idempotency=key, answer=answer.data)
            return answer

        return answer_once(user=request.user, request=key, work=work)


class SetPasswordView(AdminAccountView):
    permission_classes = [IsAdministrator, NotWithAKey]
    serializer_class = serializers.SetPasswordSerializer

    @extend_schema(summary="Set a user's password", responses=serializers.DoneSerializer)
    def post(self, request, user_id):
        """Sets the password of the user with this id and e-mail address, and ends their other log-ins."""
        asked = validated(self)
        user = self.find_user(user_id)
        if not user.has_email(asked["email"]):
            raise errors.WrongEmail
        passwords.change_password(user=user, new_password=asked["new_password"], by=request.user)
        return done(f"The password of {user.email} is changed.")


def done(message: str, **more) -> Response:
    return Response({"status": "success", "message": message, **more})
