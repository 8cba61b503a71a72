"""Structured logs: one JSON object per line, and one line per request; plain text for a terminal.

Bodies, headers, query strings and one-time links are never logged. Of an exception, its class and its
location are logged, but not its message, which may quote a user's data.
"""

import json
import logging
import re
import secrets
import sys
import time
import traceback
from datetime import UTC, datetime

from mlplatform.core import database_time
from mlplatform.core.origin import current_job, current_request

logger = logging.getLogger("mlplatform.requests")

ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ENCODER = json.JSONEncoder(default=str)
SECRET_PATH_PARTS = ("token", "uidb64")


class CurrentStream(logging.StreamHandler):
    """Writes to what `sys.stdout` or `sys.stderr` is at that moment."""

    def __init__(self, name: str):
        logging.Handler.__init__(self)
        self.name_of_stream = name

    @property
    def stream(self):
        return getattr(sys, self.name_of_stream)


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
            **(current_job.get() or {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = describe_exception(record.exc_info[1])
        return ENCODER.encode(line)


class TextFormatter(logging.Formatter):
    """`20:14:03 info GET /models/ 200 in 12.3 ms`; of an exception each class with its last place."""

    def format(self, record):
        fields = getattr(record, "fields", {})
        if record.name == logger.name:
            text = "{method} {path} {status} in {ms} ms".format_map(fields)
        else:
            text = " ".join([record.getMessage(), *(f"{name}={value}" for name, value in fields.items())])
        lines = [f"{datetime.fromtimestamp(record.created):%H:%M:%S} {record.levelname.lower()} {text}"]
        if record.exc_info and record.exc_info[0]:
            described = describe_exception(record.exc_info[1])
            lines += [f"    {one['class']} at {(one['frames'] or ['?'])[-1]}" for one in described]
        return "\n".join(lines)


def skip_unused_lookups():
    """Logging looks up the caller, thread and process of each message, and no line of ours has them.

    The attributes are those that Python's logging HOWTO names for this.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


FORMATTERS = {"json": JsonFormatter, "text": TextFormatter}
SERVICES = {"run_worker", "quickstart", "runserver"}


def output(line_format: str, arguments: list[str]) -> dict:
    """Formatters and handlers. A command's standard output is for its report, so its log goes to stderr."""
    is_manage = arguments[0].endswith("manage.py") and arguments[1:2] and arguments[1] not in SERVICES
    stream = "stderr" if is_manage else "stdout"
    return {
        "formatters": {"line": {"()": FORMATTERS[line_format]}},
        "handlers": {
            "output": {"()": CurrentStream, "formatter": "line", "name": stream, "filters": ["security"]}
        },
    }


def configuration(line_format: str, arguments: list[str]) -> dict:
    """The setting LOGGING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        **output(line_format, arguments),
        "filters": {
            "security": {"()": "django.utils.log.CallbackFilter", "callback": without_words_of_the_request},
            "with_exception": {
                "()": "django.utils.log.CallbackFilter",
                "callback": lambda record: bool(record.exc_info),
            },
        },
        "root": {"handlers": ["output"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # mlplatform.requests logs every request; this logger adds the traceback of a bug
            "django.request": {"level": "ERROR", "filters": ["with_exception"]},
            "django.server": {"handlers": [], "propagate": True},
            "uvicorn": {"level": "ERROR"},
        },
    }


HINTS = {"DisallowedHost": ", which is none of ALLOWED_HOSTS"}


def without_words_of_the_request(record) -> bool:
    """Django's security logs quote hosts, origins, referers and paths of requests that anybody can send.

    They say "error" of most, which is for what an administrator has to look at.
    """
    kind = record.name.removeprefix("django.security.")
    if kind != record.name:
        reason = HINTS.get(kind, "")
        if kind == "csrf" and record.args:
            reason = " " + f"{record.args[0]}".partition(" - ")[0]
        record.msg, record.args = f"Refused by Django: {kind}{reason}", ()
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
    return True


def describe_exception(error: BaseException) -> list[dict]:
    """Class and frames of each exception, the cause first, without messages."""
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
    """Gives every request an id, or keeps the one it came with, and logs its response."""

    def __init__(self, get_response):
        self.get_response = get_response
        database_time.measure_connections()

    def __call__(self, request):
        started, database_started = time.perf_counter(), database_time.start()
        given_id = request.META.get("HTTP_X_REQUEST_ID", "")
        request.id = given_id if ACCEPTED_REQUEST_ID.fullmatch(given_id) else secrets.token_hex(16)
        token = current_request.set(request)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request.id
            fields = {
                "method": request.method,
                "path": path_without_secrets(request),
                "route": route_of(request),
                "status": response.status_code,
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "database_ms": round(database_time.since(database_started) * 1000, 1),
            }
            logger.log(level_of(response.status_code), "request", extra={"fields": fields})
            return response
        finally:
            current_request.reset(token)


def user_id_of(request) -> int | None:
    """Makes no query: a session that the view did not read stays unread."""
    users = (request.__dict__.get("user"), getattr(request, "_cached_user", None))  # by token, by session
    return next((user.__dict__["id"] for user in users if user is not None and "id" in user.__dict__), None)


def level_of(status: int) -> int:
    if status == 503:  # the cause has a line of its own
        return logging.WARNING
    return logging.ERROR if status >= 500 else logging.INFO


def route_of(request) -> str | None:
    """The pattern of the URL, such as `models/<str:name>/`: requests for the same page share it."""
    return request.resolver_match and request.resolver_match.route


def path_without_secrets(request) -> str:
    path, match = request.path, request.resolver_match or match_of(request.path)
    for name in SECRET_PATH_PARTS:
        if match and (secret := match.kwargs.get(name)):
            path = path.replace(str(secret), "…")
    return path


def match_of(path: str):
    """The view of a URL that was answered before it was looked up, as without its slash or without https."""
    from django.urls import Resolver404, resolve  # the supervisor of the web server logs without Django

    try:
        return resolve(path if path.endswith("/") else f"{path}/")
    except Resolver404:
        return None
