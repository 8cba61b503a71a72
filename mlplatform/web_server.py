"""The web server: granian, with a fixed number of threads in each process.

`python -m mlplatform.web_server --host 0.0.0.0 --port 8000 --processes 4`. The process that supervises the
serving ones imports nothing of Django.
"""

import argparse
import os
import signal
from functools import partial

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from mlplatform.processes import end_with_parent
from mlplatform.request_buffering import BufferedApplication

THREADS = 8  # of one process; half of them may wait for trainings (mlmodels.limits.WAITING_REQUESTS_MAX)
PROCESSES = 2  # where there are two cores: benchmarks/README.md says what the second one is worth
STOP_SECONDS = 8  # for the requests that are being served when the end comes
HEADER_SECONDS = 10  # from the connection, or the last answer on it, to the end of the headers
CONNECTIONS = 2_000  # of one process; a slow client occupies one of these and no thread

LOG = {
    "formatters": {"json": {"()": "mlplatform.logs.JsonFormatter"}},
    "handlers": {"standard_output": {"class": "mlplatform.logs.StandardOutput", "formatter": "json"}},
    "loggers": {"_granian": {"handlers": ["standard_output"], "propagate": False}},
}


def serve(host: str, port: int, processes: int):
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one request must not take every core
    server = Granian(
        "mlplatform.web_server",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        workers=processes,
        backpressure=CONNECTIONS,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=LOG,
    )
    server.serve(target_loader=partial(load_application, parent=os.getpid()), wrap_loader=False)


def load_application(parent: int):
    """Runs in each serving process; none outlives its supervisor, `parent`.

    Until granian has set its own handlers, the signal to end must not meet those of the forked parent.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(parent)
    from mlplatform.wsgi import application  # isort: skip - sets up Django, which the next one needs
    from mlplatform.uploads import REQUEST_BYTES_MAX

    return BufferedApplication(application, threads=THREADS, body_bytes_max=REQUEST_BYTES_MAX)


def main():
    parser = argparse.ArgumentParser(description="Serve the site.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    processes = os.environ.get("WEB_PROCESSES") or min(PROCESSES, os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=int(processes))
    serve(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
