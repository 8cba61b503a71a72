import contextlib
import http.client
import os
import signal
import socket
import sys
import time

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from mlplatform.core import commands, processes
from mlplatform.core.processes import Child, Supervisor

DEMO_EMAIL = "demo@example.com"
START_SECONDS = 180  # a server that ended is noticed at once
CHECK_SECONDS = 0.2
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(commands.Command):
    help = (
        "Prepares everything, creates a demo account, and runs web server and training worker until Ctrl-C."
    )
    epilog = """
For a demonstration on one machine; docs/operations.md is about production. A process that exits is
restarted. HOST and PORT set the defaults, and DATA_DIR is where everything is kept.

exit codes:
  0  stopped by Ctrl-C, by SIGTERM or with its terminal
  1  not started: the port is taken, or the preparation or the web server failed; the error is printed
  2  wrong usage

examples:
  manage.py quickstart
  DATA_DIR=elsewhere manage.py quickstart --port 8123
"""

    requires_system_checks = []  # each child runs them

    def add_arguments(self, parser):
        parser.add_argument(
            "--host",
            default=os.environ.get("HOST", "127.0.0.1"),
            help="address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for all its networks",
        )
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT") or "8000", help="port to listen on (8000)"
        )
        parser.add_argument(
            "--end-with-parent", action="store_true", help="end when the calling process does"
        )

    def handle(self, *, host, port, end_with_parent, **options):
        if end_with_parent:
            processes.end_with_parent(os.getppid())
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: sys.exit(0))
        os.environ.setdefault("LOG_FORMAT", "text")  # of the processes that it starts
        os.environ.setdefault("WORKER_DRAIN_SECONDS", "0")  # nobody waits long after Ctrl-C
        refuse_used_port(host, port)
        self.say("Preparing database and static files …")
        call_command("prepare")
        serve = [sys.executable, "-m", "mlplatform.web_server", "--host", host, "--port", str(port)]
        children = [Child("web server", serve), manage("training worker", "run_worker")]
        supervisor = Supervisor(children, say=self.say)
        try:
            supervisor.start()
            demo = None if demo_exists() else start_demo(supervisor)
            wait_until_served(children[0], host, port)
            if demo:
                self.wait_for_demo(demo, supervisor)
            self.greet(host, port)
            while True:
                supervisor.watch()
                time.sleep(CHECK_SECONDS)
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            supervisor.stop()

    def wait_for_demo(self, demo, supervisor):
        while demo.is_running:
            time.sleep(CHECK_SECONDS)
        supervisor.children.remove(demo)
        if demo.process.returncode:
            self.say("The demo account could not be created; see the messages above.")

    def greet(self, host, port):
        name = reachable(host)
        url = f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
        self.say(f"\nmlplatform is running at {url}. API documentation: {url}/api/docs")
        with contextlib.suppress(FileNotFoundError):
            password = (settings.DATA_DIR / "demo_password").read_text().strip()
            self.say(f"Demo login: {DEMO_EMAIL}, password: {password}")
        if host not in LOCAL_HOSTS and not os.environ.get("ALLOWED_HOSTS"):
            self.say("To reach it from other machines, add its host names or IP addresses to ALLOWED_HOSTS.")
        self.say("Ctrl-C stops it.\n")

    def say(self, text):
        self.stdout.write(text)
        self.stdout.flush()


def manage(name, *arguments) -> Child:
    return Child(name, [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments])


def demo_exists() -> bool:
    """As `create_demo` leaves it. Its process would take longer to find that out than everything else."""
    owners = get_user_model().objects.filter(email=DEMO_EMAIL, trained_models__isnull=False)
    return (settings.DATA_DIR / "demo_password").exists() and owners.exists()


def start_demo(supervisor) -> Child:
    """In a process of its own, so that this one stays small, and beside the start of the web server."""
    demo = manage("demo", "create_demo")
    supervisor.children.append(demo)
    demo.start()
    return demo


def refuse_used_port(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or error
            raise CommandError(
                f"Cannot listen on {host}:{port} ({reason}). Try another: make run PORT={port + 1}"
            ) from error


def wait_until_served(web_server, host, port):
    deadline = time.monotonic() + START_SECONDS
    while not is_served(host, port):
        if not web_server.is_running or time.monotonic() > deadline:
            raise CommandError("The web server did not start; see the messages above.")
        time.sleep(CHECK_SECONDS)


def is_served(host, port) -> bool:
    """Any response counts, even a refusal of this host name."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status > 0
    return False


def reachable(host) -> str:
    """Where this machine reaches a server that listens on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
