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
    @contextmanager
    def refusals(self):
        """Turns a refusal of the operation inside into errors of the fields that it names."""
        try:
            yield
        except DomainError as refused:
            for name, sentence in (refused.fields or {"": refused.message}).items():
                self.add_error(name if name in self.fields else None, sentence)
