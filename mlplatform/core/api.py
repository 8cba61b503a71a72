"""What the resources under /api/v1/ have in common: pages of a list, and which query parameters they take."""

from rest_framework import filters, pagination

from mlplatform.core.errors import InvalidInput

COMMON_PARAMETERS = {"page", "page_size", "format"}


class Pages(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_paginated_response_schema(self, schema):
        url = {"type": ["string", "null"], "format": "uri"}
        properties = {"count": {"type": "integer"}, "next": url, "previous": url, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}


class StrictOrderingFilter(filters.OrderingFilter):
    """Orders by the view's `ordering_fields`; any other field is refused instead of ignored."""

    ordering_fields = ()  # without any, the order of the list is fixed

    def remove_invalid_fields(self, queryset, fields, view, request):
        known = super().remove_invalid_fields(queryset, fields, view, request)
        if unknown := [field for field in fields if field not in known]:
            raise InvalidInput(
                f"This list cannot be ordered by {', '.join(unknown)[:200]}. {self._possible(view)}",
                field=self.ordering_param,
            )
        return known

    def get_schema_operation_parameters(self, view):
        if not ordering_fields_of(view):
            return []
        [parameter] = super().get_schema_operation_parameters(view)
        description = f"{self._possible(view)} A minus in front reverses the order."
        return [parameter | {"description": description}]

    def to_html(self, request, queryset, view):
        return super().to_html(request, queryset, view) if ordering_fields_of(view) else ""

    def _possible(self, view) -> str:
        names = ordering_fields_of(view)
        return f"It can be ordered by {', '.join(names)}." if names else "Its order is fixed."


class StrictQueryMixin:
    """Refuses query parameters that the list does not know: a filter with a typo would answer everything."""

    def filter_queryset(self, queryset):
        if self.action == "list":
            self._refuse_unknown_parameters()
        return super().filter_queryset(queryset)

    def _refuse_unknown_parameters(self):
        known = COMMON_PARAMETERS | set(getattr(self, "filterset_fields", ()))
        if ordering_fields_of(self):
            known.add(StrictOrderingFilter.ordering_param)
        if unknown := sorted(set(self.request.query_params) - known):
            possible = f"This list takes {', '.join(sorted(known - {'format'}))}."
            raise InvalidInput(
                f"Unknown in the query: {', '.join(unknown)[:200]}. {possible}",
                fields=dict.fromkeys(unknown, f"Unknown. {possible}"),
            )


def ordering_fields_of(view) -> tuple | list:
    return getattr(view, "ordering_fields", ())
