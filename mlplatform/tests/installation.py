"""What `make run` starts, for tests that meet the product from outside."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path

from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import PATIENCE_SECONDS, until

PROJECT = Path(__file__).parents[2]


class Installation:
    """Real processes on a real port, with a data folder of their own."""

    def __init__(self, data_dir: Path, **environment: str):
        self.data_dir = data_dir
        self.environment = {
            **{key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")},
            "DATA_DIR": str(data_dir),
            "THROTTLING": "off",
            **environment,
        }
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.output = data_dir / "output"

    def start(self):
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "quickstart", "--port", str(self.port)],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_for(lambda: "Ctrl-C stops it" in self.said() or self.process.poll() is not None)
        return self

    def said(self) -> str:
        return self.output.read_text()

    def ask(self, method, address, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        connection.request(method, address, body and json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, json.loads(content)

    def manage(self, *arguments: str):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def processes(self) -> dict[int, str]:
        """Command lines of all processes that have our data folder in their environment, without zombies."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if f"DATA_DIR={self.data_dir}\0".encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return {pid: command for pid, command in found.items() if command}

    def worker(self) -> int | None:
        return next((pid for pid, command in self.processes().items() if "run_worker" in command), None)

    def wait_for(self, condition):
        """As `until`; what the installation printed is in the failure."""
        try:
            return until(condition)
        except AssertionError as error:
            raise AssertionError(self.said()) from error
