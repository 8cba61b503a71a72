"""With whom a model is shared, and how long a link works."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from mlplatform.core.forms import RefusableForm


class ShareForm(RefusableForm):
    email = forms.EmailField(
        label="E-mail address", help_text="Predictions are charged to the account with this address."
    )


class ReportLinkForm(RefusableForm):
    expires_at = forms.TypedChoiceField(
        label="The link works",
        choices=[
            (7, "for 7 days"),
            (30, "for 30 days"),
            (365, "for a year"),
            ("never", "until you revoke it"),
        ],
        initial=30,
        coerce=lambda days: None if days == "never" else timezone.now() + timedelta(days=int(days)),
    )
