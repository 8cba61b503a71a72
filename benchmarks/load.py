"""Load over HTTP: one request sent again and again over a few kept connections, each answer timed.

Plain sockets and one selector, so that the generator takes little of the processor that the server needs.
"""

import selectors
import socket
import time
from dataclasses import dataclass, field
from statistics import median, quantiles

RECEIVE_BYTES = 65536
ANSWER_SECONDS_MAX = 30


@dataclass
class Load:
    """What came back: seconds per answer, and how often each status and body was seen."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    answers: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def note(self, answer: tuple[int, bytes], latency: float) -> None:
        self.latencies.append(latency)
        self.answers[answer] = self.answers.get(answer, 0) + 1

    def add(self, other: "Load") -> None:
        self.latencies += other.latencies
        self.seconds += other.seconds
        for answer, count in other.answers.items():
            self.answers[answer] = self.answers.get(answer, 0) + count

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def median_ms(self) -> float:
        return median(self.latencies) * 1000

    @property
    def p99_ms(self) -> float:
        return quantiles(self.latencies, n=100)[98] * 1000


class Connection:
    def __init__(self, host: str, port: int):
        self.socket = socket.create_connection((host, port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> tuple[int, bytes] | None:
        """Status and body once all of it is here."""
        chunk = self.socket.recv(RECEIVE_BYTES)
        if not chunk:
            raise ConnectionError("The server closed a connection in the middle of an answer.")
        self.received += chunk
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return None
        return int(head.split(b" ", 2)[1]), body


def http_request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def send_load(host: str, port: int, request: bytes, connections: int, seconds: float) -> Load:
    load = Load()
    with selectors.DefaultSelector() as selector:
        started_at = time.perf_counter()
        for _ in range(connections):
            connection = Connection(host, port)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(request)
        while selector.get_map():
            for connection in _readable(selector):
                answer = connection.answer()
                if answer is None:
                    continue
                now = time.perf_counter()
                load.note(answer, now - connection.sent_at)
                if now < started_at + seconds:
                    connection.send(request)
                else:
                    selector.unregister(connection.socket)
                    connection.socket.close()
        load.seconds = time.perf_counter() - started_at
    return load


def _readable(selector: selectors.BaseSelector) -> list[Connection]:
    ready = [key.data for key, _ in selector.select(timeout=ANSWER_SECONDS_MAX)]
    if not ready:
        raise TimeoutError(f"No answer for {ANSWER_SECONDS_MAX} seconds.")
    return ready


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"An answer without Content-Length: {head!r}")
