"""How much memory a web process takes for a large upload to object storage, and how long the upload takes.

    SECRET_KEY=for-the-benchmark-alone .venv/bin/python -m benchmarks.large_upload --megabytes 1000

Starts an S3 server, a web server and a database in a temporary folder, and sends a table from there.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import tempfile
import time
from pathlib import Path

from mlmodels.tests.worker.processes import until
from mlplatform.tests import object_storage
from mlplatform.tests.test_memory import BOUNDARY, CREDENTIALS, WebServer

COLUMNS = 20
BLOCK_BYTES = 1_000_000


def write_table(path: Path, megabytes: int) -> None:
    draw = random.Random(42)
    block = "".join(
        ",".join(f"{draw.gauss(50, 20):.5f}" for _ in range(COLUMNS)) + "\n" for _ in range(5_000)
    )
    with path.open("w") as table:
        table.write(",".join(f"c{number}" for number in range(COLUMNS)) + "\n")
        while table.tell() < megabytes * 1_000_000:
            table.write(block)


def send(server: WebServer, table: Path, token: str) -> tuple[int, dict]:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\n'.encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3_600)
    connection.putrequest("POST", "/api/v1/datasets")
    connection.putheader("Authorization", f"Bearer {token}")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1_000)
    megabytes = parser.parse_args().megabytes
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bucket = object_storage.Bucket(stack.enter_context(object_storage.server()))
        limits = {"MAX_UPLOAD_MB": str(megabytes + 1), "USER_FILES_MB": str(2 * megabytes)}
        keys = {"SECRET_KEY": "x" * 50, "DATA_DIR": str(folder), "WEB_PROCESSES": "1"}
        log = stack.enter_context((folder / "log").open("w"))
        server = WebServer({**os.environ, **bucket.environment, **limits, **keys}, log)
        stack.callback(server.stop)
        until(server.is_up)
        server.ask("POST", "/api/user/create", json.dumps(CREDENTIALS))
        token = server.ask("POST", "/api/user/login", json.dumps(CREDENTIALS))[1]["access_token"]
        write_table(folder / "table.csv", megabytes)
        before, started = server.largest_mb(), time.monotonic()
        status, answer = send(server, folder / "table.csv", token)
        seconds = time.monotonic() - started
        assert status == 201, answer
        after = server.largest_mb()
        print(f"{megabytes:,} MB, {answer['rows']:,} rows: {seconds:.0f} s")
        print(f"web process: {before:.0f} MB before, {after:.0f} MB at most")


if __name__ == "__main__":
    main()
