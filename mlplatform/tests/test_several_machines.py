"""Two web servers and two workers, each with a disk of its own: only the database and a bucket are shared."""

import http.client
import json
import subprocess
import sys
from pathlib import Path

import pytest
from urllib3.filepost import encode_multipart_formdata

from mlmodels.tests.factories import slow_csv
from mlplatform.settings import BASE_DIR
from mlplatform.tests.object_storage import Bucket
from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import PATIENCE_SECONDS, until

pytestmark = pytest.mark.postgresql_only

CREDENTIALS = {"email": "alice@example.com", "pwd": "a long pass phrase 17"}
A_ROW = {"a": 0.5, "b": 0.5, "c": 0.5}
RUN = {"target": "sum", "algorithm": "random_forest", "parameters": {"n_estimators": 150}}


class Machine:
    def __init__(self, folder: Path, environment: dict, *command: str):
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        self.environment = environment | {
            "DATA_DIR": str(folder),
            "WEB_PROCESSES": "1",
            "INITIAL_TOKENS": "40",
        }
        command = [part.format(port=self.port) for part in command]
        with open(folder.with_suffix(".log"), "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=BASE_DIR, env=self.environment, stdout=log, stderr=log
            )

    def ask(self, method, address, body=None, token=None, **headers):
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        if isinstance(body, dict):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, f"/api/{address}", body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = response.getheader("Content-Type", "").startswith("application/json")
        return response.status, json.loads(content) if is_json else content

    def send(self, address, file: bytes, token):
        form, content_type = encode_multipart_formdata({"file": ("houses.csv", file)})
        return self.ask("POST", address, form, token, **{"Content-Type": content_type})

    def is_up(self):
        try:
            return self.ask("GET", "v1/algorithms")[0] in (200, 401)
        except OSError:
            return False


@pytest.fixture
def machines(environment, tmp_path, s3_server):
    environment |= Bucket(s3_server).environment
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=BASE_DIR, env=environment, check=True)
    web, worker = ("-m", "mlplatform.web_server", "--port", "{port}"), ("manage.py", "run_worker")
    commands = {"web1": web, "web2": web, "worker1": worker, "worker2": worker}
    made = {name: Machine(tmp_path / name, environment, *command) for name, command in commands.items()}
    try:
        for name in ("web1", "web2"):
            until(made[name].is_up, what=f"for {name}")
        yield made
    finally:
        for machine in made.values():
            machine.process.terminate()
        for machine in made.values():
            machine.process.wait(timeout=PATIENCE_SECONDS)


def ended(web, address, token):
    status, job = web.ask("GET", address, token=token, Prefer="wait=20")
    assert status == 200, job
    return job if job["status"] not in ("queued", "running") else None


def test_the_main_job_is_done_by_machines_that_share_no_disk(machines):
    one, two = machines["web1"], machines["web2"]
    one.ask("POST", "user/create", CREDENTIALS)
    token = two.ask("POST", "user/login", CREDENTIALS)[1]["access_token"]
    _, dataset = one.send("v1/datasets", slow_csv(), token)

    runs = [
        web.ask("POST", "v1/runs", {"dataset": dataset["id"], **RUN}, token)[1]["id"]
        for web in (one, two, one)
    ]
    done = [until(lambda run=run: ended(two, f"v1/runs/{run}", token)) for run in runs]
    assert [run["status"] for run in done] == ["succeeded"] * 3, done
    name = done[0]["model_name"]
    answers = [web.ask("POST", f"v1/models/{name}/predict", {"features": A_ROW}, token) for web in (one, two)]
    assert [status for status, _ in answers] == [200, 200], answers
    assert len({answer["predictions"][0]["prediction"] for _, answer in answers}) == 1

    status, batch = two.send(f"v1/models/{name}/batches", slow_csv(100), token)
    assert status == 202, batch
    until(lambda: ended(one, f"v1/batches/{batch['id']}", token))
    status, result = one.ask("GET", f"v1/batches/{batch['id']}/result", token=token)
    assert (status, len(result.splitlines())) == (200, 101)

    assert two.ask("DELETE", f"v1/models/{name}", token=token)[0] == 204
    assert one.ask("POST", f"v1/models/{name}/predict", {"features": A_ROW}, token)[0] == 404
    assert one.ask("GET", "user/tokens", token=token)[1]["tokens"] == 40 - 3 - 2 * 5 - 5
    verified = subprocess.run(
        [sys.executable, "manage.py", "verify_ledger"], cwd=BASE_DIR, env=one.environment, capture_output=True
    )
    assert verified.returncode == 0, verified.stdout
    for machine in machines.values():
        assert machine.process.poll() is None
        assert not (machine.folder / "files").exists()
        assert not list(machine.folder.glob("work/*"))
    assert list(one.folder.glob("model_cache/*.model"))
    for number in (1, 2):
        log = machines[f"worker{number}"].folder.with_suffix(".log").read_text()
        assert '"Started"' in log
