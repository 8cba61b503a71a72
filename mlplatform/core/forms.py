"""What forms of several apps share."""

from contextlib import contextmanager

from django import forms
from django.forms.renderers import TemplatesSetting

from mlplatform.core.errors import DomainError, Unavailable


def status_beside_form(refused: DomainError) -> int:
    """Of a page that shows the refusal where it was entered: 503 where nothing is wrong with the input."""
    return 503 if isinstance(refused, Unavailable) else 422


class PageRenderer(TemplatesSetting):
    """Renders forms and their fields by the project's own templates."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"


class RefusableForm(forms.Form):
    """Shows refusals of operations at the fields that they are about."""

    @contextmanager
    def refusals(self):
        """Turns a refusal of the operation inside into errors of the form."""
        try:
            yield
        except DomainError as refused:
            self.add_refusal(refused)

    def add_refusal(self, refused: DomainError) -> None:
        for name, sentence in (refused.fields or {"": refused.message}).items():
            field = self.field_of(name)
            self.add_error(field if field in self.fields else None, sentence)

    def field_of(self, name: str) -> str:
        """The field of the form for an input of the operation."""
        return name

    def wrong_fields(self) -> list:
        return [field for field in self.visible_fields() if field.errors]
