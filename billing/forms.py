from django import forms

from billing.idempotency import IdempotentRequest, identify
from billing.operations import AMOUNT_MAX_TOKENS
from billing.token_requests import NOTE_CHARACTERS_MAX, REASON_CHARACTERS_MAX
from mlplatform.core.forms import RefusableForm


def idempotent_form(request) -> IdempotentRequest | None:
    """The request as the hidden field `idempotency_key` of a posted form identifies it; None without one.

    Every form that charges has one: sent twice, as by a double click, it is charged once.
    """
    key = request.POST.get("idempotency_key")
    body = {name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"}
    return identify(request, key=key, body=body) if key else None


def amount_field(**options) -> forms.IntegerField:
    return forms.IntegerField(min_value=1, max_value=AMOUNT_MAX_TOKENS, **options)


class TokenRequestForm(RefusableForm):
    amount = amount_field(label="Tokens")
    reason = forms.CharField(
        max_length=REASON_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What you need them for. Administrators read this.",
    )


class DecisionForm(RefusableForm):
    amount = amount_field(help_text="tokens")
    note = forms.CharField(
        required=False,
        max_length=NOTE_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="sent to the user",
    )
