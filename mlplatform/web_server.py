"""The web server: granian on `mlplatform.wsgi`, a fixed number of threads in each process.

`python -m mlplatform.web_server --host 0.0.0.0 --port 8000 --processes 4`. The process that only looks after
the serving ones imports nothing of Django.
"""

import argparse
import os
import signal
from functools import partial

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from mlplatform.processes import end_with_parent

THREADS = 8  # of one process; half of them may wait for trainings (mlmodels.limits.WAITING_REQUESTS_MAX)
PROCESSES = 2  # where there are two cores: benchmarks/README.md says what the second one is worth
STOP_SECONDS = 8  # for the requests that are being served when the end comes

LOG = {
    "formatters": {"json": {"()": "mlplatform.logs.JsonFormatter"}},
    "handlers": {"standard_output": {"class": "mlplatform.logs.StandardOutput", "formatter": "json"}},
    "loggers": {"_granian": {"handlers": ["standard_output"], "propagate": False}},
}


def serve(host: str, port: int, processes: int):
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one request must not take every core
    server = Granian(
        "mlplatform.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=THREADS,
        blocking_threads_idle_timeout=600,  # a thread takes its database connection with it
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=LOG,
    )
    server.serve(target_loader=partial(load_application, parent=os.getpid()), wrap_loader=False)


def load_application(parent: int):
    """Runs in each serving process; none outlives the one that looks after them, `parent`.

    Until granian has set its own handlers, the signal to end must not meet those of the forked parent.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(parent)
    from mlplatform.wsgi import application

    return application


def main():
    parser = argparse.ArgumentParser(description="Serve the site.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    processes = os.environ.get("WEB_PROCESSES") or min(PROCESSES, os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=int(processes))
    serve(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
