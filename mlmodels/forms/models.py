"""What the owner of a model decides: its name, its threshold, on what it is trained again, who may see it."""

import uuid
from datetime import timedelta

from django import forms
from django.utils import timezone

from mlplatform.core.forms import RefusableForm

DEFAULT = 0.5
COST_INPUT = {"inputmode": "decimal", "autocomplete": "off"}


class RetrainForm(forms.Form):
    """Asks for one of `datasets`. If there are none, the newest version of the model's dataset is used."""

    dataset = forms.ChoiceField(label="Dataset to train on")
    idempotency_key = forms.CharField(widget=forms.HiddenInput, max_length=255, initial=uuid.uuid4)

    def __init__(self, data=None, *, datasets):
        super().__init__(data)
        if datasets:
            self.fields["dataset"].choices = [(str(dataset.uuid), dataset.name) for dataset in datasets]
        else:
            del self.fields["dataset"]


class RenameForm(forms.Form):
    label = forms.CharField(label="Name", max_length=200, strip=True)


class ThresholdForm(forms.Form):
    """From which probability on a model answers with the class that is looked for, and what mistakes cost."""

    threshold = forms.IntegerField(
        min_value=1,
        max_value=99,
        widget=forms.NumberInput(attrs={"type": "range", "aria-describedby": "threshold-help"}),
    )
    missed_cost = forms.FloatField(min_value=0, max_value=1e12, widget=forms.TextInput(COST_INPUT))
    wrong_cost = forms.FloatField(min_value=0, max_value=1e12, widget=forms.TextInput(COST_INPUT))

    def __init__(self, data, *, model):
        label, default = model.report["thresholds"]["label"], round((model.threshold or DEFAULT) * 100)
        chosen = {"threshold": default, "missed_cost": 1, "wrong_cost": 1}
        super().__init__({name: data.get(name, value) for name, value in chosen.items()})
        self.fields["missed_cost"].label = f"A missed “{label}” costs"
        self.fields["wrong_cost"].label = f"A wrong “{label}” costs"


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
