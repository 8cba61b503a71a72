"""Paid predictions over HTTP compared with the old services, as a Markdown table.

    python benchmarks/http_predict.py                       # needs benchmarks/requirements.txt
    python benchmarks/http_predict.py --algorithms linear random_forest --seconds 10

Ours is what `quickstart` starts: granian, a worker, and the checks, the charge and the stored result of each
prediction, on SQLite and on PostgreSQL. The old way is one uvicorn process that loads the same pipeline's
pickle for each request, without login, database or payment. They take turns, so that
other load on the machine affects all of them.
"""

import argparse
import contextlib
import csv
import io
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.load import Load, http_request, send_load  # noqa: E402
from mlplatform.tests import postgresql  # noqa: E402

EMAIL, PASSWORD = "benchmark@example.com", "a long benchmark pass phrase"
TOKENS = 100_000_000
START_SECONDS_MAX = 180
CITIES = ["Bonn", "Kiel", "Ulm", "Jena", "Trier"]
NUMBERS = [f"number_{n}" for n in range(7)]
CATEGORIES = [f"category_{n}" for n in range(3)]
ROW = dict.fromkeys(NUMBERS, 0.5) | dict.fromkeys(CATEGORIES, "Kiel")


@dataclass
class Server:
    """A server of predictions, and the load measured on it."""

    name: str
    port: int
    request: bytes
    load: Load = field(default_factory=Load)

    def measure(self, connections: int, seconds: float) -> None:
        """The load comes from a process of its own, and ends after a fixed time."""
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            part = pool.apply(send_load, ("127.0.0.1", self.port, self.request, connections, seconds))
        self.load.add(part)
        statuses = {status for status, _ in self.load.answers}
        if statuses != {200}:
            raise SystemExit(f"{self.name} answered {list(self.load.answers)[:3]}")


def main() -> None:
    arguments = parse_arguments()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="http-predict-")))
        services = [
            stack.enter_context(Service.started(engine, url, folder / engine))
            for engine, url in database_urls(arguments.engines, stack).items()
        ]
        print(f"{arguments.connections} connections, {arguments.rounds} × {arguments.seconds:g} s each\n")
        print("| algorithm | | requests/s | median ms | p99 ms | rate against the old way |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for algorithm in arguments.algorithms:
            with contextlib.ExitStack() as old:
                compare(algorithm, services, old, folder, arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    engines = ["sqlite", "postgresql"]
    parser.add_argument("--engines", nargs="+", choices=engines, default=engines)
    parser.add_argument("--algorithms", nargs="+", default=["linear", "random_forest", "gradient_boosting"])
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5, help="length of one turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    return parser.parse_args()


def database_urls(engines: list[str], stack: contextlib.ExitStack) -> dict[str, str]:
    urls = {}
    if "sqlite" in engines:
        urls["sqlite"] = ""  # the default, inside DATA_DIR
    if "postgresql" in engines:
        # The tests' server forgoes durability; a charge that a power cut undoes would be too cheap here
        postgresql.OPTIONS |= {"fsync": "on", "full_page_writes": "on"}
        urls["postgresql"] = stack.enter_context(
            postgresql.empty_database(stack.enter_context(postgresql.server()))
        )
    return urls


def compare(algorithm, services, stack, folder: Path, arguments) -> None:
    table = make_table()
    ours = [service.server(algorithm, table) for service in services]
    old = stack.enter_context(old_way(services[0].newest_model_file(), folder / f"{algorithm}.joblib"))
    for server in [old, *ours]:
        server.measure(arguments.connections, 1)
        server.load = Load()  # the first second loads libraries and models
    balances = [service.tokens() for service in services]
    for _ in range(arguments.rounds):
        for server in [old, *ours]:
            server.measure(arguments.connections, arguments.seconds)
    for service, server, before in zip(services, ours, balances, strict=True):
        check_payment(service, server, before)
    for server in [old, *ours]:
        load = server.load
        print(
            f"| {algorithm} | {server.name} | {load.rate:,.0f} | {load.median_ms:.1f} "
            f"| {load.p99_ms:.1f} | {load.rate / old.load.rate:.1f} |",
            flush=True,
        )


def check_payment(service: "Service", server: Server, before: int) -> None:
    """Every prediction was charged once."""
    charged = before - service.tokens()
    if charged != 5 * len(server.load.latencies):
        raise SystemExit(f"{server.name}: {charged} tokens for {len(server.load.latencies)} answers")


class Service:
    """Ours: a running `quickstart` with a signed-up, well-funded user."""

    def __init__(self, engine: str, port: int, environment: dict[str, str]):
        self.name = f"ours on {engine}"
        self.port = port
        self.environment = environment
        self.access_token = ""

    @classmethod
    @contextlib.contextmanager
    def started(cls, engine: str, database_url: str, data_dir: Path):
        port = postgresql.free_port()
        settings = {"DATA_DIR": data_dir, "THROTTLING": "off", "JWT_EXP_MINUTES": 600, "DEBUG": "off"}
        environment = os.environ | {name: str(value) for name, value in settings.items()}
        environment.pop("DATABASE_URL", None)
        if database_url:
            environment["DATABASE_URL"] = database_url
        service = cls(engine, port, environment)
        command = [sys.executable, "manage.py", "quickstart", "--port", str(port)]
        with running(command, environment, f"http://127.0.0.1:{port}/readyz", data_dir.with_suffix(".log")):
            service.sign_up()
            yield service

    def sign_up(self) -> None:
        self.call("user/create", {"email": EMAIL, "pwd": PASSWORD})
        self.access_token = self.call("user/login", {"email": EMAIL, "pwd": PASSWORD})["access_token"]
        subprocess.run(
            [sys.executable, "manage.py", "grant_tokens", EMAIL, str(TOKENS), "--reason", "benchmark"],
            cwd=ROOT, env=self.environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def server(self, algorithm: str, table: bytes) -> Server:
        columns = json.dumps(NUMBERS + CATEGORIES)
        fields = {"model_type": algorithm, "feature_cols": columns, "label_col": "target"}
        body, content_type = multipart(fields, table)
        model_name = self.call("create", body, content_type)["model_name"]
        request = http_request(
            f"/api/predict/{model_name}",
            json.dumps({"features": ROW}).encode(),
            {"Authorization": f"Bearer {self.access_token}"},
        )
        return Server(self.name, self.port, request)

    def tokens(self) -> int:
        return self.call("user/tokens")["tokens"]

    def newest_model_file(self) -> Path:
        folder = Path(self.environment["DATA_DIR"], "files", "models")
        return max(filter(Path.is_file, folder.iterdir()), key=lambda path: path.stat().st_mtime)

    def call(self, path: str, body=None, content_type="application/json") -> dict:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Content-Type": content_type}
        if self.access_token:
            headers["Authorization"] = f"Bearer {self.access_token}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}", data=body, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"{path}: {refusal.code} {refusal.read()[:500]}") from None


@contextlib.contextmanager
def old_way(model_file: Path, plain_file: Path):
    """The same pipeline, stored as the old services did: without compression."""
    import joblib

    joblib.dump(joblib.load(model_file), plain_file)  # our own file, written a moment ago
    port = postgresql.free_port()
    command = [sys.executable, *f"-m uvicorn benchmarks.old_way:app --port {port} --no-access-log".split()]
    environment = {**os.environ, "MODEL_FILE": str(plain_file)}
    with running(command, environment, f"http://127.0.0.1:{port}/docs", plain_file.with_suffix(".log")):
        body = json.dumps({"features": ROW}).encode()
        yield Server("old way", port, http_request("/predict/model", body, {}))


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], url: str, log: Path):
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            wait_until_ready(process, url, log)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def wait_until_ready(process: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    raise SystemExit(f"It did not start:\n{log.read_text()[-3000:]}")


def make_table(rows: int = 5_000) -> bytes:
    """Seven numbers and three categories, and a target that depends on some of them."""
    chance = random.Random(7)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*NUMBERS, *CATEGORIES, "target"])
    for _ in range(rows):
        numbers = [round(chance.random(), 4) for _ in NUMBERS]
        categories = [chance.choice(CITIES) for _ in CATEGORIES]
        target = 3 * numbers[0] - 2 * numbers[1] + len(categories[0]) + chance.gauss(0, 0.1)
        writer.writerow([*numbers, *categories, round(target, 4)])
    return text.getvalue().encode()


def multipart(fields: dict[str, str], table: bytes) -> tuple[bytes, str]:
    boundary = "the-boundary-of-the-benchmark"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="csv_file"; filename="table.csv"\r\n'
    parts.append(f"{head}Content-Type: text/csv\r\n\r\n".encode() + table + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


if __name__ == "__main__":
    main()
