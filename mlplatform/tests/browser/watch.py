"""What a page does behind the back of the person who looks at it."""

from playwright.sync_api import BrowserContext

# A refused form is an answer with words in it, but Chromium reports each status of 400 and above
EXPECTED = "Failed to load resource: the server responded with a status of 4"


class Watch:
    """Collects console errors, uncaught exceptions, violations of the CSP, and requests to other hosts."""

    def __init__(self, context: BrowserContext, url: str):
        self.complaints = []
        self.url = url
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        context.on("request", self.look_at)

    def hear(self, message):
        """A violation of the CSP is reported as an error of the console."""
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            self.complaints.append(f"{message.type}: {message.text}")

    def look_at(self, request):
        if not request.url.startswith((self.url, "blob:")):
            self.complaints.append(f"another host: {request.url}")
