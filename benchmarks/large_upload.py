"""How long a large upload takes until it is a dataset, and how much memory that takes of each process.

    python -m benchmarks.large_upload 50 1000 5000

Starts a web server, a worker and a database in a temporary folder, sends tables of these megabytes and waits
for their datasets. Twice their size has to be free there. With `--bucket` files go to an S3 server, which
keeps them in memory.
"""

import argparse
import contextlib
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from mlmodels.tests.web_server import WebServer, peak_mb
from mlplatform.tests import object_storage
from mlplatform.tests.installation import PROJECT
from mlplatform.tests.processes import descendants

CREDENTIALS = {"email": "alice@example.com", "pwd": "a long pass phrase 17"}
NUMBERS = 16
BLOCKS, BLOCK_ROWS = 40, 5_000  # different ones, in turns
BLOCK_BYTES = 1_000_000
BOUNDARY = "the-boundary-of-the-benchmark"


def write_table(path: Path, megabytes: int) -> None:
    """Numbers with many different values, a date, two categories, and numbers that are sometimes blank."""
    draw = random.Random(42)
    blocks = ["".join(_row(draw) for _ in range(BLOCK_ROWS)) for _ in range(BLOCKS)]
    with path.open("w") as table:
        table.write("day,city,channel,discount," + ",".join(f"c{n}" for n in range(NUMBERS)) + "\n")
        while table.tell() + len(block := draw.choice(blocks)) <= megabytes * 1_000_000:
            table.write(block)


def _row(draw: random.Random) -> str:
    day = f"2024-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
    discount = "" if draw.random() < 0.3 else draw.randrange(5) * 5
    numbers = ",".join(f"{draw.gauss(50, 20):.5f}" for _ in range(NUMBERS))
    return f"{day},City {draw.randrange(400)},{draw.choice(['web', 'phone'])},{discount},{numbers}\n"


def send(server: WebServer, table: Path, authorization: dict) -> tuple[int, dict]:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\n'.encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3_600)
    connection.putrequest("POST", "/api/v1/datasets")
    connection.putheader("Authorization", authorization["Authorization"])
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + table.stat().st_size + len(tail)))
    connection.endheaders()
    connection.send(head)
    with table.open("rb") as handle:
        while block := handle.read(BLOCK_BYTES):
            connection.send(block)
    connection.send(tail)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def dataset_of(server: WebServer, upload: dict, authorization: dict) -> dict:
    """Waits until a worker has inspected it."""
    path = upload["url"].partition("/api/")[2]
    while upload["status"] in ("queued", "running"):
        upload = server.ask("GET", f"/api/{path}", headers={"Prefer": "wait=20", **authorization})[1]
    assert upload["status"] == "succeeded", upload
    return server.ask("GET", f"/api/v1/datasets/{upload['id']}", headers=authorization)[1]


class LargestMemory:
    """A context manager: the most that any process below this one takes meanwhile, in MB."""

    def __init__(self, pid: int):
        self.megabytes, self._pid = 0.0, pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "LargestMemory":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(0.5):
            for child in descendants(self._pid):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError, KeyError):
                    self.megabytes = max(self.megabytes, peak_mb(child))


def measure(server: WebServer, worker: subprocess.Popen, table: Path, authorization: dict) -> str:
    before, started = server.peak_mb(), time.monotonic()
    with LargestMemory(server.process.pid) as web, LargestMemory(worker.pid) as work:
        status, answer = send(server, table, authorization)
        answered = time.monotonic() - started
        assert status in (201, 202), answer
        dataset = dataset_of(server, answer, authorization) if status == 202 else answer
    done = time.monotonic() - started
    size = f"{table.stat().st_size / 1e6:,.0f} | {dataset['rows']:,}"
    return (
        f"| {size} | {status} | {answered:.0f} | {done:.0f} | {before:.0f} | {web.megabytes:.0f} "
        f"| {work.megabytes:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", type=int, nargs="+")
    parser.add_argument("--bucket", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        storage = {}
        if options.bucket:
            storage = object_storage.Bucket(stack.enter_context(object_storage.server())).environment
        server = WebServer(
            folder,
            f"sqlite:///{folder / 'db.sqlite3'}",
            SECRET_KEY="x" * 50,
            WEB_PROCESSES="1",
            MAX_UPLOAD_MB="5000",
            USER_FILES_MB=str(2 * sum(options.megabytes)),
            **storage,
        )
        stack.callback(server.end)
        manage = partial(subprocess.Popen, cwd=PROJECT, env=server.environment)
        assert manage([sys.executable, "manage.py", "migrate", "-v0"]).wait() == 0
        server.start()
        log = stack.enter_context((folder / "worker.log").open("w"))
        worker = manage([sys.executable, "manage.py", "run_worker"], stdout=log, stderr=log)
        stack.callback(worker.wait)
        stack.callback(worker.terminate)
        server.ask("POST", "/api/user/create", CREDENTIALS)
        token = server.ask("POST", "/api/user/login", CREDENTIALS)[1]["access_token"]
        print("| MB | rows | status | answered, s | dataset, s | web before, MB | web, MB | worker, MB |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for megabytes in options.megabytes:
            table = folder / "table.csv"
            write_table(table, megabytes)
            print(measure(server, worker, table, {"Authorization": f"Bearer {token}"}), flush=True)


if __name__ == "__main__":
    main()
