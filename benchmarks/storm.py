"""All verbs at once over HTTP against a running installation, and the ledger verified at the end.

    python -m benchmarks.storm --seconds 180 --engine postgresql

A few users share more threads, so that the same account, dataset, run and model are used, changed and deleted
at the same moment. Exits with 1 if anything answers with a status of 500 or above, or the ledger is wrong.
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from urllib3.filepost import encode_multipart_formdata

from mlplatform.tests import postgresql
from mlplatform.tests.installation import PROJECT, Installation

PASSWORD = "a long pass phrase for the storm"
TABLE = "size,town,price\n" + "".join(
    f"{n},{['Bonn', 'Kiel', 'Ulm'][n % 3]},{3 * n + n % 7}\n" for n in range(60)
)
MORE_ROWS = "size,town\n" + "".join(f"{n},Kiel\n" for n in range(30))
WAIT_SECONDS = 60
IDLE_SECONDS = 120
OPEN = ("queued", "running")


class User:
    """One account, used by several threads at once."""

    def __init__(self, installation: Installation, number: int):
        self.port = installation.port
        self.email = f"storm{number}@example.com"
        self.token = None
        credentials = {"email": self.email, "pwd": PASSWORD}
        self.ask("POST", "/api/user/create", credentials)
        self.token = self.ask("POST", "/api/user/login", credentials)[1]["access_token"]

    def ask(self, method, path, body=None, headers=None) -> tuple[int, object]:
        """Status and body; a lost connection is status 0."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        content = body if isinstance(body, bytes) or body is None else json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        with contextlib.closing(connection):
            try:
                connection.request(method, path, content, sent)
                answer = connection.getresponse()
                data = answer.read()
            except OSError as error:
                return 0, repr(error)
        try:
            return answer.status, json.loads(data) if data else None
        except ValueError:
            return answer.status, data[:200].decode(errors="replace")

    def upload(self, path: str, table: str, file_field: str = "file", **fields) -> tuple[int, object]:
        body, content_type = encode_multipart_formdata({**fields, file_field: ("t.csv", table, "text/csv")})
        return self.ask("POST", path, body, {"Content-Type": content_type})

    def one_of(self, path: str, name: str = "id", **query) -> str | None:
        """The name of a random object in a list."""
        query = urllib.parse.urlencode({"page_size": 50, **query})
        status, body = self.ask("GET", f"/api/v1/{path}?{query}")
        found = body["results"] if status == 200 else []
        return random.choice(found)[name] if found else None


# Each verb returns a status, or None where there was nothing to do it to


def upload(user):
    return user.upload("/api/v1/datasets", TABLE, name=f"storm {random.random():.4f}")[0]


def upload_version(user):
    dataset = user.one_of("datasets")
    return dataset and user.upload(f"/api/v1/datasets/{dataset}/versions", TABLE + "100,Ulm,301\n")[0]


def change_dataset(user):
    dataset = user.one_of("datasets")
    columns = {"columns": {"size": {"use": random.random() < 0.9}}}
    return dataset and user.ask("PATCH", f"/api/v1/datasets/{dataset}", columns)[0]


def delete_dataset(user):
    dataset = user.one_of("datasets")
    return dataset and user.ask("DELETE", f"/api/v1/datasets/{dataset}")[0]


def train(user):
    dataset = user.one_of("datasets")
    body = {"dataset": dataset, "target": "price", "algorithm": random.choice(["linear", "decision_tree"])}
    key = {"Idempotency-Key": f"{user.email}-{random.randrange(200)}"}
    return dataset and user.ask("POST", "/api/v1/runs", body, key)[0]


def train_classic(user):
    columns = json.dumps(["size", "town"])
    fields = {"model_type": "linear", "feature_cols": columns, "label_col": "price"}
    return user.upload("/api/create", TABLE, "csv_file", **fields)[0]


def cancel_run(user):
    run = user.one_of("runs", status="queued") or user.one_of("runs", status="running")
    return run and user.ask("POST", f"/api/v1/runs/{run}/cancel")[0]


def predict(user):
    model = user.one_of("models", "name")
    body = {"features": {"size": random.randrange(60), "town": "Kiel"}}
    key = {"Idempotency-Key": f"{user.email}-{random.randrange(500)}"}
    headers = key if random.random() < 0.5 else {}
    path = f"/api/v1/models/{model}/{random.choice(['predict', 'explain'])}"
    return model and user.ask("POST", path, body, headers)[0]


def predict_classic(user):
    model = user.one_of("models", "name")
    return model and user.ask("POST", f"/api/predict/{model}", {"features": {"size": 3, "town": "Ulm"}})[0]


def predict_rows(user):
    model = user.one_of("models", "name")
    rows = {"rows": [{"size": n, "town": "Bonn"} for n in range(3)]}
    return model and user.ask("POST", f"/api/v1/models/{model}/predict", rows)[0]


def predict_file(user):
    model = user.one_of("models", "name")
    return model and user.upload(f"/api/v1/models/{model}/batches", MORE_ROWS)[0]


def cancel_batch(user):
    batch = user.one_of("batches", status="queued") or user.one_of("batches", status="running")
    return batch and user.ask("POST", f"/api/v1/batches/{batch}/cancel")[0]


def report_actual(user):
    prediction = user.one_of("predictions")
    return prediction and user.ask("POST", f"/api/v1/predictions/{prediction}/actual", {"value": 7})[0]


def rename_model(user):
    model = user.one_of("models", "name")
    return model and user.ask("PATCH", f"/api/v1/models/{model}", {"label": f"m {random.random():.3f}"})[0]


def delete_model(user):
    model = user.one_of("models", "name")
    return model and user.ask("DELETE", f"/api/v1/models/{model}")[0]


def read(user):
    paths = ("account", "ledger", "predictions", "models", "runs", "datasets", "batches", "keys")
    return user.ask("GET", f"/api/v1/{random.choice(paths)}")[0]


def make_key(user):
    status, body = user.ask("POST", "/api/v1/keys", {"name": "storm", "scope": "all"})
    return user.ask("DELETE", f"/api/v1/keys/{body['id']}")[0] if status == 201 else status


VERBS = {
    upload: 4, upload_version: 2, change_dataset: 2, delete_dataset: 2, train: 8, train_classic: 2,
    cancel_run: 2, predict: 20, predict_classic: 10, predict_rows: 5, predict_file: 4, cancel_batch: 1,
    report_actual: 2, rename_model: 2, delete_model: 2, read: 8, make_key: 2,
}  # fmt: skip


def main() -> None:
    options = parse_options()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storm-")))
        environment = {"INITIAL_TOKENS": "100000"}
        if options.engine == "postgresql":
            server = stack.enter_context(postgresql.server())
            environment["DATABASE_URL"] = stack.enter_context(postgresql.empty_database(server))
        installation = Installation(folder, **environment)
        try:
            installation.start()
            users = [User(installation, number) for number in range(options.users)]
            counts, failures = storm(users, options)
            wait_until_idle(users)
            verified = verify(installation)
        finally:
            installation.process.terminate()
            installation.process.wait(timeout=60)
        report(counts, failures)
        print(verified.stdout, end="")
        if failures or verified.returncode:
            print((folder / "output").read_text()[-5000:])
            sys.exit(1)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--threads", type=int, default=12)
    return parser.parse_args()


def storm(users: list[User], options) -> tuple[dict, list]:
    """Answers by verb and status, and those of status 500 and above."""
    counts, failures = collections.Counter(), []
    end = time.monotonic() + options.seconds
    verbs, weights = list(VERBS), list(VERBS.values())

    def work(number: int) -> None:
        user = users[number % len(users)]
        while time.monotonic() < end:
            [verb] = random.choices(verbs, weights)
            status = verb(user)
            counts[verb.__name__, status] += 1
            if status is not None and (status >= 500 or status == 0):
                failures.append((verb.__name__, status))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(options.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts, failures


def wait_until_idle(users: list[User]) -> None:
    """Until every run and batch has ended, so that all charges can be cleared."""
    deadline = time.monotonic() + IDLE_SECONDS
    while time.monotonic() < deadline and any(has_open_jobs(user) for user in users):
        time.sleep(1)


def has_open_jobs(user: User) -> bool:
    return any(user.one_of(path, status=status) for path in ("runs", "batches") for status in OPEN)


def verify(installation: Installation) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "manage.py", "verify_ledger"],
        cwd=PROJECT,
        env={**os.environ, **installation.environment},
        capture_output=True,
        text=True,
    )


def report(counts: dict, failures: list) -> None:
    by_verb = collections.defaultdict(dict)
    for (verb, status), count in counts.items():
        by_verb[verb][status] = count
    for verb, statuses in sorted(by_verb.items()):
        said = ", ".join(
            f"{status or 'nothing to do'}: {n}" for status, n in sorted(statuses.items(), key=str)
        )
        print(f"{verb:18} {said}")
    print(f"{sum(counts.values()):,} calls, {len(failures)} with a status of 500 or above")


if __name__ == "__main__":
    main()
