"""Error responses: one table from error classes to statuses, and a body in JSON or HTML.

The API answers `{"detail", "code", "fields"}`, also for errors of Django and REST framework.
"""

import logging
import sys

from django.conf import settings
from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from rest_framework import exceptions, views
from rest_framework.response import Response

from mlplatform.core import database_errors, errors
from mlplatform.request_buffering import BODY_REFUSAL, TOO_LARGE
from mlplatform.uploads import FORM_BYTES_MAX, UploadTooLarge

logger = logging.getLogger(__name__)

STATUS = {  # and the title of the page
    errors.InvalidInput: (400, "Bad request"),
    errors.NotSignedIn: (401, "Please log in"),
    errors.PaymentRequired: (402, "Not enough tokens"),
    errors.Forbidden: (403, "Not allowed"),
    errors.NotFound: (404, "Page not found"),
    errors.TooSlow: (408, "Request timed out"),
    errors.Conflict: (409, "Conflict"),
    errors.PreconditionFailed: (412, "Changed in the meantime"),
    errors.TooLarge: (413, "Too large"),
    errors.EncodedBody: (415, "Unsupported encoding"),
    errors.Unprocessable: (422, "Request does not match"),
    errors.TooManyRequests: (429, "Too many requests"),
    errors.Unavailable: (503, "Temporarily unavailable"),
}
TITLES = {**dict(STATUS.values()), 500: "Something went wrong"}

NO_SUCH_URL = "This URL does not exist. /api/docs lists all URLs; none of them ends in a slash."
NO_SUCH_OBJECT = "There is no such object, or it belongs to another user."
NO_CREDENTIALS = (
    'Send "Authorization: Bearer …" with a key, which you create at /accounts/keys/, or with an access token '
    "from POST /api/v1/token."
)
BODY_TOO_LARGE = errors.TooLarge(
    f"The request is larger than this server accepts. A file may have {settings.MAX_UPLOAD_MB:,} MB."
)
BODY_TOO_SLOW = errors.TooSlow("The request did not arrive in time. Check your connection and try again.")

DATABASE_OUTAGES = {
    database_errors.UNREACHABLE: "The database cannot be reached at the moment. Try again in a few seconds.",
    database_errors.BUSY: "The database is busy at the moment. Try again in a few seconds.",
    database_errors.FULL: "The database has no space left at the moment. Try again later.",
}


def status_of(error: errors.DomainError) -> int:
    return next(STATUS[kind][0] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: errors.DomainError, request) -> dict:
    body = {"detail": error.message, "code": error.code, "fields": error.fields}
    return body | {"links": links_to_tokens(request)} if isinstance(error, errors.PaymentRequired) else body


def links_to_tokens(request) -> dict:
    """Where the user requests tokens, and buys them if there is a shop."""
    links = {"request_tokens": request.build_absolute_uri(reverse("billing:tokens"))}
    return links | {"buy_tokens": settings.TOKENS_URL} if settings.TOKENS_URL else links


def headers_of(error: errors.DomainError) -> dict:
    if isinstance(error, errors.NotSignedIn):
        return {"WWW-Authenticate": 'Bearer realm="api"'}
    if isinstance(error, errors.EncodedBody):
        return {"Accept-Encoding": "identity"}
    seconds = getattr(error, "retry_after_seconds", None)
    return {"Retry-After": str(seconds)} if seconds else {}


def as_refusal(error: Exception) -> errors.DomainError | None:
    """The refusal for a known error of the framework or the database; None for a bug."""
    if isinstance(error, errors.DomainError):
        return error
    if isinstance(error, UploadTooLarge):
        return errors.TooLarge(str(error))
    if isinstance(error, RequestDataTooBig):
        return errors.TooLarge(f"A form may have {FORM_BYTES_MAX:,} bytes without its file.")
    if isinstance(error, TooManyFieldsSent):
        fields_max = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return errors.InvalidInput(f"A form may have {fields_max:,} fields at most.")
    if isinstance(error, TooManyFilesSent):
        return errors.InvalidInput("Send one file at a time.")
    if isinstance(error, SuspiciousOperation):
        return errors.InvalidInput("The request is malformed.")
    if outage := database_errors.outage_of(error):
        fields = {"outage": outage, "database_code": database_errors.code_of(error)}
        logger.error("database outage", exc_info=error, extra={"fields": fields})
        return errors.Unavailable(DATABASE_OUTAGES[outage])
    if errors.is_storage_full(error):
        logger.error("no space left for files", exc_info=error)
        return errors.StorageUnavailable(errors.STORAGE_FULL)
    return None


# REST framework


def answer_in_json(error: Exception, context: dict) -> Response | None:
    """The EXCEPTION_HANDLER of REST framework."""
    if refusal := as_refusal(error):
        return Response(
            body_of(refusal, context["request"]), status=status_of(refusal), headers=headers_of(refusal)
        )
    response = views.exception_handler(error, context)
    if response is not None:
        response.data = body_of_framework_error(error, response.data)
        response.data["detail"] = what_to_do(error, context.get("view")) or response.data["detail"]
    return response


def what_to_do(error: Exception, view) -> str | None:
    """A better sentence where REST framework only says what is wrong; else None."""
    if isinstance(error, exceptions.NotAuthenticated):
        return NO_CREDENTIALS
    if isinstance(error, Http404) and error.args:  # "No ApiKey matches the given query."
        return NO_SUCH_OBJECT
    if isinstance(error, exceptions.MethodNotAllowed) and view:
        possible = [method for method in view.allowed_methods if method not in ("HEAD", "OPTIONS")]
        return f"{view.request.method} is not allowed here. Use {' or '.join(possible)}."
    if isinstance(error, exceptions.UnsupportedMediaType) and view:
        types = " or ".join(parser.media_type for parser in view.get_parsers())
        return f"A body of type {view.request.content_type[:100]} is not accepted here. Send {types}."
    return None


def body_of_framework_error(error: Exception, data) -> dict:
    code = getattr(error, "default_code", "not_found")
    if isinstance(data, dict) and set(data) <= {"detail", "code", "messages"}:  # also SimpleJWT's
        code = data.get("code") or getattr(data.get("detail"), "code", code)
        return {"detail": str(data["detail"]), "code": str(code), "fields": {}}
    fields = dict(flatten(data))
    general = fields.pop("", "")
    sentences = [general, *(f"{name}: {sentence}" for name, sentence in fields.items())]
    return {"detail": " ".join(filter(None, sentences)), "code": code, "fields": fields}


def flatten(data, path: str = ""):
    """Yields (dotted field name, sentences) from nested errors; the name of general errors is ""."""
    if isinstance(data, dict):
        for name, value in data.items():
            step = "" if name in ("non_field_errors", "__all__") else str(name)
            yield from flatten(value, ".".join(filter(None, [path, step])))
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        for index, item in enumerate(data):
            yield from flatten(item, f"{path}[{index}]")
    else:
        yield path, " ".join(map(str, data)) if isinstance(data, list) else str(data)


# Pages, partials, and errors before a view is reached


class RefusalMiddleware(MiddlewareMixin):
    """Answers refusals of plain views, and requests whose body was not received."""

    def process_request(self, request):
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return refuse(request, errors.InvalidInput("The URL contains a NUL character."))
        if reason := request.META.get(BODY_REFUSAL):
            return refuse(request, BODY_TOO_LARGE if reason == TOO_LARGE else BODY_TOO_SLOW)
        return None

    def process_exception(self, request, error):
        refusal = as_refusal(error)
        return refuse(request, refusal) if refusal else None


def refuse(request, error: errors.DomainError):
    """JSON under /api/, a partial for htmx, a page otherwise."""
    status = status_of(error)
    if request.path.startswith("/api/"):
        response = JsonResponse(body_of(error, request), status=status)
    elif isinstance(error, errors.Unavailable):
        response = bare_page(request, status, error.message)
    else:
        template = "errors/_refusal.html" if getattr(request, "htmx", False) else "errors/refusal.html"
        response = render(request, template, {"refusal": error, **heading(request, status)}, status=status)
    for name, value in headers_of(error).items():
        response[name] = value
    return response


def bare_page(request, status: int, message: str):
    """Uses neither database nor context processors: they may be what is broken."""
    return render(None, "errors/bare.html", {"message": message, **heading(request, status)}, status=status)


def heading(request, status: int) -> dict:
    return {"status": status, "title": TITLES[status], "request_id": getattr(request, "id", "")}


# Handlers that Django calls


def bad_request(request, exception):
    return refuse(request, as_refusal(exception) or errors.InvalidInput("The request is malformed."))


def permission_denied(request, exception):
    return refuse(request, errors.Forbidden(str(exception) or "You are not allowed to do this."))


def csrf_failure(request, reason=""):
    message = "This form has expired, or cookies are disabled. Reload the page and submit it again."
    return refuse(request, errors.Forbidden(message))


def page_not_found(request, exception):
    is_api = request.path.startswith("/api/")
    message = NO_SUCH_URL if is_api else "This page does not exist, or you do not have access to it."
    return refuse(request, errors.NotFound(message))


def server_error(request):
    """For a bug, or an outage in a middleware, which RefusalMiddleware does not see."""
    if refusal := as_refusal(sys.exc_info()[1]):
        return refuse(request, refusal)
    message = "Something went wrong on our side. The error has been logged."
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": message, "code": "server_error", "fields": {}}, status=500)
    return bare_page(request, 500, message)
