"""The web server: granian, with a fixed number of threads per process.

`python -m mlplatform.web_server --host 0.0.0.0 --port 8000 --processes 4`. The supervising process does not
import Django.
"""

import argparse
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from functools import partial

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from mlmodels.learning.libraries import import_libraries
from mlplatform.core import stopping
from mlplatform.core.processes import end_with_parent
from mlplatform.logs import output, skip_unused_lookups
from mlplatform.request_buffering import BufferedApplication

THREADS = 8  # per process; half of them may wait for training runs (mlmodels.limits.WAITING_REQUESTS_MAX)
PROCESSES = 2  # with two cores or more: benchmarks/README.md has the figures
DRAIN_SECONDS = 30  # for requests in progress to finish at shutdown, such as uploads
NOT_READY_SECONDS = 0  # how long /readyz answers 503 before that
HEADER_SECONDS = 10  # from the connection, or the previous response on it, to the end of the headers
CONNECTIONS = 2_000  # per process; a slow client occupies one of these and no thread
START_SECONDS = 30  # a process that exits by itself this early could not start, and would not the next time
CHECK_SECONDS = 0.5

PRELOAD_AFTER_SECONDS = 0.5  # the process answers /healthz first

LOG = {
    **output(os.environ.get("LOG_FORMAT", "json"), sys.argv),
    "loggers": {"_granian": {"handlers": ["output"], "propagate": False}},
}


def serve(host: str, port: int, processes: int):
    with tempfile.TemporaryDirectory(prefix="mlplatform-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # where serving processes count together: metrics.py
        os.environ[stopping.VARIABLE] = f"{folder}/stopping"
        run(host, port, processes)


def run(host: str, port: int, processes: int):
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one request must not take every core
    multiprocessing.set_start_method("spawn")  # a fork could inherit a lock that a thread of granian holds
    server = WebServer(
        "mlplatform.web_server",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        workers=processes,
        backpressure=CONNECTIONS,
        workers_kill_timeout=max(0.1, number_from("WEB_DRAIN_SECONDS", DRAIN_SECONDS)),  # 0 is no limit
        log_level=LogLevels.error,
        log_dictconfig=LOG,
    )
    server.serve(target_loader=partial(load_application, parent=os.getpid()), wrap_loader=False)


class WebServer(Granian):
    """Replaces every serving process that dies.

    Granian's own loop exits when one dies twice within seconds, and can miss one of two that die at once.
    """

    def _serve_loop(self, spawn_target, target_loader):
        while not self.interrupt_signal:
            self.main_loop_interrupt.wait(CHECK_SECONDS)
            self.main_loop_interrupt.clear()
            dead = [worker for worker in self.wrks if not worker.is_alive()]
            if any(map(could_not_start, dead)):
                return self.shutdown(exit_code=1)
            self.interrupt_children.clear()
            self._respawn_workers([worker.idx for worker in dead], spawn_target, target_loader)

    def _stop_workers(self):
        """Granian then accepts no connection, closes idle ones, and finishes the requests in progress.

        Before that, proxies that ask /readyz learn that they have to send requests elsewhere. A second signal
        cuts this short.
        """
        stopping.announce()
        self.main_loop_interrupt.clear()
        self.main_loop_interrupt.wait(number_from("WEB_NOT_READY_SECONDS", NOT_READY_SECONDS))
        super()._stop_workers()


def number_from(variable: str, default: float) -> float:
    return float(os.environ.get(variable) or default)


def could_not_start(worker) -> bool:
    return worker.inner.exitcode > 0 and time.monotonic() - worker.birth < START_SECONDS


def load_application(parent: int):
    """Runs in each serving process; none outlives its supervisor, `parent`.

    SIGKILL, because granian hangs at a third SIGTERM, and the kernel sends one for each thread of the parent.
    """
    end_with_parent(parent, signal.SIGKILL)
    skip_unused_lookups()
    from mlplatform.wsgi import application  # isort: skip - sets up Django, which the next one needs
    from mlplatform.uploads import REQUEST_BYTES_MAX

    preloading = threading.Timer(PRELOAD_AFTER_SECONDS, preload)
    preloading.daemon = True
    preloading.start()
    return BufferedApplication(application, threads=THREADS, body_bytes_max=REQUEST_BYTES_MAX)


def preload():
    """Otherwise the first page and the first prediction of a process would take seconds."""
    importlib.import_module("mlplatform.urls")
    import_libraries()


def main():
    parser = argparse.ArgumentParser(description="Serve the site.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    processes = os.environ.get("WEB_PROCESSES") or min(PROCESSES, os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=int(processes))
    serve(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
