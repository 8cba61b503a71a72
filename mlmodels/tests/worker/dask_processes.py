"""A Dask cluster of real processes: a scheduler, and workers of one thread each."""

import os
import subprocess
import sys
from pathlib import Path

from mlmodels.worker.assignment import Cluster
from mlplatform.tests.processes import PATIENCE_SECONDS, until

PROJECT = Path(__file__).resolve().parents[3]
ADDRESS = "Scheduler at:"
TLS_OPTIONS = {"ca_file": "--tls-ca-file", "cert_file": "--tls-cert", "key_file": "--tls-key"}


class DaskCluster:
    """A context manager; what it started ends with it. `project` is the folder that processes start in.

    With `tls`, made by `make_certificates`, it speaks and accepts nothing else.
    """

    def __init__(
        self, folder: Path, workers: int = 2, project: Path = PROJECT, tls: dict[str, str] | None = None
    ):
        self._folder, self._worker_count, self._project = folder, workers, project
        self._tls = tls or {}
        self._processes: list[subprocess.Popen] = []

    def __enter__(self) -> "DaskCluster":
        protocol = "tls" if self._tls else "tcp"
        where = ("--host", "127.0.0.1", "--port", "0", "--protocol", protocol)
        self.scheduler = self._start("scheduler", *where)
        self.address = until(self._read_address, what="for the scheduler")
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self._folder))
        self.workers = [self._start("worker", self.address, *options) for _ in range(self._worker_count)]
        with self.client() as client:
            client.wait_for_workers(self._worker_count, timeout=PATIENCE_SECONDS)
        return self

    def __exit__(self, *exception) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    @property
    def reached_by(self) -> Cluster:
        return Cluster(self.address, **self._tls)

    def client(self):
        from distributed import Client, Security

        security = Security(**self.reached_by.tls())
        return Client(self.address, security=security, set_as_default=False)

    def processor_seconds(self) -> list[float]:
        """Of the scheduler and of each worker, since they began."""
        times = [Path(f"/proc/{process.pid}/stat").read_text().split()[13:15] for process in self._processes]
        return [(int(user) + int(system)) / os.sysconf("SC_CLK_TCK") for user, system in times]

    def tasks(self) -> list[str]:
        """The names that its scheduler knows."""
        with self.client() as client:
            return client.run_on_scheduler(names_of_tasks)

    def _start(self, kind: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *options]
        for name, path in self._tls.items():
            command += [TLS_OPTIONS[name], path]
        with open(self._folder / f"{kind}{len(self._processes)}.log", "w") as log:
            process = subprocess.Popen(
                command,
                cwd=self._project,
                env=os.environ | {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def _read_address(self) -> str:
        lines = (self._folder / "scheduler0.log").read_text().splitlines()
        return next((line.split()[-1] for line in lines if ADDRESS in line), "")


def names_of_tasks(dask_scheduler) -> list[str]:
    return list(dask_scheduler.tasks)


def make_certificates(folder: Path) -> dict[str, str]:
    """Of a CA that is made here, and of a host that it signed for, as fields of Cluster."""
    import trustme

    authority = trustme.CA()
    host = authority.issue_cert("127.0.0.1")
    paths = {name: folder / f"{name}.pem" for name in TLS_OPTIONS}
    authority.cert_pem.write_to_path(paths["ca_file"])
    host.cert_chain_pems[0].write_to_path(paths["cert_file"])
    host.private_key_pem.write_to_path(paths["key_file"])
    return {name: str(path) for name, path in paths.items()}
