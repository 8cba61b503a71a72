"""What is said about a model."""

from django import forms


class RenameForm(forms.Form):
    label = forms.CharField(label="Name", max_length=200, strip=True)
