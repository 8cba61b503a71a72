"""Structured logs: one JSON object a line, and one line for each request.

What people entrust to us stays out of them: no bodies, headers, query strings or one-time links are logged,
and of an exception its class and where it was raised, never its message, which may quote a row of data.
"""

import json
import logging
import re
import sys
import time
import traceback
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

current_request = ContextVar("current_request", default=None)

logger = logging.getLogger("mlplatform.requests")

FOREIGN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECRET_PATH_PARTS = ("token", "uidb64")


class StandardOutput(logging.StreamHandler):
    """Writes to what `sys.stdout` is at that moment."""

    def __init__(self):
        logging.Handler.__init__(self)

    @property
    def stream(self):
        return sys.stdout


class JsonFormatter(logging.Formatter):
    """`extra={"fields": {…}}` adds fields to the line."""

    def format(self, record):
        request = current_request.get()
        line = {
            "level": record.levelname.lower(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "logger": record.name,
            "request_id": request and request.id,
            "user_id": request and user_id_of(request),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = describe_exception(record.exc_info[1])
        return json.dumps(line, default=str)


class ExceptionsAlone(logging.Filter):
    def filter(self, record):
        return bool(record.exc_info)


def describe_exception(error: BaseException) -> list[dict]:
    """What was raised and where, first the cause; without the messages."""
    described = []
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        described.append(
            {
                "class": f"{type(error).__module__}.{type(error).__qualname__}",
                "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        error = error.__cause__ or error.__context__
    return described[::-1]


class RequestLogMiddleware:
    """Gives every request an id, takes over a caller's own, and logs how it ended."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        started = time.perf_counter()
        given_id = request.headers.get("X-Request-ID", "")
        request.id = given_id if FOREIGN_REQUEST_ID.fullmatch(given_id) else uuid.uuid4().hex
        token = current_request.set(request)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request.id
            log_request(request, response, milliseconds=(time.perf_counter() - started) * 1000)
            return response
        finally:
            current_request.reset(token)


def user_id_of(request) -> int | None:
    """Without asking the database: a session that nobody looked at stays unread."""
    of_token, of_session = request.__dict__.get("user"), getattr(request, "_cached_user", None)
    known = [
        user.__dict__["id"] for user in (of_token, of_session) if user is not None and "id" in user.__dict__
    ]
    return known[0] if known else None


def log_request(request, response, *, milliseconds: float):
    fields = {
        "method": request.method,
        "path": path_without_secrets(request),
        "status": response.status_code,
        "ms": round(milliseconds, 1),
    }
    logger.log(level_of(response.status_code), "request", extra={"fields": fields})


def level_of(status: int) -> int:
    if status == 503:  # something is not there just now: whoever finds that out says what
        return logging.WARNING
    return logging.ERROR if status >= 500 else logging.INFO


def path_without_secrets(request) -> str:
    path, match = request.path, request.resolver_match or match_with_slash(request.path)
    for name in SECRET_PATH_PARTS:
        if match and (secret := match.kwargs.get(name)):
            path = path.replace(str(secret), "…")
    return path


def match_with_slash(path: str):
    """What an address will lead to that is redirected because the slash at its end is missing."""
    from django.urls import Resolver404, resolve  # the parent of the web server logs too, without Django

    try:
        return resolve(f"{path}/")
    except Resolver404:
        return None
