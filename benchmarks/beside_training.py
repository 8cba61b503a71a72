"""How long paid predictions take while a forest is trained on the same machine, and without that.

    python -m benchmarks.beside_training [--connections 4] [--seconds 15]

Starts what `make run` starts. On each connection the demo account asks for predictions in turn, alone
and while the worker trains a random forest, in turns.
"""

import argparse
import http.client
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from urllib3.filepost import encode_multipart_formdata

from benchmarks.starts import ROW, sign_in
from mlplatform.tests.installation import Installation

TABLE_ROWS = 60_000
FOREST = {"algorithm": "random_forest", "target": "sum", "parameters": {"n_estimators": 500}}
TURNS = 3
WARM_UP_SECONDS = 3
RUNNING_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=15, help="length of one turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-beside-training-") as folder:
        installation = Installation(Path(folder), INITIAL_TOKENS="100000000").start()
        try:
            report(Client(installation), options)
        finally:
            installation.process.terminate()
            installation.process.wait()


def table() -> bytes:
    draw = np.random.default_rng(42)
    columns = draw.normal(size=(TABLE_ROWS, 4))
    frame = pd.DataFrame(columns, columns=list("abcd"))
    frame["sum"] = columns @ [1, 2, 3, 4] + draw.normal(size=TABLE_ROWS)
    return frame.to_csv(index=False, float_format="%.4f").encode()


class Client:
    """The demo account, with a dataset that takes long to learn from."""

    def __init__(self, installation: Installation):
        self.port, self.token = installation.port, sign_in(installation)
        self.installation = installation
        self.model = self.ask("GET", "/api/v1/models")["results"][0]["name"]
        body, content_type = encode_multipart_formdata({"file": ("t.csv", table())})
        self.dataset = self.ask("POST", "/api/v1/datasets", body, content_type)["id"]

    def ask(self, method: str, path: str, body=None, content_type="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status < 300, data
        return json.loads(data)

    def start_training(self) -> str:
        run = self.ask("POST", "/api/v1/runs", {"dataset": self.dataset, **FOREST})["id"]
        deadline = time.monotonic() + RUNNING_SECONDS
        while self.ask("GET", f"/api/v1/runs/{run}")["status"] != "running":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        return run

    def predict(self, connections: int, seconds: float) -> list[float]:
        """Milliseconds of each prediction."""
        found, end = [[] for _ in range(connections)], time.monotonic() + seconds
        threads = [threading.Thread(target=self._predict, args=(times, end)) for times in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(found, [])

    def _predict(self, times: list[float], end: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = json.dumps({"features": ROW})
        while (started := time.monotonic()) < end:
            connection.request("POST", f"/api/predict/{self.model}", body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            times.append((time.monotonic() - started) * 1000)


def report(client: Client, options: argparse.Namespace) -> None:
    client.predict(options.connections, WARM_UP_SECONDS)
    print("| turn | | requests/s | p50, ms | p99, ms |\n| --- | --- | ---: | ---: | ---: |")
    tails = {"alone": [], "beside a forest": []}
    for turn in range(1, TURNS + 1):
        for beside, found in tails.items():
            run = client.start_training() if beside != "alone" else None
            times = client.predict(options.connections, options.seconds)
            if run:
                status = client.ask("GET", f"/api/v1/runs/{run}")["status"]
                assert status == "running", f"the training ended before the turn: {status}"
                client.ask("POST", f"/api/v1/runs/{run}/cancel")
            found.append(statistics.quantiles(times, n=100)[98])
            rate, median = len(times) / options.seconds, statistics.median(times)
            print(f"| {turn} | {beside} | {rate:.0f} | {median:.1f} | {found[-1]:.1f} |", flush=True)
    alone, beside = (statistics.median(found) for found in tails.values())
    print(f"\np99 beside a forest is {beside / alone:.1f} times that without")


if __name__ == "__main__":
    main()
