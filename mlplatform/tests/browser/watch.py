"""What a page does behind the back of the person who looks at it."""

import contextlib

from playwright.sync_api import Browser, BrowserContext

PATIENCE_MILLISECONDS = 60_000  # the machine may be busy with something else

EXPECTED = (
    # A refused form is an answer with words in it, but Chromium reports each status of 400 and above
    "Failed to load resource: the server responded with a status of 4",
    # What htmx and Chromium say of a request that was stopped, or cut off by a test
    "htmx:afterRequest",
    "htmx:sendAbort",
    "htmx:sendError",
    "Failed to load resource: net::ERR_CONNECTION_FAILED",
)
WITHOUT_A_HOST = ("blob:", "data:")


@contextlib.contextmanager
def watched(browser: Browser, url: str, **options):
    """A context that nobody used before. Whatever it is opened for, none of its pages may complain."""
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    watch = Watch(context, url)
    yield context
    context.close()
    assert not watch.complaints, "; ".join(watch.complaints)


class Watch:
    """Collects console errors, uncaught exceptions, violations of the CSP, alerts, and requests to others."""

    def __init__(self, context: BrowserContext, url: str):
        self.complaints = []
        self.url = url
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        context.on("request", self.look_at)
        context.on("dialog", self.close)

    def hear(self, message):
        """A violation of the CSP is an error of the console as well."""
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            self.complaints.append(f"{message.type}: {message.text}")

    def look_at(self, request):
        if not request.url.startswith((self.url, *WITHOUT_A_HOST)):
            self.complaints.append(f"another host: {request.url}")

    def close(self, dialog):
        self.complaints.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()
