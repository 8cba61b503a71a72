"""The one command, as a stranger runs it: real processes, a real port, a data folder of its own."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from mlplatform.settings import BASE_DIR
from mlplatform.tests.installation import Installation
from mlplatform.tests.processes import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.sqlite_only,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@pytest.fixture
def installation(tmp_path):
    made = Installation(tmp_path)
    yield made
    if made.process:
        made.process.kill()
        made.process.wait()


def test_a_stranger_starts_it_predicts_and_stops_it_and_nobody_stays_behind(installation):
    # The first start makes everything, with secrets for the owner alone
    installation.start()
    password_file = installation.data_dir / "demo_password"
    for secret in (password_file, installation.data_dir / "secret_key"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert f"http://127.0.0.1:{installation.port}" in installation.said()
    password = password_file.read_text().strip()
    assert password in installation.said()
    assert installation.ask("GET", "/readyz") == (200, {"status": "ok"})

    # The demo login buys a prediction of the demo model
    login = {"username": "demo@example.com", "password": password}
    token = installation.ask("POST", "/api/request_token", login)[1]["token"]
    (model_name,) = installation.ask("GET", "/api/trained", token=token)[1]
    features = installation.ask("GET", f"/api/trained/{model_name}", token=token)[1]["feature_cols"]
    status, answer = installation.ask(
        "POST", f"/api/predict/{model_name}", {"features": dict.fromkeys(features, 1.5)}, token=token
    )
    assert (status, answer["tokens_deducted"]) == (200, 5)

    # A killed worker is started again
    killed = installation.worker()
    os.kill(killed, signal.SIGKILL)
    installation.wait_for(lambda: installation.worker() not in (None, killed))
    assert "training worker ended (SIGKILL); it will be restarted" in installation.said()

    # `kill -9` of the parent leaves nobody
    installation.process.kill()
    installation.process.wait()
    installation.wait_for(lambda: not installation.processes())

    # The second start is quick, changes nothing, and ends at Ctrl-C
    started = time.monotonic()
    installation.start()
    assert time.monotonic() - started < 30  # four on a machine that has nothing else to do
    assert password_file.read_text().strip() == password
    assert "The demo account" not in installation.said()  # no process looks after what exists
    installation.process.send_signal(signal.SIGINT)
    assert installation.process.wait(timeout=PATIENCE_SECONDS) == 0
    assert installation.processes() == {}


def test_a_used_port_is_said_in_one_line_before_anything_is_made(installation):
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        installation.start()

    assert installation.process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{installation.port}" in installation.said()
    assert f"make run PORT={installation.port + 1}" in installation.said()
    assert installation.said().count("\n") == 1
    assert not (installation.data_dir / "db.sqlite3").exists()


def test_it_ends_with_the_process_that_started_it_when_asked_to(installation, tmp_path):
    script = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    command = [
        sys.executable,
        "manage.py",
        "quickstart",
        "--end-with-parent",
        "--port",
        str(installation.port),
    ]
    environment = os.environ | {"DATA_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL")
    with installation.output.open("w") as output:
        make = subprocess.Popen(
            [sys.executable, "-c", script, *command],
            cwd=BASE_DIR,
            env=environment,
            stdout=output,
            stderr=output,
        )
    installation.wait_for(lambda: installation.worker())

    make.kill()
    make.wait()

    assert installation.wait_for(lambda: not installation.processes())
