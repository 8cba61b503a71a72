"""Receives whole requests on the event loop. The WSGI application answers some there, others in threads.

A slow client occupies no thread, and its body must arrive at a minimum rate. A body that is too slow or too
large is discarded; the application finds the reason in `environ[BODY_REFUSAL]` and responds.
"""

import asyncio
import io
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from queue import SimpleQueue
from urllib.parse import unquote_to_bytes

from mlplatform.core import event_loop

BODY_REFUSAL = "mlplatform.body_refusal"
TOO_SLOW, TOO_LARGE = "too slow", "too large"

BODY_SECONDS = 10  # for a body to arrive; a body that keeps the minimum rate may take longer
BODY_BYTES_PER_SECOND_MIN = 20_000
BODY_MEMORY_BYTES = 64 * 1024  # larger bodies go to a temporary file
SEND_BYTES = 64 * 1024
HEADER_NAMES_REMEMBERED = 1_000


class ClientLeft(Exception):
    """In the middle of its body."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was received. Its thread ends `answered` with the response, None if it was sent."""

    environ: dict
    receive: object
    send: object
    answered: asyncio.Future


class BufferedApplication:
    """The ASGI application around a WSGI one. A body larger than `body_bytes_max` is not read.

    Small requests for which `is_quick(environ)` holds run on the event loop, unless they turn out to need a
    thread: see `core.event_loop`.
    """

    def __init__(
        self,
        application,
        *,
        threads: int,
        body_bytes_max: int,
        is_quick: Callable[[dict], bool] = lambda environ: False,
    ):
        self.application = application
        self.body_bytes_max = body_bytes_max
        self.is_quick = is_quick
        self.loop = None
        self.waiting = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self.answer_all, name=f"request_{number}", daemon=True).start()

    async def __call__(self, scope, receive, send):
        self.loop = asyncio.get_running_loop()
        environ = environ_of(scope)
        is_chunked = environ.pop("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        length = None if is_chunked else content_length(environ)
        is_small = not is_chunked and length <= BODY_MEMORY_BYTES
        with io.BytesIO() if is_small else tempfile.SpooledTemporaryFile(BODY_MEMORY_BYTES) as body:
            environ["wsgi.input"] = body
            if length != 0:
                try:
                    refusal = await self.receive(receive, body, length)
                except ClientLeft:
                    return
                if refusal:
                    environ |= {BODY_REFUSAL: refusal, "CONTENT_LENGTH": "0"}
                    body.truncate(0)
                elif is_chunked:  # without a length, Django would not read it
                    environ["CONTENT_LENGTH"] = str(body.tell())
                body.seek(0)
            if is_small and self.is_quick(environ):
                try:
                    return await self.answer_on_loop(environ.copy(), send)
                except event_loop.NeedsThread:
                    body.seek(0)
            await self.answer_in_thread(environ, receive, send)

    async def answer_on_loop(self, environ, send):
        start, content = await event_loop.run(self.whole_response, environ)
        await send(start)
        await send({"type": "http.response.body", "body": content})

    async def answer_in_thread(self, environ, receive, send):
        """Not by `run_in_executor`, whose two futures take longer than everything else here."""
        request = Request(environ, receive, send, self.loop.create_future())
        self.waiting.put(request)
        response = await request.answered
        if response is not None:
            start, content = response
            await send(start)
            await send({"type": "http.response.body", "body": content})

    def answer_all(self):
        """The loop of each thread."""
        while True:
            request = self.waiting.get()
            response = error = None
            try:
                response = self.answer(request)
            except BaseException as raised:  # uvicorn logs it, and the thread goes on to the next request
                error = raised
            self.loop.call_soon_threadsafe(end, request.answered, response, error)

    async def receive(self, receive, body, length: int | None) -> str | None:
        """Reads the body into `body`; returns the reason if it was discarded.

        `length` is None for a body in chunks, which ends with its last message.
        """
        if (length or 0) > self.body_bytes_max:
            return TOO_LARGE
        received, started, has_more = 0, self.loop.time(), True
        try:
            async with asyncio.timeout(BODY_SECONDS) as limit:
                while has_more if length is None else received < length:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientLeft
                    body.write(message["body"])
                    received += len(message["body"])
                    has_more = message["more_body"]
                    if received > self.body_bytes_max:
                        return TOO_LARGE
                    limit.reschedule(started + BODY_SECONDS + received / BODY_BYTES_PER_SECOND_MIN)
        except TimeoutError:
            return TOO_SLOW
        return None

    def answer(self, request: Request) -> tuple[dict, bytes] | None:
        """Runs in a thread. The response, if it is short; a long one is sent piece by piece."""
        head, response = self.call(request.environ)
        try:
            pieces = joined(response)
            first, second = next(pieces, b""), next(pieces, None)
            start = start_message(*head, is_last=BODY_REFUSAL in request.environ)
            if second is None:
                return start, first
            self.send_long(request, start, chain([first, second], pieces))
        finally:
            close(response)

    def whole_response(self, environ) -> tuple[dict, bytes]:
        head, response = self.call(environ)
        try:
            return start_message(*head), b"".join(response)
        finally:
            close(response)

    def call(self, environ) -> tuple[list, object]:
        """The status and headers, and the response: an iterable that has to be closed."""
        head = []
        response = self.application(environ, lambda status, headers, _=None: head.extend((status, headers)))
        return head, response

    def send_long(self, request: Request, start: dict, pieces):
        """Runs in a thread, which waits for the client. Ends early if the client leaves."""
        has_left = asyncio.run_coroutine_threadsafe(until_client_leaves(request.receive), self.loop)
        messages = ({"type": "http.response.body", "body": piece, "more_body": True} for piece in pieces)
        for message in chain([start], messages, [{"type": "http.response.body"}]):
            if has_left.done():
                return
            asyncio.run_coroutine_threadsafe(request.send(message), self.loop).result()


async def until_client_leaves(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


def end(answered: asyncio.Future, response, error: BaseException | None):
    """At a stop of the server, the request may have been cancelled before."""
    if answered.done():
        return
    if error is None:
        answered.set_result(response)
    else:
        answered.set_exception(error)


def close(response):
    if hasattr(response, "close"):  # optional in PEP 3333
        response.close()


def start_message(status: str, headers: list, *, is_last: bool = False) -> dict:
    """`is_last` closes the connection, on which the rest of a body may still arrive."""
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if is_last:
        encoded.append((b"Connection", b"close"))
    return {"type": "http.response.start", "status": int(status[:3]), "headers": encoded}


def joined(chunks):
    """Joins chunks to pieces of SEND_BYTES or more, since each piece costs a step of the event loop."""
    piece = bytearray()
    for chunk in chunks:
        piece += chunk
        if len(piece) >= SEND_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def content_length(environ) -> int:
    """0 without a length: Django reads no body then."""
    length = str(environ.get("CONTENT_LENGTH", ""))
    return int(length) if length.isascii() and length.isdigit() else 0


def environ_of(scope) -> dict:
    """PEP 3333: text that is not ASCII is Latin-1, whatever it was meant to be."""
    server_name, server_port = scope["server"]
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",  # it may have left already
        "SERVER_NAME": server_name,
        "SERVER_PORT": str(server_port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_SOFTWARE": "uvicorn",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name:  # could be mistaken for a header of the proxy
            continue
        key = environ_key(name)
        text = value.decode("latin-1")
        if key in environ:
            separator = "; " if key == "HTTP_COOKIE" else ","
            text = f"{environ[key]}{separator}{text}"
        environ[key] = text
    return environ


@lru_cache(HEADER_NAMES_REMEMBERED)
def environ_key(name: bytes) -> str:
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
