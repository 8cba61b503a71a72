"""The account endpoints of the services that this one replaces, with their paths, bodies and codes."""

from django.contrib.auth import update_session_auth_hash
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.settings import api_settings

from accounts import errors, operations
from accounts.api import tokens
from accounts.api.permissions import IsAdministrator
from accounts.api.serializers import (
    BalanceSerializer,
    CardPaymentSerializer,
    DoneSerializer,
    GrantedSerializer,
    LoggedInSerializer,
    LogInSerializer,
    RemoveUserSerializer,
    RequestedTokenSerializer,
    RequestTokenSerializer,
    ResetPasswordSerializer,
    SetPasswordSerializer,
    SignedUpSerializer,
    SignUpSerializer,
    UserFilterSerializer,
    UserListSerializer,
    UserSerializer,
)
from accounts.lockout import client_ip_address
from accounts.models import User
from billing.api.idempotency import IDEMPOTENCY_KEY, answer_once, idempotent_request
from mlplatform.core.errors import DomainError


class AccountView(GenericAPIView):
    # Forms as well, so that the browsable pages offer one
    parser_classes = [*api_settings.DEFAULT_PARSER_CLASSES, FormParser, MultiPartParser]

    def read(self, data=None) -> dict:
        body = self.get_serializer(data=self.request.data if data is None else data)
        body.is_valid(raise_exception=True)
        return body.validated_data

    def handle_exception(self, error):
        """A refusal names the operation's words; the client gets the names that it sent."""
        if isinstance(error, DomainError) and self.serializer_class:
            sent_as = {field.source: name for name, field in self.get_serializer().fields.items()}
            error.rename_fields(sent_as)
        return super().handle_exception(error)


class OpenAccountView(AccountView):
    """For everybody: a token that ran out is no reason to refuse a log-in."""

    permission_classes = [AllowAny]
    authentication_classes = []


class AdminAccountView(AccountView):
    permission_classes = [IsAdministrator]

    def find_user(self, user_id) -> User:
        user = User.objects.present().filter(pk=user_id).first()
        if user is None:
            raise errors.UserNotFound
        return user


class SignUpView(OpenAccountView):
    """Makes an account, with the welcome grant of tokens."""

    serializer_class = SignUpSerializer

    @extend_schema(operation_id="sign_up", tags=["accounts"], summary="Sign up", responses=SignedUpSerializer)
    def post(self, request):
        user = operations.register(**self.read(), client_ip_address=client_ip_address(request))
        return Response({"status": "success", "message": "The account is ready.", "email": user.email})


class LogInView(OpenAccountView):
    """E-mail address and password for an access token and a refresh token."""

    serializer_class = LogInSerializer

    @extend_schema(operation_id="log_in", tags=["accounts"], summary="Log in", responses=LoggedInSerializer)
    def post(self, request):
        pair = tokens.pair_for(operations.sign_in(**self.read(), request=request))
        return Response(
            {
                "status": "OK",
                "access_token": pair["access"],
                "token_type": "bearer",
                "refresh_token": pair["refresh"],
            }
        )


class RequestTokenView(OpenAccountView):
    """The access token alone, under the names of the second service."""

    serializer_class = RequestTokenSerializer

    @extend_schema(
        operation_id="request_token",
        tags=["accounts"],
        summary="Get an access token",
        responses=RequestedTokenSerializer,
    )
    def post(self, request):
        user = operations.sign_in(**self.read(), request=request)
        return Response({"token": str(tokens.AccessToken.for_user(user))})


class BalanceView(AccountView):
    @extend_schema(
        operation_id="balance", tags=["accounts"], summary="The own balance", responses=BalanceSerializer
    )
    def get(self, request):
        return Response(BalanceSerializer(request.user).data)


class ResetPasswordView(AccountView):
    """Three ways. The address alone: a one-time link is mailed, if somebody has that address. With the token
    of that mail and `new_password`: the password is set. Signed in, with `new_password`: your own password is
    set. Every change ends all tokens.
    """

    permission_classes = [AllowAny]
    serializer_class = ResetPasswordSerializer

    @extend_schema(
        operation_id="reset_password",
        tags=["accounts"],
        summary="Set or reset a password",
        responses=DoneSerializer,
    )
    def post(self, request):
        asked = self.read()
        if "new_password" not in asked:
            return self.mail_link(**asked)
        if "token" in asked:
            operations.reset_password_with_token(**asked)
        else:
            self.set_own_password(**asked)
        return Response({"status": "success", "message": "The password is changed. Log in with the new one."})

    def mail_link(self, *, email):
        operations.request_password_reset(
            email=email,
            site_url=self.request.build_absolute_uri("/"),
            client_ip_address=client_ip_address(self.request),
        )
        return Response(
            {"status": "success", "message": "If this address has an account, a link is on its way to it."}
        )

    def set_own_password(self, *, email, new_password):
        user = self.request.user
        if not user.is_authenticated:
            raise errors.SignInNeeded
        if not user.has_email(email):
            raise errors.OtherUsersAccount
        operations.change_password(user=user, new_password=new_password, by=user)
        if self.request.auth is None:  # signed in with a session, which goes on
            update_session_auth_hash(self.request, user)


@extend_schema(tags=["administration"])
class RemoveUserView(AdminAccountView):
    serializer_class = RemoveUserSerializer

    @extend_schema(
        operation_id="remove_user",
        summary="Remove a user",
        responses={200: DoneSerializer},
        parameters=[
            OpenApiParameter("user_id", int, description="instead of a body, which not all clients send")
        ],
    )
    def delete(self, request):
        """Removes the user and what they own; never yourself. `{"user_id"}` in the body or the address."""
        asked = self.read(request.data or request.query_params)
        return remove(user=self.find_user(asked["user_id"]), by=request.user)


@extend_schema(tags=["administration"])
class UserListView(AdminAccountView):
    serializer_class = UserSerializer

    @extend_schema(
        operation_id="list_users",
        summary="List users",
        parameters=[UserFilterSerializer],
        responses=UserListSerializer,
    )
    def get(self, request):
        """Everybody who has at least `min_tokens`."""
        asked = UserFilterSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        users = User.objects.present().filter(token_balance__gte=asked.validated_data["min_tokens"])
        users = UserSerializer(users, many=True).data
        return Response({"status": "success", "count": len(users), "users": users})


@extend_schema(tags=["administration"])
class UserView(AdminAccountView):
    @extend_schema(
        operation_id="remove_user_by_address", summary="Remove a user", responses={200: DoneSerializer}
    )
    def delete(self, request, user_id):
        """Removes the user and what they own; never yourself."""
        return remove(user=self.find_user(user_id), by=request.user)


@extend_schema(tags=["administration"])
class UserTokensView(AdminAccountView):
    serializer_class = CardPaymentSerializer

    @extend_schema(
        operation_id="grant_tokens",
        summary="Grant tokens for a card payment",
        parameters=[IDEMPOTENCY_KEY],
        responses=GrantedSerializer,
    )
    def post(self, request, user_id):
        """Books tokens that were paid by card. The card number is accepted, and neither stored nor logged."""
        asked = self.read()
        payment = {"email": asked["email"], "amount": asked["amount"]}
        user, key = self.find_user(user_id), idempotent_request(request, body=payment)
        answer = {
            "status": "success",
            "message": f"{asked['amount']} tokens are granted.",
            "email": user.email,
            "amount": asked["amount"],
        }

        def work():
            operations.grant_by_card(user=user, **payment, by=request.user, idempotency=key, answer=answer)
            return Response(answer)

        return answer_once(user=request.user, request=key, work=work)


@extend_schema(tags=["administration"])
class UserPasswordView(AdminAccountView):
    serializer_class = SetPasswordSerializer

    @extend_schema(operation_id="set_password", summary="Set a user's password", responses=DoneSerializer)
    def post(self, request, user_id):
        """Sets the password of the user with that id and address; their sessions and tokens end."""
        asked = self.read()
        user = self.find_user(user_id)
        if not user.has_email(asked["email"]):
            raise errors.WrongEmail
        operations.change_password(user=user, new_password=asked["new_password"], by=request.user)
        return Response({"status": "success", "message": f"The password of {user.email} is changed."})


def remove(*, user, by):
    email = user.email
    operations.remove_user(user=user, by=by)
    return Response({"status": "success", "message": f"{email} is removed."})
