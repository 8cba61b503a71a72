"""The OpenAPI schema: what calls have in common is declared here, so that each names only what is its own."""

from django.utils.text import camel_case_to_spaces
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import AllowAny

REFUSALS = {
    400: "The input is wrong: `fields` names what.",
    401: "Nobody is signed in, or the credentials are wrong.",
    402: "Too few tokens.",
    403: "The caller may not do this.",
    404: "The caller has no such object.",
    409: "The request conflicts with stored data, such as a name that is taken.",
    413: "The file is larger than allowed.",
    422: "The idempotency key was used with another body, or the training failed and is refunded.",
    429: "Too many requests. `Retry-After` says when to try again.",
}


class RefusalSerializer(serializers.Serializer):
    """Why the request was refused. A refusal costs nothing."""

    detail = serializers.CharField(help_text="what is wrong, and what to do")
    code = serializers.CharField(help_text="a stable code, for programs")
    fields = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="a sentence for each input that is wrong"
    )
    links = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="with 402: the page to `request_tokens`, and where to `buy_tokens` if there is a shop",
    )


class Schema(AutoSchema):
    """A view may set `tags`, and the statuses of its own `refusals`. Its operation has the name of the class.

    The refusals of every call that reads a body, needs a log-in or finds an object by its URL are added.
    """

    def get_operation_id(self):
        name = type(self.view).__name__.removesuffix("View")
        return camel_case_to_spaces(name).replace(" ", "_")

    def get_tags(self):
        return getattr(self.view, "tags", None) or super().get_tags()

    def _get_response_bodies(self, direction="response"):
        answers = super()._get_response_bodies(direction)
        for status in self.refusals():
            refusal = OpenApiResponse(RefusalSerializer, description=REFUSALS[status])
            answers[str(status)] = self._get_response_for_code(refusal, str(status), direction=direction)
        return answers

    def refusals(self) -> list[int]:
        needs_login = not any(isinstance(permission, AllowAny) for permission in self.view.get_permissions())
        standard = {
            400: self.method in ("POST", "PUT", "PATCH") and self.get_request_serializer() is not None,
            401: needs_login,
            404: "{" in self.path,
        }
        return sorted(
            {*getattr(self.view, "refusals", ()), *(status for status in standard if standard[status])}
        )
