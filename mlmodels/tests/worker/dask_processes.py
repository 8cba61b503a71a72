"""A Dask cluster of real processes: a scheduler, and workers of one thread each."""

import json
import os
import subprocess
import sys
from pathlib import Path

from mlmodels.tests.worker.processes import until

PROJECT = Path(__file__).resolve().parents[3]


class DaskCluster:
    """A context manager; whatever it started ends with it."""

    def __init__(self, folder: Path, workers: int = 2):
        self.folder, self._file = folder, folder / "scheduler.json"
        self._count, self.workers, self._processes = workers, [], []

    def __enter__(self) -> "DaskCluster":
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(self._file))
        self.address = until(lambda: self._file.exists() and self._read_address(), what="for the scheduler")
        for _ in range(self._count):
            self.start_worker()
        return self

    def __exit__(self, *exception) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def start_worker(self, **environment: str) -> subprocess.Popen:
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder))
        worker = self._start("worker", self.address, *options, **environment)
        self.workers.append(worker)
        return worker

    def client(self):
        from distributed import Client

        return Client(self.address, set_as_default=False)

    def _start(self, kind: str, *options: str, **environment: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "distributed.cli.dask_" + kind, *options, "--no-dashboard"]
        if kind == "scheduler":
            command += ["--host", "127.0.0.1"]
        with open(self.folder / f"{kind}{len(self._processes)}.log", "w") as output:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def _read_address(self) -> str:
        try:
            return json.loads(self._file.read_text())["address"]
        except json.JSONDecodeError:
            return ""
