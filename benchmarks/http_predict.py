"""Paid predictions over HTTP compared with the old services and with other servers, as a Markdown table.

    python -m benchmarks.http_predict              # needs wrk, and benchmarks/requirements.txt
    python -m benchmarks.http_predict --only 8x8 --algorithms linear random_forest --seconds 10
    python -m benchmarks.http_predict --only 1x1 8x8 64x8 --peers mlflow bentoml mlserver litserve

Ours is what `quickstart` starts: the web server, a worker, and the checks, the charge and the stored result
of each prediction, on SQLite and on PostgreSQL. The old way is one uvicorn process that loads the same
pipeline's pickle for each request, without login, database or payment. The peers keep the pipeline in
memory, in two processes, and have no login, database or payment either; each has an environment of its own
below --folder, and stands still between its turns. All take turns, so that other load on the machine
affects all of them.
"""

import argparse
import contextlib
import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from urllib3.filepost import encode_multipart_formdata

from benchmarks.load import Caller, Turns, cpu_seconds, postmaster, send_load
from benchmarks.serving_peers import PEERS, Peer
from mlplatform.tests import postgresql

ROOT = Path(__file__).resolve().parent.parent
ACCOUNTS = 8
PASSWORD = "a long benchmark pass phrase"
TOKENS = 100_000_000  # of each account
PRICE = 5
START_SECONDS_MAX = 180
CITIES = ["Bonn", "Kiel", "Ulm", "Jena", "Trier"]
NUMBERS = [f"number_{n}" for n in range(7)]
CATEGORIES = [f"category_{n}" for n in range(3)]
ROW = dict.fromkeys(NUMBERS, 0.5) | dict.fromkeys(CATEGORIES, "Kiel")
BODY = json.dumps({"features": ROW}).encode()


@dataclass(frozen=True)
class Scenario:
    connections: int
    accounts: int = ACCOUNTS
    has_key: bool = False

    def __str__(self):
        key = ", each with an Idempotency-Key" if self.has_key else ""
        accounts = "one account" if self.accounts == 1 else f"{self.accounts} accounts"
        return f"{self.connections} × {accounts}{key}"


SCENARIOS = {
    "8x8": Scenario(8),
    "8x1": Scenario(8, accounts=1),
    "8x8-keyed": Scenario(8, has_key=True),
    "64x8": Scenario(64),
    "64x1": Scenario(64, accounts=1),
    "1x1": Scenario(1, accounts=1),
}


@dataclass
class Server:
    """A server of predictions, and the turns measured on it."""

    name: str
    port: int
    processes: list[int]  # with those below them they are the server
    callers: list[Caller]
    body: bytes = BODY
    stops_between_turns: bool = False
    turns: Turns = field(default_factory=Turns)

    def measure(self, scenario: Scenario, seconds: float) -> None:
        with self.awake():
            self._measure(scenario, seconds)

    @contextlib.contextmanager
    def awake(self):
        """Some servers poll while nobody asks, which would slow down the others."""
        if not self.stops_between_turns:
            yield
            return
        for process in self.processes:
            os.killpg(process, signal.SIGCONT)
        try:
            yield
        finally:
            for process in self.processes:
                os.killpg(process, signal.SIGSTOP)

    def _measure(self, scenario: Scenario, seconds: float) -> None:
        has_key = scenario.has_key and bool(self.callers[0].token)
        callers = self.callers[: scenario.accounts]
        before = cpu_seconds(*self.processes)
        turn = send_load(self.port, callers, self.body, scenario.connections, seconds, has_key)
        self.turns.measured.append(turn | {"cpu_seconds": cpu_seconds(*self.processes) - before})


def main() -> None:
    arguments = parse_arguments()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="http-predict-")))
        services = [
            stack.enter_context(Service.started(engine, url, folder / engine))
            for engine, url in database_urls(arguments.engines, stack).items()
        ]
        print(f"{arguments.rounds} turns of {arguments.seconds:g} s each; CPU of the servers for a request\n")
        print(
            "| connections | algorithm | | requests/s | CPU ms | median ms | p99 ms | against the old way |"
        )
        print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
        for algorithm in arguments.algorithms:
            with contextlib.ExitStack() as old:
                compare(algorithm, services, old, folder, arguments)
        for service in services:
            service.verify_ledger()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    engines = ["sqlite", "postgresql"]
    parser.add_argument("--engines", nargs="+", choices=engines, default=engines)
    parser.add_argument("--algorithms", nargs="+", default=["linear"])
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--peers", nargs="+", choices=[peer.key for peer in PEERS], default=[])
    parser.add_argument(
        "--folder", type=Path, default=Path("var/benchmark"), help="of the environments of the peers"
    )
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
    pipeline = plain_copy(services[0].newest_model_file(), folder / f"{algorithm}.joblib")
    old = stack.enter_context(old_way(pipeline))
    peers = [
        stack.enter_context(serving(peer, pipeline, folder / f"{algorithm}-{peer.key}", arguments.folder))
        for peer in PEERS
        if peer.key in arguments.peers
    ]
    servers = [old, *peers, *ours]
    for server in servers:
        server.measure(SCENARIOS["8x8"], 2)  # loads models, and opens connections to the database
    for scenario in map(SCENARIOS.get, arguments.only):
        for server in servers:
            server.turns = Turns()
        before = [service.tokens() for service in services]
        for _ in range(arguments.rounds):
            for server in servers:
                server.measure(scenario, arguments.seconds)
        for service, server, tokens in zip(services, ours, before, strict=True):
            check_payment(service, server, tokens, arguments.rounds * scenario.connections)
        for server in servers:
            turns = server.turns
            print(
                f"| {scenario} | {algorithm} | {server.name} | {turns.rate:,.0f} | {turns.cpu_ms:.2f} "
                f"| {turns.median_ms:.1f} | {turns.p99_ms:.1f} | {turns.rate / old.turns.rate:.1f} |",
                flush=True,
            )


def check_payment(service: "Service", server: Server, before: int, cut_off_max: int) -> None:
    """Every prediction was charged once. At the end of a turn wrk does not wait for the last answers."""
    charged, answers = (before - service.tokens()) / PRICE, server.turns.answers
    if not answers <= charged <= answers + cut_off_max:
        raise SystemExit(f"{server.name}: {charged} charges for {answers} answers")


class Service:
    """Ours: a running `quickstart` with signed-up, well-funded users."""

    def __init__(self, engine: str, port: int, environment: dict[str, str]):
        self.name = f"ours on {engine}"
        self.port = port
        self.environment = environment
        self.processes = []
        self.access_tokens = []

    @classmethod
    @contextlib.contextmanager
    def started(cls, engine: str, database_url: str, data_dir: Path):
        port = postgresql.free_port()
        settings = {
            "DATA_DIR": data_dir, "THROTTLING": "off", "JWT_EXP_MINUTES": 600, "DEBUG": "off",
            "INITIAL_TOKENS": TOKENS, "PREDICTION_TOKEN_COST": PRICE,
        }  # fmt: skip
        environment = os.environ | {name: str(value) for name, value in settings.items()}
        environment.pop("DATABASE_URL", None)
        if database_url:
            environment["DATABASE_URL"] = database_url
        service = cls(engine, port, environment)
        command = [sys.executable, "manage.py", "quickstart", "--port", str(port)]
        with running(
            command, environment, f"http://127.0.0.1:{port}/readyz", data_dir.with_suffix(".log")
        ) as process:
            service.processes = [process.pid]
            if database_url:
                service.processes.append(postmaster(urllib.parse.urlsplit(database_url).port))
            service.access_tokens = [service.sign_up(number) for number in range(ACCOUNTS)]
            yield service

    def sign_up(self, number: int) -> str:
        credentials = {"email": f"benchmark{number}@example.com", "pwd": PASSWORD}
        self.call("user/create", credentials)
        return self.call("user/login", credentials)["access_token"]

    def server(self, algorithm: str, table: bytes) -> Server:
        """With a model of each account."""
        columns = json.dumps(NUMBERS + CATEGORIES)
        fields = {"model_type": algorithm, "feature_cols": columns, "label_col": "target"}
        fields["csv_file"] = ("table.csv", table, "text/csv")
        body, content_type = encode_multipart_formdata(fields)
        callers = []
        for token in self.access_tokens:
            name = self.call("create", body, token, content_type)["model_name"]
            callers.append(Caller(f"/api/predict/{name}", token))
        return Server(self.name, self.port, self.processes, callers)

    def tokens(self) -> int:
        """Of all accounts."""
        return sum(self.call("user/tokens", token=token)["tokens"] for token in self.access_tokens)

    def verify_ledger(self) -> None:
        command = [sys.executable, "manage.py", "verify_ledger"]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def newest_model_file(self) -> Path:
        folder = Path(self.environment["DATA_DIR"], "files", "models")
        return max(filter(Path.is_file, folder.iterdir()), key=lambda path: path.stat().st_mtime)

    def call(self, path: str, body=None, token: str = "", content_type="application/json") -> dict:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Content-Type": content_type}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}", data=body, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"{path}: {refusal.code} {refusal.read()[:500]}") from None


def plain_copy(model_file: Path, pipeline: Path) -> Path:
    """The same pipeline, stored as the old services did: without compression."""
    import joblib

    joblib.dump(joblib.load(model_file), pipeline)  # our own file, written a moment ago
    return pipeline


@contextlib.contextmanager
def old_way(pipeline: Path):
    port = postgresql.free_port()
    command = [sys.executable, *f"-m uvicorn benchmarks.old_way:app --port {port} --no-access-log".split()]
    environment = {**os.environ, "MODEL_FILE": str(pipeline)}
    with running(
        command, environment, f"http://127.0.0.1:{port}/docs", pipeline.with_suffix(".log")
    ) as process:
        yield Server("old way", port, [process.pid], [Caller("/predict/model")])


@contextlib.contextmanager
def serving(peer: Peer, pipeline: Path, folder: Path, environments: Path):
    """A peer with the pipeline. Exits if it does not predict what the pipeline does."""
    port = postgresql.free_port()
    command = peer.command(environments, pipeline, folder, port)
    url = f"http://127.0.0.1:{port}"
    body = json.dumps(peer.body_of(ROW)).encode()
    with running(command, dict(os.environ), url + peer.ready_path, folder.with_suffix(".log")) as process:
        check_prediction(peer, url, body, pipeline)
        yield Server(peer.name, port, [process.pid], [Caller(peer.path)], body, stops_between_turns=True)
        os.killpg(process.pid, signal.SIGCONT)


def check_prediction(peer: Peer, url: str, body: bytes, pipeline: Path) -> None:
    import joblib
    import pandas as pd

    expected = joblib.load(pipeline).predict(pd.DataFrame([ROW])).item()
    request = urllib.request.Request(url + peer.path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        given = peer.prediction_of(json.load(answer))
    if abs(given - expected) > 1e-9 * abs(expected):
        raise SystemExit(f"{peer.name} predicts {given}, the pipeline {expected}")


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], url: str, log: Path):
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            wait_until_ready(process, url, log)
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has left


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


if __name__ == "__main__":
    main()
