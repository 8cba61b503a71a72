"""Admin lists of tables that grow without end, and links between them."""

from django.contrib import admin
from django.contrib.admin.options import TO_FIELD_VAR
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

ROWS_COUNTED_MAX = 10_000


class BoundedPaginator(Paginator):
    """Counts and pages through the first 10,000 rows; search and filters find what lies behind them."""

    @cached_property
    def count(self):
        return self.object_list[:ROWS_COUNTED_MAX].count()


class BoundedAdmin(admin.ModelAdmin):
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_administer_permission(self, request):
        """For actions: staff who are not administrators may be allowed to look."""
        return request.user.is_administrator


class ReadOnlyAdmin(BoundedAdmin):
    """Lists and shows; rows change through operations alone."""

    class Media:
        css = {"all": ["css/admin.css"]}

    def to_field_allowed(self, request, to_field):
        """Other apps know rows by their uuid."""
        has_uuid = any(field.name == "uuid" for field in self.opts.fields)
        return (to_field == "uuid" and has_uuid) or super().to_field_allowed(request, to_field)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def link_to(row):
    if row is None:
        return "-"
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, row)


def url_by_uuid(model: str, uuid) -> str:
    """The page of the row with this uuid; `model` such as "mlmodels.prediction". Makes no query."""
    name = f"admin:{model.replace('.', '_')}_change"
    return reverse(name, args=[uuid], query={TO_FIELD_VAR: "uuid"})


def list_url(model: str, **filters) -> str:
    return reverse(f"admin:{model.replace('.', '_')}_changelist", query=filters)
