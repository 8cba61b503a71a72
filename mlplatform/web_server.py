"""The web server: serving processes that share one port, and a supervisor that replaces each that dies.

`python -m mlplatform.web_server --host 0.0.0.0 --port 8000 --processes 4`. The supervisor does not import
Django.
"""

import argparse
import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time

from mlplatform.core import stopping
from mlplatform.serving import NOT_SERVING, serve_connections

PROCESSES = 2  # with two cores or more: benchmarks/README.md has the figures
BACKLOG = 2_048  # connections that wait to be accepted
NOT_READY_SECONDS = 0  # how long /readyz answers 503 before a stop
DRAIN_SECONDS = 30  # for requests in progress to finish at a stop, such as uploads
START_SECONDS = 30  # a process that exits by itself this early could not start, and would not the next time
CHECK_SECONDS = 0.5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

spawn = multiprocessing.get_context("spawn")


def serve(host: str, port: int, processes: int):
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one request must not take every core
    with (
        listen(host, port) as listener,
        tempfile.TemporaryDirectory(prefix="mlplatform-metrics-") as folder,
    ):
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # where serving processes count together: metrics.py
        os.environ[stopping.VARIABLE] = f"{folder}/stopping"
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: sys.exit(0))
        WebServer(listener, processes).run()


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OverflowError:
        sys.exit(f"Cannot listen on {host}, port {port}: a port is a number up to 65535.")
    except OSError as error:
        sys.exit(f"Cannot listen on {host}, port {port}: {error.strerror or error}.")


class WebServer:
    """Supervises the serving processes. The first signal stops them, a second one cuts that short."""

    def __init__(self, listener: socket.socket, processes: int):
        self.listener = listener
        self.open_connections = spawn.Array("i", [NOT_SERVING] * processes, lock=False)
        self.processes = [None] * processes
        self.started_at = [0.0] * processes
        self.not_ready_seconds = seconds_from("WEB_NOT_READY_SECONDS", NOT_READY_SECONDS)
        self.drain_seconds = seconds_from("WEB_DRAIN_SECONDS", DRAIN_SECONDS)

    def run(self):
        try:
            for place in range(len(self.processes)):
                self.start(place)
            while True:
                time.sleep(CHECK_SECONDS)
                self.replace_dead()
        finally:
            self.stop()

    def start(self, place: int):
        self.open_connections[place] = NOT_SERVING
        arguments = self.listener, place, self.open_connections, os.getpid()
        process = spawn.Process(target=serve_connections, args=arguments)
        process.start()
        self.processes[place], self.started_at[place] = process, time.monotonic()

    def replace_dead(self):
        """Exits if one could not start."""
        dead = [place for place, process in enumerate(self.processes) if not process.is_alive()]
        for place in dead:
            if (
                self.processes[place].exitcode > 0
                and time.monotonic() - self.started_at[place] < START_SECONDS
            ):
                sys.exit(1)
        for place in dead:
            self.start(place)

    def stop(self):
        """The processes accept no more connections, close idle ones, and finish the requests in progress.

        Before that, proxies that ask /readyz learn that they have to send requests elsewhere.
        """
        started = [process for process in self.processes if process is not None]
        try:
            stopping.announce()
            time.sleep(self.not_ready_seconds)
            self.listener.close()
            for process in started:
                process.terminate()
            deadline = time.monotonic() + self.drain_seconds
            for process in started:
                process.join(max(0.1, deadline - time.monotonic()))
        finally:
            for process in started:
                process.kill()
                process.join()


def seconds_from(variable: str, default: float) -> float:
    """Read at the start, so that a value that cannot be used is noticed then and not at the stop."""
    given = os.environ.get(variable) or default
    with contextlib.suppress(ValueError):
        if 0 <= float(given) < float("inf"):
            return float(given)
    sys.exit(f"{variable} must be a number, 0 or greater, not {given!r}.")


def at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("enter 1 or more (WEB_PROCESSES sets the default)")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description="Serve the site.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    processes = os.environ.get("WEB_PROCESSES") or f"{min(PROCESSES, os.cpu_count() or 1)}"
    parser.add_argument("--processes", type=at_least_one, default=processes)
    serve(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
