"""Runs tasks on a Dask cluster if DASK_SCHEDULER is set. Dask is imported with the first task."""

import hashlib
import io
import logging
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from mlmodels.errors import ClusterDiffers, ClusterUnavailable
from mlmodels.learning.executors import FIRST, IN_LINE, Executor
from mlmodels.worker import cluster_relay
from mlmodels.worker.assignment import Cluster
from mlmodels.worker.cluster_queue import TaskQueue
from mlmodels.worker.cluster_tasks import Outcome, Packed, Unpacker, carry_out, check_function, versions

CONNECT_SECONDS = 10
WORKERS_MISSING_SECONDS_MAX = 30
PEEK_SECONDS = 1
SHARED_FIRST = 1  # before tasks of other runs


def executor_for(
    cluster: Cluster | None, on_traffic: Callable[[dict], None]
) -> AbstractContextManager[Executor]:
    """Decides where the tasks of a job run. `on_traffic` gets the bytes sent and received."""
    return DaskExecutor(cluster, on_traffic) if cluster else nullcontext(IN_LINE)


class DaskExecutor:
    """A context manager. When it exits, or its process dies, Dask drops the tasks that have not begun."""

    def __init__(self, cluster: Cluster, on_traffic: Callable[[dict], None]):
        self._cluster, self._on_traffic = cluster, on_traffic
        self._connected = None
        self._slots = 0
        self._shared: dict[int, Shared] = {}
        self._workers_seen_at = 0.0
        self.traffic = {
            "tasks": 0,
            "sent_bytes": 0,
            "shared_bytes": 0,
            "stored_bytes": 0,
            "received_bytes": 0,
        }

    def __enter__(self) -> "DaskExecutor":
        return self

    def __exit__(self, *exception) -> None:
        if self._connected:
            self._on_traffic(self.traffic)
            self._connected.close(timeout=1)

    @property
    def slots(self) -> int:
        self._client  # noqa: B018 - connects
        return self._slots

    def share(self, value: object) -> None:
        """Has the value sent once, with the first task that needs it. It must not change from now on."""
        self._shared.setdefault(id(value), Shared(value))

    def submit(self, function: Callable, *arguments, rank: int = FIRST) -> "DaskTask":
        check_function(function)
        self._client  # noqa: B018 - connects
        payload, needed = self._pack((function, arguments))
        task = DaskTask(self, function.__name__, payload, needed, rank)
        self._queue.put(task)
        return task

    def send(self, name: str, payload: bytes, needed: list["Shared"]):
        """Hands the task to Dask. The future of its result."""
        self.traffic["tasks"] += 1
        self.traffic["sent_bytes"] += len(payload)
        return self._client.submit(
            carry_out,
            versions(),
            payload,
            *(shared.future for shared in needed),
            key=f"{name}-{uuid.uuid4().hex}",
            pure=False,
        )

    def take_back(self, task: "DaskTask") -> None:
        self._queue.remove(task)

    def check_workers(self) -> None:
        """Refuses once all workers have been lost for WORKERS_MISSING_SECONDS_MAX. Some may be lost."""
        with losing_it_is_a_refusal():
            workers = self._client.nthreads()
        if workers:
            self._workers_seen_at = time.monotonic()
            self._queue.resize(sum(workers.values()))
        elif time.monotonic() - self._workers_seen_at > WORKERS_MISSING_SECONDS_MAX:
            raise ClusterUnavailable("The compute cluster lost all of its workers. Start again later.")

    @property
    def _client(self):
        """Connects on first use, and checks that versions are the same everywhere."""
        if self._connected is None:
            self._connected = self._connect()
        if self._connected.status != "running":
            raise ClusterUnavailable
        return self._connected

    def _connect(self):
        try:
            import dask
            from distributed import Client, Security
        except ModuleNotFoundError as error:
            raise ClusterUnavailable("The compute cluster cannot be used: Dask is not installed.") from error

        # Our refusals say more than Dask's log lines, and a table is sent only once, however large it is
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"})
        try:
            client = Client(
                self._cluster.address,
                timeout=CONNECT_SECONDS,
                security=Security(**self._cluster.tls()),
                set_as_default=False,
            )
        # TypeError: tls:// without files; RuntimeError: files, but not tls://
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ClusterUnavailable("The compute cluster cannot be reached. Start again later.") from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise ClusterUnavailable("The compute cluster has no workers. Start again later.") from error
        check_versions(client)
        self._slots, self._workers_seen_at = sum(client.nthreads().values()), time.monotonic()
        self._queue = TaskQueue(self._slots)
        return client

    def _pack(self, thing: object, without: "Shared | None" = None) -> tuple[bytes, list["Shared"]]:
        """The thing as bytes, and the shared values that it needs, directly or not. New ones are sent."""
        packer = Packer({at: shared for at, shared in self._shared.items() if shared is not without})
        data = packer.pack(thing)
        needed = {}
        for shared in packer.met:
            if shared.future is None:
                self._send(shared)
            needed |= {part.name: part for part in (*shared.needs, shared)}
        return data, list(needed.values())

    def _send(self, shared: "Shared") -> None:
        data, shared.needs = self._pack(shared.value, without=shared)
        with losing_it_is_a_refusal():
            shared.future = self._relayed(shared.name, data)
            if shared.future is None:
                self.traffic["shared_bytes"] += len(data)
                shared.future = self._submit_shared(Packed, shared.name, data)
            if self._slots > 1:
                self._copy_to_all(shared.future)

    def _copy_to_all(self, future) -> None:
        """Dask prefers workers that have what a task needs, so without copies one of them would do it all."""
        # The scheduler's error if a worker is lost meanwhile; tasks get the value from whoever has it
        with suppress(ValueError):
            self._client.replicate([future])

    def _relayed(self, name: str, data: bytes):
        """The future of a large value that a Dask worker reads from object storage, past the scheduler.

        None where there is no such storage, or it cannot be used from here or there.
        """
        relay = self._cluster.relay
        if not relay or len(data) < relay.bytes_min or self.traffic["stored_bytes"]:
            return None
        if not cluster_relay.write(relay, data):
            return None
        sha256 = hashlib.sha256(data).hexdigest()
        future = self._submit_shared(cluster_relay.read_packed, name, relay.read_url, sha256)
        if not self._submit_shared(bool, future).result():
            return None
        self.traffic["stored_bytes"] = len(data)
        return future

    def _submit_shared(self, function: Callable, *arguments):
        """As a task, which Dask can do again where a worker is lost."""
        key = f"shared-{uuid.uuid4().hex}"
        return self._client.submit(function, *arguments, key=key, priority=SHARED_FIRST, pure=False)


class Shared:
    """A value that many tasks need. `needs` are shared values inside it; `future` is set when it is sent."""

    def __init__(self, value: object):
        self.value, self.name = value, uuid.uuid4().hex
        self.future, self.needs = None, []


class Packer(pickle.Pickler):
    """Pickles a thing, with the names of shared values in place of the values."""

    def __init__(self, shared: dict[int, Shared]):
        self._buffer = io.BytesIO()
        super().__init__(self._buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self._shared, self.met = shared, []

    def pack(self, thing: object) -> bytes:
        self.dump(thing)
        return self._buffer.getvalue()

    def persistent_id(self, thing: object) -> str | None:
        shared = self._shared.get(id(thing))
        if shared is None:
            return None
        self.met.append(shared)
        return shared.name


class DaskTask:
    seconds = None

    def __init__(self, executor: DaskExecutor, name: str, payload: bytes, needed: list[Shared], rank: int):
        self._executor, self._name = executor, name
        self._payload, self._needed = payload, needed
        self.rank = rank
        self._future, self._is_sent = None, threading.Event()
        self._outcome: Outcome | None = None

    def send(self, on_done: Callable) -> None:
        self._future = self._executor.send(self._name, self._payload, self._needed)
        self._payload = None
        self._is_sent.set()
        self._future.add_done_callback(on_done)

    def result(self, timeout: float):
        """Raises what the task raised; MemoryError where it ended every worker that tried it."""
        from distributed import KilledWorker

        self.rank = FIRST
        with losing_it_is_a_refusal():
            try:
                outcome = self._fetch(timeout)
            except TimeoutError:
                self._executor.check_workers()
                raise
            except KilledWorker as error:
                raise MemoryError from error
        self.seconds = outcome.seconds
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def peek(self) -> object | None:
        if not self._is_sent.is_set() or self._future.status != "finished":
            return None
        with losing_it_is_a_refusal(), suppress(TimeoutError):  # lost with its worker, and computed again
            return self._fetch(PEEK_SECONDS).value
        return None

    def cancel(self) -> None:
        """It is not sent, or else finished and forgotten."""
        self._executor.take_back(self)

    def _fetch(self, timeout: float) -> Outcome:
        if self._outcome is None:
            if not self._is_sent.wait(timeout):
                raise TimeoutError
            data = self._future.result(timeout=timeout)
            self._executor.traffic["received_bytes"] += len(data)
            outcome = Unpacker(data).load()
            if not isinstance(outcome, Outcome):
                raise ClusterDiffers.between(versions(), outcome)
            self._outcome = outcome
        return self._outcome


@contextmanager
def losing_it_is_a_refusal() -> Iterator[None]:
    try:
        yield
    except TimeoutError:  # is an OSError, but nothing is lost
        raise
    except (CancelledError, OSError) as error:
        raise ClusterUnavailable from error


def check_versions(client) -> None:
    """Refuses if the scheduler or workers have other versions than this process, or lack our code."""
    try:
        found = [client.run_on_scheduler(versions), *client.run(versions).values()]
    except ImportError as error:
        raise ClusterDiffers.between({"mlplatform": versions()["mlplatform"]}, {}) from error
    for there in found:
        if there != versions():
            raise ClusterDiffers.between(versions(), there)
