"""The actual value of one prediction."""

from django import forms

from mlmodels.forms.prediction import holds_days, input_text
from mlmodels.learning.trainers import REGRESSION
from mlplatform.core.forms import RefusableForm


class ActualForm(RefusableForm):
    """An input that suits the target, filled in with the value that was recorded last."""

    def __init__(self, data=None, *, prediction):
        super().__init__(data)
        self.fields["value"] = actual_field(prediction.model, prediction.actual)


def actual_field(model, recorded) -> forms.Field:
    target = model.target
    common = {"label": f"Actual {target['name']}", "error_messages": {"required": "Enter the actual value."}}
    if model.task != REGRESSION:
        classes = {str(label): label for label in model.report["confusion_matrix"]["labels"]}
        common["error_messages"] |= {"required": "Choose the actual value."}
        return forms.TypedChoiceField(
            choices=[("", "Choose a value"), *((word, word) for word in classes)],
            coerce=classes.get,
            initial="" if recorded is None else str(recorded),
            **common,
        )
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    if target["format"]["type"] == "date":
        profile = target.get("profile") or {}
        is_day = "minimum" in profile and holds_days(profile, recorded)
        widget = forms.DateInput(attrs={"type": "date"}) if is_day else forms.TextInput()
    return forms.CharField(widget=widget, initial=input_text(recorded, target), **common)
