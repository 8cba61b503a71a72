"""A Dask cluster of real processes: a scheduler, and workers of one thread each."""

import subprocess
import sys
from pathlib import Path

from mlmodels.tests.worker.processes import until

PROJECT = Path(__file__).resolve().parents[3]
ADDRESS = "Scheduler at:"


class DaskCluster:
    """A context manager; what it started ends with it. `project` is the folder that processes start in."""

    def __init__(self, folder: Path, workers: int = 2, project: Path = PROJECT):
        self._folder, self._worker_count, self._project = folder, workers, project
        self._processes: list[subprocess.Popen] = []

    def __enter__(self) -> "DaskCluster":
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.address = until(self._read_address, what="for the scheduler")
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self._folder))
        self.workers = [self._start("worker", self.address, *options) for _ in range(self._worker_count)]
        with self.client() as client:
            client.wait_for_workers(self._worker_count, timeout=60)
        return self

    def __exit__(self, *exception) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def client(self):
        from distributed import Client

        return Client(self.address, set_as_default=False)

    def tasks(self) -> list[str]:
        """The names that its scheduler knows."""
        with self.client() as client:
            return client.run_on_scheduler(names_of_tasks)

    def _start(self, kind: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *options]
        with open(self._folder / f"{kind}{len(self._processes)}.log", "w") as log:
            process = subprocess.Popen(command, cwd=self._project, stdout=log, stderr=subprocess.STDOUT)
        self._processes.append(process)
        return process

    def _read_address(self) -> str:
        lines = (self._folder / "scheduler0.log").read_text().splitlines()
        return next((line.split()[-1] for line in lines if ADDRESS in line), "")


def names_of_tasks(dask_scheduler) -> list[str]:
    return list(dask_scheduler.tasks)
