"""Forms are rendered by the project's own templates, fields by one template for all of them."""

from django.forms.renderers import TemplatesSetting


class PageRenderer(TemplatesSetting):
    field_template_name = "components/field.html"
