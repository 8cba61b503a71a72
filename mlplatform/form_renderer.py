"""Forms and their fields are rendered by the project's own templates."""

from django.forms.renderers import TemplatesSetting


class PageRenderer(TemplatesSetting):
    form_template_name = "components/form.html"
    field_template_name = "components/field.html"
