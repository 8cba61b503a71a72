"""The OpenAPI schema: what calls have in common is declared here, so that each names only what is its own."""

import threading

from django.utils.text import camel_case_to_spaces
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance, get_lib_doc_excludes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from mlplatform.core.api import ETagMixin, StrictBody, StrictQueryMixin

REFUSALS = {
    400: "The input is wrong: `fields` says where.",
    401: "Credentials are missing or wrong.",
    402: "Too few tokens.",
    403: "The caller may not do this, or not with this key.",
    404: "The caller has no such object.",
    409: "The request conflicts with stored data, such as a name that is taken.",
    412: "The object has changed: `If-Match` has an earlier ETag.",
    413: "The request or its file is larger than allowed.",
    415: "This call does not accept bodies of this type.",
    422: "The idempotency key was used with another body, or the training failed and is refunded.",
    429: "Too many requests. `Retry-After` says when to try again.",
    503: "The service is not available at the moment. `Retry-After` says when to try again.",
}
OTHER_REFUSALS = "Any other refusal, such as 405 or 406, has the same body."
HEADERS = {
    "ETag": ("string", "of this state of the object, for `If-None-Match` and `If-Match`"),
    "Idempotency-Replayed": ("string", "`true` if an earlier request with this key was carried out"),
    "Location": ("string", "the URL of the new object"),
    "RateLimit-Limit": ("integer", "requests allowed in a minute"),
    "RateLimit-Remaining": ("integer", "requests left in this minute"),
    "RateLimit-Reset": ("integer", "seconds until all of them are allowed again"),
    "Retry-After": ("integer", "seconds"),
    "WWW-Authenticate": ("string", "how to sign in"),
}
CLASSIC = "classic"
FORM, JSON = "multipart/form-data", "application/json"
IF_HEADERS = {
    name: OpenApiParameter(name, location=OpenApiParameter.HEADER, description=description)
    for name, description in {
        "If-None-Match": "An ETag. If the object still has it, the response is 304 without a body.",
        "If-Match": "An ETag. If the object has changed since, the response is 412 and nothing is done.",
    }.items()
}
BODY_METHODS = ("POST", "PUT", "PATCH")


def docs_not_shown() -> list[type]:
    """A class without a docstring would show that of the first of its bases."""
    return [*get_lib_doc_excludes(), ETagMixin, StrictBody, StrictQueryMixin]


def with_examples(*, sent: dict[str, dict] | None = None, answered: dict[int, dict] | None = None):
    """Decorates a serializer: bodies of requests by what they are for, and of responses by their status.

    A test sends the former and holds the latter against the schema. The value of a file is its content.
    """

    def decorate(serializer):
        has_file = any(
            isinstance(field, serializers.FileField) for field in serializer._declared_fields.values()
        )
        media_type = FORM if has_file else JSON
        bodies = [
            OpenApiExample(name, body, request_only=True, media_type=media_type)
            for name, body in (sent or {}).items()
        ]
        answers = [answer_example(status, body) for status, body in (answered or {}).items()]
        return extend_schema_serializer(examples=bodies + answers)(serializer)

    return decorate


def answer_example(status: int, body: dict) -> OpenApiExample:
    return OpenApiExample(f"Status {status}", body, response_only=True, status_codes=[status])


class OneAtATimeGenerator(SchemaGenerator):
    """drf-spectacular loads its extensions on first use, and fails where two threads do so at once."""

    _turn = threading.Lock()

    def get_schema(self, request=None, public=False):
        with self._turn:
            return super().get_schema(request, public)


class RefusalSerializer(serializers.Serializer):
    """Why the request was refused. A refusal costs nothing."""

    detail = serializers.CharField(help_text="what is wrong, and what to do")
    code = serializers.CharField(help_text="a stable code, for programs")
    fields = serializers.DictField(
        child=serializers.CharField(), help_text="a sentence for each input that is wrong"
    )
    links = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="with 402: the page to `request_tokens`, and where to `buy_tokens` if there is a shop",
    )


class StoredJSON(serializers.JSONField):
    """JSON that was stored by us and is answered as it is. `shape`, a serializer, describes it."""

    def __init__(self, shape, **options):
        super().__init__(read_only=True, **options)
        extend_schema_field(shape)(self)


class Schema(AutoSchema):
    """A view may set `tags`, and the statuses of its own `refusals`. Its operation has the name of the class.

    The refusals and headers that calls of a kind have in common are added. Operations of the services that
    this one replaces begin with `classic_`.
    """

    def get_operation_id(self):
        name = type(self.view).__name__.removesuffix("View")
        words = camel_case_to_spaces(name).replace(" ", "_")
        return f"classic_{words}" if CLASSIC in self.get_tags() else words

    def get_tags(self):
        return getattr(self.view, "tags", None) or super().get_tags()

    def _get_response_bodies(self, direction="response"):
        answers = super()._get_response_bodies(direction)
        if self.has_etag and self.method == "GET":
            answers["304"] = {"description": "The object has not changed: `If-None-Match` has its ETag."}
        for status in self.refusals():
            answers[str(status)] = self._refusal(str(status), REFUSALS[status], direction)
        answers["default"] = self._refusal("default", OTHER_REFUSALS, direction)
        return answers

    def _refusal(self, status: str, description: str, direction) -> dict:
        refusal = OpenApiResponse(RefusalSerializer, description=description)
        return self._get_response_for_code(refusal, status, ["application/json"], direction=direction)

    def _get_response_headers_for_code(self, status_code, direction="response"):
        own = super()._get_response_headers_for_code(status_code, direction)
        common = {
            name: {"schema": {"type": HEADERS[name][0]}, "description": HEADERS[name][1]}
            for name in sorted(self.headers(status_code))
        }
        return common | own

    def map_parsers(self):
        """Files are sent as a form, all else as JSON: other forms are those of browsable pages."""
        types = super().map_parsers()
        fields = getattr(force_instance(self.get_request_serializer()), "fields", {}).values()
        wanted = FORM if any(isinstance(field, serializers.FileField) for field in fields) else JSON
        return [wanted] if wanted in types else types

    def _map_serializer(self, serializer, direction, bypass_extensions=False):
        schema = super()._map_serializer(serializer, direction, bypass_extensions)
        if direction == "request" and isinstance(force_instance(serializer), StrictBody):
            schema["additionalProperties"] = False
        return schema

    def refusals(self) -> list[int]:
        reads_body = self.method in BODY_METHODS and self.get_request_serializer() is not None
        standard = {
            400: True,
            401: self.needs_login,
            403: self.needs_login,
            412: self.has_etag and self.method in ("PATCH", "DELETE"),
            404: "{" in self.path or self._is_list_view(),
            413: reads_body,
            415: reads_body,
            429: True,
            503: True,
        }
        return sorted(
            {*getattr(self.view, "refusals", ()), *(status for status in standard if standard[status])}
        )

    def headers(self, status: str) -> set[str]:
        """Those of the responses with this status, besides the call's own."""
        by_status = {
            "202": {"Location", "Retry-After"},
            "401": {"WWW-Authenticate"},
            "429": {"Retry-After"},
            "503": {"Retry-After"},
        }
        found = set(by_status.get(status, ()))
        if status == "201" and hasattr(self.view, "retrieve"):
            found.add("Location")
        if status.startswith("2") and self.is_repeatable:
            found.add("Idempotency-Replayed")
        if self.is_limited and (status.startswith("2") or status == "429"):
            found |= {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
        if self.has_etag and self.method == "GET" and status == "200":
            found.add("ETag")
        return found

    def get_override_parameters(self):
        """With the headers of conditional requests."""
        own = super().get_override_parameters()
        name = {"GET": "If-None-Match", "PATCH": "If-Match", "DELETE": "If-Match"}.get(self.method)
        return [*own, IF_HEADERS[name]] if self.has_etag and name else own

    @property
    def has_etag(self) -> bool:
        action = getattr(self.view, "action", None)
        return isinstance(self.view, ETagMixin) and action in ("retrieve", "partial_update", "destroy")

    @property
    def is_limited(self) -> bool:
        """Whether requests are counted: of everybody who is not signed in, and by scope."""
        return not self.needs_login or hasattr(self.view, "throttle_scope")

    @property
    def needs_login(self) -> bool:
        return not any(isinstance(permission, AllowAny) for permission in self.view.get_permissions())

    @property
    def is_repeatable(self) -> bool:
        named = (getattr(parameter, "name", "") for parameter in self.get_override_parameters())
        return "Idempotency-Key" in named
