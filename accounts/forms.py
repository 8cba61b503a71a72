from datetime import timedelta

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm
from django.core.validators import EmailValidator
from django.utils import timezone

from accounts.errors import InvalidEmail, WrongCredentials
from accounts.limits import KEY_NAME_CHARACTERS_MAX
from accounts.models import ApiKey, User
from accounts.operations.sign_in import check_credentials
from billing.forms import amount_field
from billing.operations import REASON_CHARACTERS_MAX
from mlplatform.core.forms import RefusableForm


class LogInForm(AuthenticationForm):
    """Wrong credentials are an error of the form; a lock-out is a page of its own."""

    error_messages = AuthenticationForm.error_messages | {"invalid_login": WrongCredentials.message}

    def clean(self):
        if self.errors:
            return self.cleaned_data
        email, password = self.cleaned_data["username"], self.cleaned_data["password"]
        try:
            self.user_cache = check_credentials(email=email, password=password, request=self.request)
        except WrongCredentials as error:
            raise self.get_invalid_login_error() from error
        self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class StaffLogInForm(LogInForm, AdminAuthenticationForm):
    pass


class EmailAddressField(forms.EmailField):
    widget = forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    default_validators = [EmailValidator(InvalidEmail.message)]

    def to_python(self, value):
        return User.objects.normalize_email(super().to_python(value))


def new_password_field(label="Password"):
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, widget=widget, strip=False, help_text="At least 8 characters.")


class SignUpForm(RefusableForm):
    email = EmailAddressField(label="E-mail address")
    password = new_password_field()


class ForgottenPasswordForm(RefusableForm):
    email = EmailAddressField(label="E-mail address")


class NewPasswordForm(RefusableForm):
    new_password = new_password_field("New password")


class ConfirmedForm(RefusableForm):
    """Asks for the password, so that an unattended browser is not enough."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self):
        password = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


class OwnPasswordForm(ConfirmedForm):
    prefix = "change"
    new_password = new_password_field("New password")


class NewKeyForm(RefusableForm):
    name = forms.CharField(
        max_length=KEY_NAME_CHARACTERS_MAX, help_text="What will use it, such as “nightly report”."
    )
    scope = forms.ChoiceField(
        choices=ApiKey.Scope.choices,
        help_text="“Everything” includes training and deleting, but not creating keys or setting passwords.",
    )
    expires_at = forms.TypedChoiceField(
        label="Expires",
        choices=[(30, "In 30 days"), (90, "In 90 days"), (365, "In a year"), ("never", "Never")],
        initial=90,
        coerce=lambda days: None if days == "never" else timezone.now() + timedelta(days=int(days)),
    )


class AddUserForm(BaseUserCreationForm):
    class Meta:
        model = User
        fields = ["email"]


class GrantTokensForm(forms.Form):
    """`request_id` makes a form that is sent twice one grant."""

    amount = amount_field(help_text="tokens for each user")
    reason = forms.CharField(max_length=REASON_CHARACTERS_MAX, help_text="shown in the ledger")
    request_id = forms.UUIDField(widget=forms.HiddenInput)
