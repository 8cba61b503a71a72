"""What is said about a dataset."""

from django import forms

from mlmodels.templatetags.columns import KINDS_IN_WORDS


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        error_messages={"required": "Choose a CSV file first.", "empty": "The file is empty."},
    )


class ColumnForm(forms.Form):
    """Corrects how a column is read."""

    kind = forms.ChoiceField(
        label="Type",
        choices=list(KINDS_IN_WORDS.items()),
        help_text="Cells that do not fit are reported. A training run that fails is refunded.",
    )
    use = forms.BooleanField(label="Use this column", required=False)
