"""How long starts take: `make run` again, and the first predictions of a web process that has just started.

    python -m benchmarks.starts

In a data folder of its own. The first start makes database, static files, demo account and its model. Each
start after it is timed until the site is served. Then the demo account asks for predictions, at once or some
seconds later, when each web process has imported the learning libraries by itself.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from mlplatform.tests.installation import Installation

ROW = {f"{part} {size} (cm)": 1.5 for part in ("sepal", "petal") for size in ("length", "width")}
SECONDS_TO_IMPORT = 8
PREDICTIONS = 20  # so that each web process answers some


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--starts", type=int, default=3, help="after the first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-of-starts-") as folder:
        first = start(Path(folder))
        print(f"first start, with the training of the demo model: {first[0]:.1f} s")
        again = [
            start(Path(folder), wait=SECONDS_TO_IMPORT * (number % 2)) for number in range(options.starts)
        ]
    print("| start | until it serves, s | first prediction, ms | slowest of the next, ms | median, ms |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for number, (seconds, times) in enumerate(again):
        asked = "asked at once" if number % 2 == 0 else f"asked after {SECONDS_TO_IMPORT} s"
        first, *others = times
        print(
            f"| {asked} | {seconds:.2f} | {first:.0f} | {max(others):.0f} | {statistics.median(others):.1f} |"
        )


def start(folder: Path, wait: float = 0.0) -> tuple[float, list[float]]:
    """Seconds until it serves, and milliseconds for each of the first predictions."""
    installation = Installation(folder, INITIAL_TOKENS="10000")
    started = time.monotonic()
    try:
        installation.start()
        seconds = time.monotonic() - started
        time.sleep(wait)
        token = sign_in(installation)
        model = installation.ask("GET", "/api/v1/models", token=token)[1]["results"][0]["name"]
        return seconds, [prediction(installation, token, model) for _ in range(PREDICTIONS)]
    finally:
        installation.process.terminate()
        installation.process.wait()


def sign_in(installation: Installation) -> str:
    password = (installation.data_dir / "demo_password").read_text().strip()
    credentials = {"email": "demo@example.com", "pwd": password}
    return installation.ask("POST", "/api/user/login", credentials)[1]["access_token"]


def prediction(installation: Installation, token: str, model: str) -> float:
    started = time.monotonic()
    status, answer = installation.ask("POST", f"/api/predict/{model}", {"features": ROW}, token)
    assert status == 200, answer
    return (time.monotonic() - started) * 1000


if __name__ == "__main__":
    main()
