"""The bodies that the endpoints of accounts read and answer. They parse; the operations decide."""

from functools import partial

from rest_framework import serializers
from rest_framework_simplejwt import serializers as simplejwt

from accounts.limits import EMAIL_CHARACTERS_MAX, PASSWORD_CHARACTERS_MAX
from mlplatform.core.api import StrictBody
from mlplatform.core.api_schema import with_examples

ID_MAX = 2**63 - 1
TOKEN_CHARACTERS_MAX = 2_000


# The e-mail address is not validated here: at log-in a malformed one means wrong credentials, not wrong input
EmailAddressField = partial(serializers.CharField, max_length=EMAIL_CHARACTERS_MAX)
SignedTokenField = partial(serializers.CharField, max_length=TOKEN_CHARACTERS_MAX)
# Spaces are part of a password
PasswordField = partial(simplejwt.PasswordField, max_length=PASSWORD_CHARACTERS_MAX, trim_whitespace=False)


# /api/v1/token…


@with_examples(answered={200: {"access": "eyJhbGciOiJIUzI1NiIs…", "refresh": "eyJhbGciOiJIUzI1NiIs…"}})
class TokenPairSerializer(serializers.Serializer):
    access = SignedTokenField(read_only=True)
    refresh = SignedTokenField(read_only=True)


@with_examples(sent={"Log in": {"email": "ada@example.com", "password": "a-long-pass-phrase"}})
class CredentialsSerializer(StrictBody, TokenPairSerializer):
    email = EmailAddressField(write_only=True)
    password = PasswordField()


@with_examples(sent={"Renew": {"refresh": "eyJhbGciOiJIUzI1NiIs…"}})
class RefreshSerializer(StrictBody, TokenPairSerializer):
    refresh = SignedTokenField()


@with_examples(sent={"Verify": {"token": "eyJhbGciOiJIUzI1NiIs…"}})
class VerifySerializer(StrictBody, serializers.Serializer):
    token = SignedTokenField(write_only=True)


@with_examples(sent={"Log out": {"refresh": "eyJhbGciOiJIUzI1NiIs…"}})
class RevokeSerializer(StrictBody, serializers.Serializer):
    refresh = SignedTokenField(write_only=True)


# /api/user/…, /api/request_token


@with_examples(sent={"Sign up": {"email": "grace@example.com", "pwd": "a-long-pass-phrase"}})
class SignUpSerializer(serializers.Serializer):
    email = EmailAddressField()
    pwd = PasswordField(source="password")


@with_examples(sent={"Log in": {"email": "ada@example.com", "pwd": "a-long-pass-phrase"}})
class LogInSerializer(SignUpSerializer):
    pass


@with_examples(sent={"Log in": {"username": "ada@example.com", "password": "a-long-pass-phrase"}})
class RequestTokenSerializer(serializers.Serializer):
    username = EmailAddressField(source="email", help_text="the e-mail address")
    password = PasswordField()


@with_examples(
    sent={
        "Get a link by e-mail": {"email": "ada@example.com"},
        "With the token of the link": {
            "email": "ada@example.com",
            "token": "d8pf5r-1c4e9d…",
            "new_password": "another-pass-phrase",
        },
        "Signed in": {"email": "ada@example.com", "new_password": "another-pass-phrase"},
    }
)
class ResetPasswordSerializer(serializers.Serializer):
    email = EmailAddressField()
    token = SignedTokenField(required=False, write_only=True, help_text="from the e-mail with the link")
    new_password = PasswordField(required=False)

    def validate(self, attributes):
        if "token" in attributes and "new_password" not in attributes:
            raise serializers.ValidationError(
                {"new_password": "Send the new password along with the token of the link."}
            )
        return attributes


class RemoveUserSerializer(serializers.Serializer):
    user_id = serializers.IntegerField(min_value=1, max_value=ID_MAX)


class DoneSerializer(serializers.Serializer):
    status = serializers.CharField()
    message = serializers.CharField()


@with_examples(
    answered={200: {"status": "success", "message": "The account is ready.", "email": "grace@example.com"}}
)
class SignedUpSerializer(DoneSerializer):
    email = serializers.CharField()


class LoggedInSerializer(serializers.Serializer):
    status = serializers.CharField()
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    refresh_token = serializers.CharField()


class RequestedTokenSerializer(serializers.Serializer):
    token = serializers.CharField()


@with_examples(answered={200: {"username": "ada@example.com", "tokens": 15}})
class BalanceSerializer(serializers.Serializer):
    username = serializers.CharField(source="email")
    tokens = serializers.IntegerField(source="token_balance")


# /api/admin/users…


class UserSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    email = serializers.CharField()
    tokens = serializers.IntegerField(source="token_balance")
    is_admin = serializers.BooleanField(source="is_administrator")


class UserListSerializer(serializers.Serializer):
    status = serializers.CharField()
    count = serializers.IntegerField()
    users = UserSerializer(many=True)


class UserFilterSerializer(serializers.Serializer):
    min_tokens = serializers.IntegerField(required=False, default=0, min_value=0, max_value=ID_MAX)


@with_examples(
    sent={"100 tokens": {"email": "ada@example.com", "credit_card": "4242 4242 4242 4242", "amount": 100}}
)
class CardPaymentSerializer(serializers.Serializer):
    email = EmailAddressField()
    credit_card = serializers.CharField(max_length=64, write_only=True, help_text="neither stored nor logged")
    amount = serializers.IntegerField(min_value=1)


class GrantedSerializer(DoneSerializer):
    email = serializers.CharField()
    amount = serializers.IntegerField()


@with_examples(sent={"New password": {"email": "ada@example.com", "new_password": "another-pass-phrase"}})
class SetPasswordSerializer(serializers.Serializer):
    email = EmailAddressField()
    new_password = PasswordField()
