import os
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest
from django.db import connection

from mlmodels.tests.worker.dask_processes import DaskCluster
from mlmodels.worker.loop import JobWorker

LEASE_SECONDS = 2


@pytest.fixture
def work_space(settings, tmp_path):
    """Files where processes of this test find them too, and leases that are short."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.RUN_LEASE_SECONDS = LEASE_SECONDS
    settings.RUN_HEARTBEAT_SECONDS = LEASE_SECONDS / 5
    return tmp_path


@pytest.fixture
def start_worker(work_space, settings):
    """`start_worker("one")` is a `run_worker` process on the database and the files of this test."""
    started = []
    environment = {
        **os.environ,
        "DATABASE_URL": url_of_test_database(),
        "DATA_DIR": str(work_space),
        "RUN_LEASE_SECONDS": str(settings.RUN_LEASE_SECONDS),
        "RUN_HEARTBEAT_SECONDS": str(settings.RUN_HEARTBEAT_SECONDS),
    }

    def start(name, *options, drain_seconds=0):
        command = [
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            "run_worker",
            "--name",
            name,
            *options,
        ]
        drain = {"WORKER_DRAIN_SECONDS": str(drain_seconds)}
        with open(work_space / f"{name}.log", "w") as output:
            process = subprocess.Popen(
                command, env=environment | drain, stdout=output, stderr=subprocess.STDOUT
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def in_background():
    """`in_background(run)` carries a run out in a thread of this process, as a worker would."""
    threads = []

    def carry_out(run):
        def work():
            JobWorker("in the test").work_on(run)
            connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        threads.append(thread)
        return thread

    yield carry_out
    for thread in threads:
        thread.join()


def url_of_test_database() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory):
    """Two workers, for all tests that harm nothing."""
    with DaskCluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster, settings):
    settings.DASK_SCHEDULER = shared_cluster.address
    return shared_cluster
