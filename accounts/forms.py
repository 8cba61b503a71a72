from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm

from accounts.errors import WrongCredentials
from accounts.models import User
from accounts.operations import check_credentials
from billing.operations import AMOUNT_MAX_TOKENS


class SignInForm(AuthenticationForm):
    """Wrong credentials are an error of the form; a lock-out is a refusal of its own, as at every door."""

    def clean(self):
        if self.errors:
            return self.cleaned_data
        try:
            self.user_cache = check_credentials(
                email=self.cleaned_data["username"],
                password=self.cleaned_data["password"],
                request=self.request,
            )
        except WrongCredentials as error:
            raise self.get_invalid_login_error() from error
        self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class StaffSignInForm(SignInForm, AdminAuthenticationForm):
    pass


class AddPersonForm(BaseUserCreationForm):
    class Meta:
        model = User
        fields = ["email"]


class GrantTokensForm(forms.Form):
    """`request_id` makes the same form, sent twice, one grant."""

    amount = forms.IntegerField(min_value=1, max_value=AMOUNT_MAX_TOKENS, help_text="tokens for each")
    reason = forms.CharField(max_length=200, help_text="shown in the ledger")
    request_id = forms.UUIDField(widget=forms.HiddenInput)
