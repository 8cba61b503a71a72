"""A new webhook."""

from django import forms

from mlmodels.models import Webhook
from mlplatform.core.forms import RefusableForm
from mlplatform.core.outbound import URL_CHARACTERS_MAX


class WebhookForm(RefusableForm):
    url = forms.CharField(
        label="URL",
        max_length=URL_CHARACTERS_MAX,
        widget=forms.URLInput(attrs={"placeholder": "https://example.com/hook"}),
    )
    events = forms.MultipleChoiceField(
        label="Send when",
        choices=[(event.value, event.label) for event in Webhook.CHOSEN_EVENTS],
        initial=[event.value for event in Webhook.CHOSEN_EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )
