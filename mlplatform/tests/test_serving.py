"""A serving process on a real port, in threads of the test and with short limits."""

import errno
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from mlplatform import serving
from mlplatform.request_buffering import BODY_REFUSAL, TOO_LARGE, BufferedApplication
from mlplatform.tests.fresh_process import imported_by
from mlplatform.tests.processes import until

SECONDS = 2
ENDLESS = 1_000  # pieces of an answer that no client takes as a whole
PIECE = b"x" * 1_000_000


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    monkeypatch.setattr(serving, "HEAD_SECONDS", SECONDS)
    monkeypatch.setattr(serving, "SEND_SECONDS", SECONDS)


class Application:
    """Says hello; /long with an answer that is sent piece by piece, /error not at all."""

    def __init__(self):
        self.environs, self.bodies = [], []
        self.is_closed = threading.Event()

    def __call__(self, environ, start_response):
        self.environs.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        if environ["PATH_INFO"] == "/error":
            raise ValueError
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self.pieces(ENDLESS if environ["PATH_INFO"] == "/long" else 1)

    def pieces(self, count):
        try:
            for _ in range(count):
                yield PIECE if count > 1 else b"hello"
        finally:
            if count > 1:
                self.is_closed.set()


@pytest.fixture
def application():
    return Application()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextmanager
def served(application, listener, open_connections, place=0):
    """By one thread, so that a client that held it would stop everybody."""
    buffered = BufferedApplication(application, threads=1, body_bytes_max=1_000_000)
    server = serving.Server(buffered, listener.dup(), place, open_connections)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, what="for the server")
        yield server
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def server(application, listener):
    with served(application, listener, [0]) as server:
        yield server


@pytest.fixture
def connect(listener, server):
    clients = []

    def connect(text=""):
        client = socket.create_connection(listener.getsockname(), timeout=30)
        clients.append(client)
        client.sendall(text.encode("latin-1"))
        return client

    yield connect
    for client in clients:
        client.close()


def request(path="/", headers=""):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"


def is_answered(client):
    return client.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", ["", "GET / HTTP/1.1\r\nHost: local"])
def test_who_does_not_send_headers_in_time_is_disconnected(connect, sent):
    assert connect(sent).recv(100) == b""


def test_who_sends_no_further_request_is_disconnected(connect):
    client = connect(request())

    assert is_answered(client)
    assert client.recv(100) == b""


def test_headers_without_end_are_refused(connect):
    client = connect("GET / HTTP/1.1\r\n")
    with pytest.raises(OSError):
        while True:
            client.sendall(b"X-More: " + b"x" * 1_000 + b"\r\n")

    assert is_answered(connect(request()))


def test_large_headers_are_refused_with_the_reason(connect):
    client = connect("GET / HTTP/1.1\r\nX-More: " + "x" * serving.HEAD_BYTES_MAX)

    answer = client.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b"The headers are larger than 65,536 bytes.")


def test_a_client_that_stops_reading_a_long_answer_is_disconnected_and_frees_its_thread(connect, application):
    connect(request("/long")).recv(1)

    assert application.is_closed.wait(timeout=30)
    assert is_answered(connect(request()))


def test_the_work_on_a_long_answer_ends_when_its_client_leaves(connect, application, monkeypatch):
    monkeypatch.setattr(serving, "SEND_SECONDS", 60)
    client = connect(request("/long"))
    client.recv(1)
    client.close()

    assert application.is_closed.wait(timeout=30)
    assert is_answered(connect(request()))


def test_an_error_of_the_application_is_answered_and_its_thread_goes_on(connect):
    assert connect(request("/error")).recv(4096).startswith(b"HTTP/1.1 500")
    assert is_answered(connect(request()))


def test_requests_that_are_sent_before_the_answers_are_answered_in_turn(connect, application):
    client = connect(request("/first") + request("/second"))

    received = b""
    while received.count(b"HTTP/1.1 200") < 2 and (more := client.recv(4096)):
        received += more

    assert received.count(b"HTTP/1.1 200") == 2
    assert [environ["PATH_INFO"] for environ in application.environs] == ["/first", "/second"]


CHUNKED = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("size", [3, 200_000], ids=["short", "on_disk"])
def test_a_body_in_chunks_arrives_whole_and_with_its_length(connect, application, size):
    client = connect(CHUNKED)
    for _ in range(2):
        client.sendall(f"{size:x}\r\n{'x' * size}\r\n".encode())
    client.sendall(b"0\r\n\r\n")

    assert is_answered(client)
    assert application.bodies == [b"x" * 2 * size]
    assert application.environs[0]["CONTENT_LENGTH"] == str(2 * size)


def test_a_body_in_chunks_without_contents_is_empty(connect, application):
    assert is_answered(connect(f"{CHUNKED}0\r\n\r\n"))
    assert application.bodies == [b""]


def test_a_body_in_chunks_is_refused_once_it_is_too_large(connect, application):
    client = connect(CHUNKED)
    for _ in range(2):
        client.sendall(f"{600_000:x}\r\n{'x' * 600_000}\r\n".encode())

    assert is_answered(client)  # by the application, which finds the reason
    assert application.environs[0][BODY_REFUSAL] == TOO_LARGE
    assert (application.environs[0]["CONTENT_LENGTH"], application.bodies) == ("0", [b""])


def test_a_client_that_leaves_amid_its_chunks_is_no_request(connect, application):
    connect(f"{CHUNKED}5\r\nhello\r\n").close()

    assert is_answered(connect(request()))
    assert application.bodies == [b""]


def test_headers_arrive_as_the_gateway_interface_wants_them(connect, application):
    headers = "X-One: a\r\nX-One: b\r\nCookie: a=1\r\nCookie: b=2\r\nX_One: fake\r\nX-Name: J\xfcrg\r\n"
    assert is_answered(connect(request("/a%20b%FF?q=%C3%BC", headers)))

    [environ] = application.environs
    assert environ["HTTP_X_ONE"] == "a,b"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_NAME"] == "J\xfcrg"
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/a b\xff", "q=%C3%BC")
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_the_libraries_are_left_out_of_garbage_collection():
    program = (
        "import gc, mlplatform.wsgi, mlplatform.serving\n"
        "mlplatform.serving.preload()\n"
        "assert gc.get_freeze_count() > 100_000"
    )

    assert imported_by(program, {"sklearn"}) == {"sklearn"}


def test_of_two_processes_neither_gets_most_of_the_connections(application, listener, monkeypatch):
    monkeypatch.setattr(serving, "HEAD_SECONDS", 60)
    monkeypatch.setattr(serving, "YIELD_SECONDS", 0.3)  # on a busy machine, either may be late
    open_connections = [0, 0]
    with (
        served(application, listener, open_connections, place=0),
        served(application, listener, open_connections, place=1),
    ):
        clients = [socket.create_connection(listener.getsockname()) for _ in range(8)]

        until(lambda: sum(open_connections) == 8, what="for all to be accepted")
        assert min(open_connections) >= 2, open_connections
        for client in clients:
            client.close()


def test_a_process_may_have_an_eighth_more_connections_before_it_leaves_one_to_another(
    application, listener, monkeypatch
):
    monkeypatch.setattr(serving, "YIELD_SECONDS", 60)
    monkeypatch.setattr(serving, "HEAD_SECONDS", 60)
    clients = [socket.create_connection(listener.getsockname()) for _ in range(30)]

    with served(application, listener, open_connections := [0, 16]):
        until(lambda: open_connections[0] > 18, what="for those above an eighth")
        time.sleep(0.3)  # it is asked for more in the meantime
        assert open_connections == [19, 16]

    for client in clients:
        client.close()


def test_a_process_takes_the_connections_that_a_busier_one_leaves(application, listener, monkeypatch):
    monkeypatch.setattr(serving, "HEAD_SECONDS", 60)
    with served(application, listener, open_connections := [0, serving.NOT_SERVING]):
        open_connections[1] = 0  # it serves, and never accepts anything
        for _ in range(4):
            with socket.create_connection(listener.getsockname(), timeout=30) as client:
                client.sendall(request().encode())

                assert is_answered(client)


class OutOfFiles(socket.socket):
    """A listener whose process has no more file numbers for a while."""

    refusals = []

    def accept(self):
        if len(self.refusals) < 20:
            self.refusals.append(time.monotonic())
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_a_process_without_file_numbers_waits_for_some_and_does_not_spin(application):
    with OutOfFiles() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with served(application, listener, [0]), socket.create_connection(listener.getsockname()) as client:
            client.sendall(request().encode())

            assert is_answered(client)

    refusals = OutOfFiles.refusals
    assert refusals[-1] - refusals[0] >= (len(refusals) - 1) * serving.YIELD_SECONDS * 0.9


def test_a_full_process_accepts_again_when_a_client_leaves(connect, monkeypatch):
    monkeypatch.setattr(serving, "HEAD_SECONDS", 60)
    monkeypatch.setattr(serving, "CONNECTIONS", 1)
    first = connect(request())
    assert is_answered(first)
    second = connect(request())
    second.settimeout(SECONDS / 4)
    with pytest.raises(TimeoutError):
        second.recv(100)

    first.close()

    second.settimeout(30)
    assert is_answered(second)
