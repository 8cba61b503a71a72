import contextlib
import http.client
import os
import signal
import socket
import sys
import time

from django.conf import settings
from django.core.management import CommandError, call_command

from mlplatform import processes
from mlplatform.core import commands
from mlplatform.processes import Child, Supervisor

DEMO_EMAIL = "demo@example.com"
START_SECONDS = 60
LOOK_SECONDS = 0.2
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(commands.Command):
    help = "Prepares everything, makes a demo account once, runs web server and training worker until Ctrl-C."
    epilog = """
For one machine and a demonstration; docs/operations.md says how to serve others. What exits is restarted.
The variables HOST and PORT are the defaults, and DATA_DIR says where everything is kept.

exit codes:
  0  stopped by Ctrl-C, by SIGTERM or with its terminal
  1  not started: the port is taken, or the preparation or the web server failed, as printed
  2  wrong usage

examples:
  manage.py quickstart
  DATA_DIR=elsewhere manage.py quickstart --port 8123
"""

    requires_system_checks = []  # each child makes them

    def add_arguments(self, parser):
        parser.add_argument(
            "--host",
            default=os.environ.get("HOST", "127.0.0.1"),
            help="where it listens; 127.0.0.1 is this machine alone, 0.0.0.0 every network that it is on",
        )
        parser.add_argument(
            "--port", type=int, default=int(os.environ.get("PORT", "8000")), help="the port; 8000"
        )
        parser.add_argument(
            "--end-with-parent", action="store_true", help="end when the calling process does"
        )

    def handle(self, *, host, port, end_with_parent, **options):
        if end_with_parent:
            processes.end_with_parent(os.getppid())
        for number in END_SIGNALS:
            signal.signal(number, end)
        refuse_used_port(host, port)
        self.say("Preparing database and static files …")
        call_command("prepare")
        supervisor = Supervisor(children(host, port), say=self.say)
        try:
            self.serve(supervisor, host, port)
        finally:
            for number in END_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            supervisor.stop()

    def serve(self, supervisor, host, port):
        supervisor.start()
        self.wait_until_served(supervisor, host, port)
        self.make_demo(supervisor)
        self.greet(host, port)
        while True:
            supervisor.watch()
            time.sleep(LOOK_SECONDS)

    def wait_until_served(self, supervisor, host, port):
        web_server = supervisor.children[0]
        deadline = time.monotonic() + START_SECONDS
        while not is_served(host, port):
            if not web_server.is_running or time.monotonic() > deadline:
                raise CommandError("The web server did not start; see the messages above.")
            time.sleep(LOOK_SECONDS)

    def make_demo(self, supervisor):
        """In a process of its own, so that this one stays small."""
        demo = manage("demo", "create_demo")
        supervisor.children.append(demo)
        demo.start()
        while demo.is_running:
            time.sleep(LOOK_SECONDS)
        supervisor.children.remove(demo)
        if demo.process.returncode:
            self.say("The demo account could not be made; see the messages above.")

    def greet(self, host, port):
        here = address(host, port)
        self.say(f"\nmlplatform is running at {here}. API documentation: {here}/api/docs")
        with contextlib.suppress(FileNotFoundError):
            password = (settings.DATA_DIR / "demo_password").read_text().strip()
            self.say(f"Demo login: {DEMO_EMAIL}, password: {password}")
        if host not in LOCAL_HOSTS and not os.environ.get("ALLOWED_HOSTS"):
            self.say("To reach it from other machines, add its host names or IP addresses to ALLOWED_HOSTS.")
        self.say("Ctrl-C stops it.\n")

    def say(self, text):
        self.stdout.write(text)
        self.stdout.flush()


def end(signal_number, frame):
    """Ctrl-C, `kill`, a closed terminal or the end of make."""
    raise SystemExit(0)


def children(host, port) -> list[Child]:
    serve = [sys.executable, "-m", "mlplatform.web_server", "--host", host, "--port", str(port)]
    return [Child("web server", serve), manage("training worker", "run_worker")]


def manage(name, *arguments) -> Child:
    return Child(name, [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments])


def refuse_used_port(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or error
            raise CommandError(
                f"Cannot listen on {host}:{port} ({reason}). Try another: make run PORT={port + 1}"
            ) from error


def is_served(host, port) -> bool:
    """Any answer counts: which host names are allowed is not ours to judge."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status > 0
    return False


def address(host, port) -> str:
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def reachable(host) -> str:
    """Where this machine itself finds a server that listens on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
