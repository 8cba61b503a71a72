"""What started the current work: a request of a page or the API, or a command."""

from contextvars import ContextVar

current_request = ContextVar("current_request", default=None)
current_command = ContextVar("current_command", default="")
current_job = ContextVar("current_job", default=None)  # of a worker: {"run": id} or {"batch": id}


def origin() -> dict[str, str]:
    """To be stored: the `door` (page, api or command) with its `command`, or the `request_id` and its `key`.

    Logs are searched by `request_id`. Empty outside of requests and commands.
    """
    request = current_request.get()
    if request is None:
        return {"door": "command", "command": current_command.get()} if current_command.get() else {}
    known = {"door": "api" if request.path.startswith("/api/") else "page", "request_id": request.id}
    key = getattr(getattr(request, "auth", None), "label", "")
    return {**known, "key": key} if key else known
