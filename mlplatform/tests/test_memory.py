"""How much memory a web process takes for the largest upload, as a real process that serves it."""

import http.client
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from mlmodels.tests.worker.processes import descendants, is_alive, until
from mlplatform.settings import BASE_DIR
from mlplatform.tests.object_storage import Bucket
from mlplatform.tests.postgresql import free_port

pytestmark = [
    pytest.mark.sqlite_only,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

UPLOAD_BYTES = 50_000_000  # MAX_UPLOAD_MB as it is delivered
WEB_PROCESS_MB_MAX = 400
BOUNDARY = "7d1f-boundary"
CREDENTIALS = {"email": "alice@example.com", "pwd": "a long pass phrase 17"}
FORM = {"model_type": "linear", "feature_cols": "size,rooms,place", "label_col": "price"}


class WebServer:
    """An installation of its own, without a worker: what is ordered stays in the queue."""

    def __init__(self, environment, log):
        self.port = free_port()
        subprocess.run([sys.executable, "manage.py", "migrate"], cwd=BASE_DIR, env=environment, check=True)
        command = [sys.executable, "-m", "mlplatform.web_server", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=log, stderr=log)

    def is_up(self):
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def ask(self, method, address, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, address, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def largest_mb(self):
        """The most that any of the serving processes has taken since its start."""
        return max(map(peak_mb, descendants(self.process.pid)))

    def stop(self):
        serving = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        until(lambda: not any(map(is_alive, serving)), what="for the end of the web server")


def peak_mb(pid):
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmHWM"].removesuffix("kB")) / 1024


@pytest.fixture(params=["disk", "bucket"])
def server(environment, tmp_path, request):
    if request.param == "bucket":
        environment |= Bucket(request.getfixturevalue("s3_server")).environment
    with open(tmp_path / "output", "w") as log:
        made = WebServer(environment, log)
        try:
            until(made.is_up, what="for the web server")
            yield made
        finally:
            made.stop()


def large_table():
    """Numbers, words, and a remark that is another one in every row."""
    draw = random.Random(42)
    lines = ["size,rooms,place,remark,price"]
    left = UPLOAD_BYTES - len(lines[0])
    while left > 300:
        size, rooms, place = draw.random() * 200, len(lines) % 7, ("city", "village", "coast")[len(lines) % 3]
        remark = f"{len(lines)} as seen on that day, " + "and again on the next, " * 7
        lines.append(f'{size:.6f},{rooms},{place},"{remark}",{1000 * size + 5000 * rooms:.2f}')
        left -= len(lines[-1]) + 1
    return "\n".join(lines).encode()


def multipart(fields, file):
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]  # fmt: skip
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csv_file"; filename="houses.csv"\r\n\r\n'
    return ("".join(parts) + head).encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()


def test_the_largest_upload_leaves_a_web_process_small(server):
    server.ask("POST", "/api/user/create", json.dumps(CREDENTIALS))
    token = server.ask("POST", "/api/user/login", json.dumps(CREDENTIALS))[1]["access_token"]
    file, before = large_table(), server.largest_mb()
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Prefer": "respond-async",
    }

    status, answer = server.ask("POST", "/api/create", multipart(FORM, file), **headers)

    after = server.largest_mb()
    print(f"a web process took {before:.0f} MB before and {after:.0f} MB at most with {len(file):,} bytes")
    assert (status, answer["status"]) == (202, "accepted"), answer
    assert after < WEB_PROCESS_MB_MAX
