"""What a page does behind the back of the person who looks at it."""

from playwright.sync_api import BrowserContext

EXPECTED = (
    # A refused form is an answer with words in it, but Chromium reports each status of 400 and above
    "Failed to load resource: the server responded with a status of 4",
    # What htmx and Chromium say of a request that was stopped, or cut off by a test
    "htmx:afterRequest",
    "htmx:sendError",
    "Failed to load resource: net::ERR_CONNECTION_FAILED",
)
WITHOUT_A_HOST = ("blob:", "data:")


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
