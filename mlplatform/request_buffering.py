"""Receives whole requests on granian's event loop, then runs the WSGI application in a thread.

A slow client occupies no thread, and its body must arrive at a minimum rate. A body that is too slow or too
large is discarded; the application finds the reason in `environ[BODY_REFUSAL]` and responds.
"""

import asyncio
import io
import sys
import tempfile
import threading
from itertools import chain
from queue import SimpleQueue

BODY_REFUSAL = "mlplatform.body_refusal"
TOO_SLOW, TOO_LARGE = "too slow", "too large"

BODY_SECONDS = 10  # for a body to arrive; a body that keeps the minimum rate may take longer
BODY_BYTES_PER_SECOND_MIN = 20_000
BODY_MEMORY_BYTES = 64 * 1024  # larger bodies go to a temporary file
SEND_BYTES = 64 * 1024
SEND_SECONDS = 30  # for a client to receive so many bytes of a long response


class BufferedApplication:
    """The RSGI application that granian calls. A body larger than `body_bytes_max` is not read."""

    def __init__(self, application, *, threads: int, body_bytes_max: int):
        self.application = application
        self.body_bytes_max = body_bytes_max
        self.loop = None
        self.waiting = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self.answer_all, name=f"request_{number}", daemon=True).start()

    def __rsgi_init__(self, loop):
        self.loop = loop

    async def __rsgi__(self, scope, protocol):
        environ = environ_of(scope)
        length = content_length(environ)
        is_small = length <= BODY_MEMORY_BYTES
        with io.BytesIO() if is_small else tempfile.SpooledTemporaryFile(BODY_MEMORY_BYTES) as body:
            environ["wsgi.input"] = body
            if length:
                refusal, received = await self.receive(protocol, body, length)
                if refusal:
                    environ |= {BODY_REFUSAL: refusal, "CONTENT_LENGTH": "0"}
                    body.truncate(0)
                elif received < length:  # the client disconnected
                    protocol.response_empty(400, [])
                    return
                body.seek(0)
            await self.answer_in_thread(environ, protocol)

    async def answer_in_thread(self, environ, protocol):
        """Not by `run_in_executor`, whose two futures take longer than everything else here."""
        answered = self.loop.create_future()
        self.waiting.put((environ, protocol, answered))
        await answered

    def answer_all(self):
        """The loop of each thread."""
        while True:
            environ, protocol, answered = self.waiting.get()
            error = None
            try:
                self.answer(environ, protocol)
            except BaseException as raised:  # granian logs it, and the thread goes on to the next request
                error = raised
            self.loop.call_soon_threadsafe(end, answered, error)

    async def receive(self, protocol, body, length: int) -> tuple[str | None, int]:
        """Reads the body into `body`; returns the reason if it was discarded, and the bytes received."""
        if length > self.body_bytes_max:
            return TOO_LARGE, 0
        received, started = 0, self.loop.time()
        try:
            async with asyncio.timeout(BODY_SECONDS) as limit:
                async for chunk in protocol:
                    received += len(chunk)
                    body.write(chunk)
                    if received >= length:
                        break
                    limit.reschedule(started + BODY_SECONDS + received / BODY_BYTES_PER_SECOND_MIN)
        except TimeoutError:
            return TOO_SLOW, received
        return None, received

    def answer(self, environ, protocol):
        """Runs in a thread."""
        head = []
        response = self.application(environ, lambda status, headers, _=None: head.extend((status, headers)))
        try:
            pieces = joined(response)
            first, second = next(pieces, b""), next(pieces, None)
            status, headers = int(head[0].split(" ", 1)[0]), head[1]
            if second is None:
                protocol.response_bytes(status, headers, first)
                return
            transport = protocol.response_stream(status, headers)
            for piece in chain([first, second], pieces):
                sending = asyncio.run_coroutine_threadsafe(send(transport, piece), self.loop)
                sending.result()
        except TimeoutError:
            return  # the client stopped reading
        finally:
            response.close()


def end(answered: asyncio.Future, error: BaseException | None):
    """A client that has disconnected may have ended it before."""
    if answered.done():
        return
    if error is None:
        answered.set_result(None)
    else:
        answered.set_exception(error)


async def send(transport, piece: bytes):
    async with asyncio.timeout(SEND_SECONDS):
        await transport.send_bytes(piece)


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
    """0 without a length, as in chunked requests: Django reads no body then."""
    length = str(environ.get("CONTENT_LENGTH", ""))
    return int(length) if length.isascii() and length.isdigit() else 0


def environ_of(scope) -> dict:
    server_name, _, server_port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "SERVER_NAME": server_name.strip("[]"),
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_SOFTWARE": "granian",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    # Headers with a value that is not ASCII are in keys(), but not in items()
    headers = scope.headers
    readable = headers.items()
    unreadable = set(headers.keys()) - {name for name, _ in readable}
    for name, value in chain(readable, ((name, "�") for name in unreadable)):
        if "_" in name:  # could be mistaken for a header of the proxy
            continue
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    return environ
