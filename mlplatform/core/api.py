"""What the resources under /api/v1/ have in common: lists, bodies, ETags, rate limits, browsable pages."""

import functools
import hashlib
import math
import sys
from collections.abc import Mapping

from django import forms
from django.utils.http import parse_etags
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.drainage import get_override
from rest_framework import filters, pagination, renderers, serializers, throttling
from rest_framework.response import Response

from mlplatform.core.errors import InvalidInput, PreconditionFailed
from mlplatform.core.transactions import atomic_with_retry

COMMON_PARAMETERS = {"page", "page_size", "format"}
NO_OBJECT = "Send a JSON object."
OF_THE_FORM = {"csrfmiddlewaretoken"}


class Pages(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_page_message = "This list has no page {page_number}."

    def get_page_size(self, request):
        wanted = request.query_params.get(self.page_size_query_param, "1")
        if not wanted.isdecimal() or not wanted.strip("0"):
            raise InvalidInput(
                f"page_size is a whole number from 1 to {self.max_page_size}.",
                field=self.page_size_query_param,
            )
        return super().get_page_size(request)

    def get_paginated_response_schema(self, schema):
        url = {"type": ["string", "null"], "format": "uri", "example": None}
        properties = {
            "count": {"type": "integer", "example": 1},
            "next": url,
            "previous": url,
            "results": schema,
        }
        return {"type": "object", "required": list(properties), "properties": properties}


class FilterBackend(DjangoFilterBackend):
    """Adds the valid values to the message about a wrong one."""

    def get_filterset(self, request, queryset, view):
        filterset = super().get_filterset(request, queryset, view)
        for field in filterset.form.fields.values() if filterset else ():
            if isinstance(field, forms.ChoiceField):
                values = ", ".join(str(value) for value, _ in field.choices if value)
                field.error_messages["invalid_choice"] = f"“%(value)s” is not one of {values}."
        return filterset


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
    """Refuses unknown query parameters: a filter with a typo would otherwise return every row."""

    def filter_queryset(self, queryset):
        if self.action == "list":
            self.refuse_unknown_parameters()
        return super().filter_queryset(queryset)

    def refuse_unknown_parameters(self):
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


class StrictBody:
    """For serializers of requests: unknown fields are refused, together with whatever else is wrong."""

    default_error_messages = {"invalid": NO_OBJECT}

    def get_fields(self):
        fields = super().get_fields()
        for field in fields.values():
            name_choices(getattr(field, "child", field))
        return fields

    def get_initial(self):
        """The JSON in the form of the browsable API starts out with the first example of the schema."""
        examples = [
            example.value
            for example in get_override(self, "examples", [])
            if example.request_only and example.media_type == "application/json"
        ]
        return examples[0] if examples else super().get_initial()

    def to_internal_value(self, data):
        wrong, known = {}, [name for name, field in self.fields.items() if not field.read_only]
        if isinstance(data, Mapping):
            unknown = sorted(set(map(str, data)) - set(known) - OF_THE_FORM)
            wrong = {name[:200]: [f"Unknown. This takes {', '.join(known)}."] for name in unknown}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**error.detail, **wrong}) from error
        if wrong:
            raise serializers.ValidationError(wrong)
        return value


class NumberField(serializers.FloatField):
    """An integer that no float can hold is read as the largest one: whoever knows the limit refuses it."""

    def to_internal_value(self, data):
        if isinstance(data, int) and abs(data) > sys.float_info.max:
            data = math.copysign(sys.float_info.max, data > 0 or -1)
        return super().to_internal_value(data)


def object_of(request) -> Mapping:
    """The body of a request: a JSON object or a form. Any other JSON is refused."""
    if not isinstance(request.data, Mapping):
        raise InvalidInput(NO_OBJECT)
    return request.data


def validated(view, data=None) -> dict:
    """The body of the request, or `data`, as the serializer of the view reads it."""
    serializer = view.get_serializer(data=object_of(view.request) if data is None else data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def name_choices(field) -> None:
    """REST framework only says that a value is not a valid choice; this adds the valid ones."""
    said = serializers.ChoiceField.default_error_messages["invalid_choice"]
    if isinstance(field, serializers.ChoiceField) and field.error_messages["invalid_choice"] == said:
        field.error_messages["invalid_choice"] = f"“{{input}}” is not one of {', '.join(field.choices)}."


class ETagMixin:
    """ETags of single objects: 304 for `If-None-Match` on GET, 412 for `If-Match` on PATCH and DELETE.

    The comparison and the handler are one transaction, so nobody else can change the object in between.
    """

    long_actions = ()  # too long for one transaction: their handlers call `refuse_if_changed` themselves

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        is_short_change = self.action in {"partial_update", "destroy"}.difference(self.long_actions)
        if is_short_change and request.headers.get("If-Match"):
            method = request.method.lower()
            setattr(self, method, functools.partial(self._handle_unless_changed, getattr(self, method)))

    def _handle_unless_changed(self, handler, *args, **kwargs):
        @atomic_with_retry
        def compare_and_handle():
            lock_row(self.request.user)  # the account comes first in the order of locks
            lock_row(self.get_object())
            self.refuse_if_changed(self.get_object())  # read again: it may have changed before it was locked
            return handler(*args, **kwargs)

        return compare_and_handle()

    @property
    def is_conditional(self) -> bool:
        """Whether the object must still be in the state that `If-Match` names; `*` is any state."""
        return self.request.headers.get("If-Match", "*").strip() not in ("*", "")

    def refuse_if_changed(self, found) -> None:
        if not self.is_conditional:
            return
        shown = self.get_serializer_of_object()(found, context=self.get_serializer_context())
        if etag_of(shown.data) not in parse_etags(self.request.headers["If-Match"]):
            raise PreconditionFailed

    def get_serializer_of_object(self):
        action, self.action = self.action, "retrieve"
        try:
            return self.get_serializer_class()
        finally:
            self.action = action

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        is_json = getattr(response, "accepted_media_type", None) == "application/json"
        if self.action == "retrieve" and response.status_code == 200 and is_json:
            etag = etag_of(response.data)
            if is_among(etag, parse_etags(request.headers.get("If-None-Match", ""))):
                return super().finalize_response(
                    request, Response(status=304, headers={"ETag": etag}), *args, **kwargs
                )
            response["ETag"] = etag
        return response


def lock_row(row) -> None:
    """Until the transaction ends. SQLite has no locks of rows, and one writing transaction at a time."""
    rows = row._meta.model._base_manager.select_for_update(no_key=True).filter(pk=row.pk)
    rows.values_list("pk").first()


def is_among(etag: str, etags: list[str]) -> bool:
    """Compared weakly (RFC 9110): a proxy that compresses responses puts W/ in front."""
    return "*" in etags or etag in (each.removeprefix("W/") for each in etags)


def etag_of(data) -> str:
    return f'"{hashlib.sha256(renderers.JSONRenderer().render(data)).hexdigest()[:32]}"'


class RateLimitHeaders:
    """Keeps what a throttle has counted for RateLimitMiddleware, which writes it into headers."""

    def allow_request(self, request, view):
        allowed = super().allow_request(request, view)
        if getattr(self, "rate", None) and getattr(self, "key", None):
            remaining = self.num_requests - len(self.history)
            reset = self.history[-1] + self.duration - self.now if self.history else self.duration
            request._request.rate_limit = self.num_requests, max(0, remaining), max(1, math.ceil(reset))
        return allowed


class AnonRateThrottle(RateLimitHeaders, throttling.AnonRateThrottle):
    pass


class ScopedRateThrottle(RateLimitHeaders, throttling.ScopedRateThrottle):
    pass


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """Allows what its pages use: inline scripts and styles, and images from data: URLs."""

    content_security_policy = {
        "script-src": ["'unsafe-inline'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:"],
    }

    def render(self, data, accepted_media_type=None, renderer_context=None):
        renderer_context["response"]._csp_update = self.content_security_policy
        return super().render(data, accepted_media_type, renderer_context)
