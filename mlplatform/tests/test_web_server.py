"""The web server as real processes on a real port."""

import http.client
import os
import signal
import socket
import subprocess
import sys

import pytest

from mlplatform.request_buffering import BODY_SECONDS
from mlplatform.settings import BASE_DIR
from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import PATIENCE_SECONDS, descendants, is_alive, kill, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


PROCESSES = 2
STARTED = PROCESSES + 1  # and the resource tracker of multiprocessing


@pytest.fixture
def unprepared_port():
    return free_port()


@pytest.fixture
def start_server(tmp_path, unprepared_port):
    """Without a database: it serves /healthz."""
    servers = []

    def start(**environment):
        options = ["--processes", str(PROCESSES), "--port", str(unprepared_port)]
        server = subprocess.Popen(
            [sys.executable, "-m", "mlplatform.web_server", *options],
            cwd=BASE_DIR,
            env={**os.environ, "DATA_DIR": str(tmp_path), **environment},
        )
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.terminate()
        server.wait(timeout=PATIENCE_SECONDS)


@pytest.fixture
def server(start_server):
    return start_server()


def started(server):
    processes = descendants(server.pid)
    return processes if len(processes) == STARTED else []


@pytest.mark.django_db
@pytest.mark.sqlite_only  # about imports
def test_a_process_that_has_preloaded_imports_no_learning_library_for_its_first_prediction(alice, make_model):
    model = make_model(alice)
    script = f"""
import sys, django
django.setup()
from mlplatform.serving import preload
preload()
before = set(sys.modules)
import joblib
from mlmodels.learning.scoring import compile_pipeline
from mlmodels.learning.trainers import Feature
features = [Feature("size", "number"), Feature("rooms", "number"), Feature("place", "category")]
assert compile_pipeline(joblib.load({model.file.path!r}), features)
libraries = ("sklearn", "pandas", "joblib", "mlmodels")
print([name for name in sys.modules if name not in before and name.startswith(libraries)])
"""

    done = subprocess.run([sys.executable, "-c", script], cwd=BASE_DIR, capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr


def test_killed_while_its_serving_processes_still_start_it_leaves_nobody(server):
    """Whoever stayed would keep the port, and serve what nobody looks after."""
    serving = until(lambda: started(server), what="for the serving processes")

    kill(server)

    assert until(lambda: not any(map(is_alive, serving)), what="for the serving processes to end")


def test_killed_while_it_serves_it_leaves_nobody(server, unprepared_port):
    until(lambda: is_served(unprepared_port), what="for the web server")
    serving = until(lambda: started(server), what="for the serving processes")
    clients = [unfinished(unprepared_port) for _ in range(8)]

    kill(server)

    still_reading = BODY_SECONDS - 1
    assert until(lambda: not any(map(is_alive, serving)), seconds=still_reading, what="for their end")
    for client in clients:
        client.close()


def test_serving_processes_are_replaced_however_often_they_are_killed(server, unprepared_port):
    for _ in range(3):
        until(lambda: is_served(unprepared_port), what="for the web server")
        for process in until(lambda: started(server), what="for every serving process"):
            os.kill(process, signal.SIGKILL)

    until(lambda: is_served(unprepared_port), what="for the web server")
    assert until(lambda: started(server), what="for every serving process")


def test_each_serving_process_is_pinned_to_one_core_unless_told_otherwise(start_server, unprepared_port):
    every_core = os.sched_getaffinity(0)

    pinned = while_served(start_server(), unprepared_port, os.sched_getaffinity)
    free = while_served(start_server(WEB_PIN_PROCESSES="off"), unprepared_port, os.sched_getaffinity)

    assert sorted(map(len, pinned)) == [1, 1, len(every_core)]
    assert free == [every_core] * STARTED


def while_served(server, port, ask):
    """Of the serving processes and the resource tracker."""
    until(lambda: is_served(port), what="for the web server")
    answers = [ask(process) for process in until(lambda: started(server), what="for all")]
    server.terminate()
    server.wait(timeout=PATIENCE_SECONDS)
    return answers


def test_a_server_that_cannot_start_says_why_and_exits(tmp_path):
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "SECRET_KEY": ""}
    command = [sys.executable, "-m", "mlplatform.web_server", "--port", str(free_port())]

    ended = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )

    assert ended.returncode == 1
    assert "SECRET_KEY is missing" in ended.stderr


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("WEB_PROCESSES=two", "enter 1 or more (WEB_PROCESSES sets the default)"),
        ("WEB_PROCESSES=0", "enter 1 or more (WEB_PROCESSES sets the default)"),
        ("WEB_DRAIN_SECONDS=long", "WEB_DRAIN_SECONDS must be a number, 0 or greater, not 'long'."),
        ("WEB_NOT_READY_SECONDS=-1", "WEB_NOT_READY_SECONDS must be a number, 0 or greater, not '-1'."),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused_at_the_start(variable, said):
    name, _, value = variable.partition("=")
    command = [sys.executable, "-m", "mlplatform.web_server", "--port", str(free_port())]

    ended = subprocess.run(
        command, cwd=BASE_DIR, env={**os.environ, name: value}, capture_output=True, text=True,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip

    assert ended.returncode in (1, 2)
    assert ended.stderr.splitlines()[-1].endswith(said)
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_no_port_is_said_so():
    command = [sys.executable, "-m", "mlplatform.web_server", "--port", "99999"]

    ended = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert ended.returncode == 1
    assert ended.stderr == "Cannot listen on 127.0.0.1, port 99999: a port is a number up to 65535.\n"


def test_a_port_that_is_taken_is_said_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "mlplatform.web_server", "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(
            command, cwd=BASE_DIR, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Cannot listen on 127.0.0.1, port {command[-1]}: Address already in use")


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """Of one server for all tests about bodies and answers, for which one database is as good as another."""
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    environment = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=BASE_DIR, env=environment, check=True)
    command = [sys.executable, "-m", "mlplatform.web_server", "--processes", "1", "--port", str(port)]
    server = subprocess.Popen(command, cwd=BASE_DIR, env=environment)
    until(lambda: is_served(port), what="for the web server")
    yield port
    server.terminate()
    server.wait(timeout=PATIENCE_SECONDS)


def is_served(port):
    try:
        return ask(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


def unfinished(port):
    """A client that has sent all headers and the first byte of its body."""
    client = socket.create_connection(("127.0.0.1", port), timeout=BODY_SECONDS + 10)
    head = "POST /api/request_token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    client.sendall(f"{head}Content-Length: 5000\r\n\r\n{{".encode())
    return client


def test_forty_clients_with_unfinished_bodies_stop_nobody_and_are_refused_in_the_end(port):
    slow = [unfinished(port) for _ in range(40)]

    read = ask(port, "GET", "/api/models")[0]
    written = ask(port, "POST", "/api/request_token", '{"username": "a@example.com", "password": "x"}')[0]
    ends = [client.recv(20) for client in slow]

    assert (read, written) == (200, 401)
    assert {end.split(b" ")[1] for end in ends} == {b"408"}
    for client in slow:
        client.close()


def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error(port):
    unfinished(port).close()

    assert ask(port, "GET", "/api/models")[0] == 200


def test_a_body_above_every_limit_is_refused_unread(port):
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(b"POST /api/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\n")

    answer = client.makefile("rb").read()
    client.close()
    assert answer.split(b" ")[1] == b"413"
    assert b"A file may have 50 MB." in answer


def test_a_body_whose_length_is_not_known_is_read(port):
    in_chunks = (part.encode() for part in ('{"username": "a@example.com",', ' "password": "x"}'))

    assert ask(port, "POST", "/api/request_token", in_chunks)[0] == 401


def test_long_answers_arrive_whole(port):
    path = max(BASE_DIR.glob("static/**/*.js"), key=lambda path: path.stat().st_size)
    status, content = ask(port, "GET", f"/static/{path.relative_to(BASE_DIR / 'static')}")

    assert status == 200
    assert content == path.read_bytes()
