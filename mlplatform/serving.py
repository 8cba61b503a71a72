"""One serving process of the web server: uvicorn in front of the threads that run Django."""

import asyncio
import gc
import importlib
import os
import signal
import socket
import threading

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mlmodels.learning.libraries import import_libraries
from mlplatform.core.processes import end_with_parent, pin_to_core
from mlplatform.logs import skip_unused_lookups
from mlplatform.request_buffering import BufferedApplication

THREADS = 8  # half of them may wait for training runs (mlmodels.limits.WAITING_REQUESTS_MAX)
CONNECTIONS = 2_000  # open at once; a slow client occupies one of these and no thread
HEAD_SECONDS = 10  # from the connection, or the previous response on it, to the end of the headers
HEAD_BYTES_MAX = 64 * 1024  # of the request line and the headers
SEND_SECONDS = 30  # for a client to take what has been sent to it
PRELOAD_AFTER_SECONDS = 0.5  # the process answers /healthz first
YIELD_SECONDS = (
    0.005  # a process with more than its share of connections leaves a new one to others for so long
)
NOT_SERVING = -1  # instead of the number of open connections


def serve_connections(listener: socket.socket, place: int, open_connections, parent: int):
    """The serving process number `place`; it does not outlive its supervisor, `parent`.

    `open_connections` is shared: how many connections each of the processes has.
    """
    end_with_parent(parent, signal.SIGKILL)
    if os.environ.get("WEB_PIN_PROCESSES", "on") != "off":
        pin_to_core(parent + place)
    skip_unused_lookups()
    from mlplatform.wsgi import application  # isort: skip - sets up Django, which the next ones need
    from mlmodels.api.plain import is_sale
    from mlplatform.uploads import REQUEST_BYTES_MAX

    is_preloaded = threading.Event()  # until then, the event loop would be held up by an import

    def prepare():
        preload()
        is_preloaded.set()

    preloading = threading.Timer(PRELOAD_AFTER_SECONDS, prepare)
    preloading.daemon = True
    preloading.start()
    buffered = BufferedApplication(
        application,
        threads=THREADS,
        body_bytes_max=REQUEST_BYTES_MAX,
        is_quick=lambda environ: is_preloaded.is_set() and is_sale(environ),
    )
    Server(buffered, listener, place, open_connections).run()


def preload():
    """Imports now what would delay the first page and the first prediction by seconds.

    The libraries stay, so garbage collection no longer looks at their objects: that took 0.1 s each time.
    What little of them is garbage stays as well: to collect it would stop the process for as long once more.
    """
    importlib.import_module("mlplatform.urls")
    import_libraries()
    gc.freeze()


class Server(uvicorn.Server):
    """Accepts connections from a port that it shares with other processes, and leaves each its part.

    Left to the kernel, one of two processes may get seven of eight connections, and the other core idles.
    """

    def __init__(self, application, listener: socket.socket, place: int, open_connections):
        config = uvicorn.Config(
            application,
            http=Connection,
            ws="none",
            loop="uvloop",
            lifespan="off",
            log_config=None,  # the setting LOGGING has it
            access_log=False,
            proxy_headers=False,  # Django decides whom to believe
            server_header=False,
            timeout_keep_alive=HEAD_SECONDS,
        )
        super().__init__(config)
        self.listener = listener
        self.place = place
        self.open_connections = open_connections
        self.being_accepted = set()

    async def startup(self, sockets=None):
        self.loop = asyncio.get_running_loop()
        self.listener.setblocking(False)
        await super().startup(sockets=[])
        self.listen()

    def listen(self):
        self.loop.add_reader(self.listener, self.accept_or_leave)

    def accept_or_leave(self):
        """Others get a chance first where this process has more to do; they may be too busy to take it.

        Otherwise it accepts all that are waiting, since a busy event loop seldom gets here.
        """
        while not (self.is_full() or self.has_more_than_another()):
            if not self.accept():
                return
        self.pause()

    def has_more_than_another(self) -> bool:
        fewest = min(count for count in self.open_connections if count != NOT_SERVING)
        return self.open_connections[self.place] > fewest + fewest // 8

    def pause(self):
        self.loop.remove_reader(self.listener)
        self.loop.call_later(YIELD_SECONDS, self.accept_what_is_left)

    def accept_what_is_left(self):
        if self.should_exit:
            return
        self.listen()
        if not self.is_full():
            self.accept()

    def is_full(self) -> bool:
        return self.open_connections[self.place] >= CONNECTIONS

    def accept(self) -> bool:
        """Whether there may be more."""
        try:
            accepted, _ = self.listener.accept()
        except ConnectionAbortedError:  # the client has left
            return True
        except BlockingIOError:  # no more, or another process was first
            return False
        except OSError:  # no more file numbers: it would be asked again at once
            self.pause()
            return False
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connecting = self.loop.create_task(self.loop.connect_accepted_socket(self.new_connection, accepted))
        self.being_accepted.add(connecting)
        connecting.add_done_callback(self.being_accepted.discard)
        self.open_connections[self.place] += 1
        return True

    def new_connection(self):
        return Connection(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=self.loop
        )

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        connections = self.server_state.connections
        self.open_connections[self.place] = len(connections) + len(self.being_accepted)
        for connection in list(connections):
            connection.end_if_late()
        return await super().on_tick(counter)

    async def shutdown(self, sockets=None):
        self.open_connections[self.place] = NOT_SERVING
        self.loop.remove_reader(self.listener)
        await super().shutdown(sockets=[self.listener])


class Connection(HttpToolsProtocol):
    """HTTP/1.1 with limits on the head of a request and on clients that stop reading, which uvicorn has not.

    The times are those since which the connection waits for something, None if it does not.
    """

    head_awaited_since = reading_awaited_since = closing_since = None
    head_bytes = 0

    def connection_made(self, transport):
        super().connection_made(transport)
        self.await_head()

    def await_head(self):
        self.head_awaited_since, self.head_bytes = self.loop.time(), 0

    def data_received(self, data: bytes):
        super().data_received(data)
        if self.head_awaited_since is not None:
            self.head_bytes += len(data)
            if self.head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self.send_400_response(f"The headers are larger than {HEAD_BYTES_MAX:,} bytes.")

    def on_headers_complete(self):
        self.head_awaited_since = None
        super().on_headers_complete()

    def on_response_complete(self):
        super().on_response_complete()
        if self.cycle.response_complete:  # else the client has sent the next request already
            self.await_head()

    def pause_writing(self):
        self.reading_awaited_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self):
        self.reading_awaited_since = None
        super().resume_writing()

    def end_if_late(self):
        now = self.loop.time()
        if self.transport.is_closing():
            self.closing_since = self.closing_since or now
        does_not_read = self.reading_awaited_since, self.closing_since
        if any(is_over(since, now, SEND_SECONDS) for since in does_not_read):
            self.transport.abort()
        elif is_over(self.head_awaited_since, now, HEAD_SECONDS):
            self.transport.close()


def is_over(since: float | None, now: float, seconds: float) -> bool:
    return since is not None and now - since > seconds
