import argparse
import logging
import os
import signal
import socket
import sys
import threading

from django.conf import settings

from mlmodels.worker.loop import JobWorker
from mlplatform.core import commands
from mlplatform.core.processes import STOP_SECONDS, Child, Supervisor

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
WATCH_SECONDS = 0.5

log = logging.getLogger(__name__)


class Command(commands.Command):
    help = (
        "Carries out queued training runs and batches, and delivers webhooks, until it is stopped. Any "
        "number of workers can run, on any number of machines that share one PostgreSQL database and one "
        "storage. At SIGTERM or Ctrl-C it claims nothing more; a job that has not ended within "
        "WORKER_DRAIN_SECONDS goes back to the queue, and at a second signal it goes back at once."
    )
    epilog = """
With --concurrency N there are N workers, each in a process of its own that is started again if it dies. Their
names are NAME-1 to NAME-N.

exit codes:
  0  stopped by SIGTERM or Ctrl-C
  1  could not start, for example without a database; the error is printed
  2  wrong usage

examples:
  manage.py run_worker --name trainer-1
  manage.py run_worker --concurrency 4
"""

    def add_arguments(self, parser):
        parser.add_argument(
            "--name", default="", help="name of the worker; default: host name and process id"
        )
        parser.add_argument(
            "--concurrency",
            type=at_least_one,
            default=1,
            metavar="N",
            help="how many jobs at a time; default: 1",
        )

    def handle(self, *, name, concurrency, **options):
        if concurrency == 1:
            work_alone(name)
        else:
            work_side_by_side(name or f"{socket.gethostname()}:{os.getpid()}", concurrency)


def at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("enter 1 or more")
    return int(text)


def work_alone(name: str) -> None:
    worker = JobWorker(name)

    def on_signal(*_) -> None:
        worker.stop(drain_seconds=0 if worker.stopping.is_set() else settings.WORKER_DRAIN_SECONDS)

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
    worker.work()


def work_side_by_side(name: str, concurrency: int) -> None:
    """Each worker is this command again, in a process of its own: one that crashes takes no other with it."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"]
    names = [f"{name}-{number}" for number in range(1, concurrency + 1)]
    workers = Supervisor(
        [Child(f"Worker {each}", [*manage, "--name", each]) for each in names],
        say=log.warning,
        stop_seconds=settings.WORKER_DRAIN_SECONDS + STOP_SECONDS,
    )
    stopping = threading.Event()

    def on_signal(*_) -> None:
        if stopping.is_set():
            workers.terminate()  # their second signal
        stopping.set()

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
    workers.start()
    while not stopping.wait(WATCH_SECONDS):
        workers.watch()
    workers.stop()
