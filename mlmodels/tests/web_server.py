"""A web server in processes of its own."""

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from mlplatform.tests.installation import PROJECT
from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import descendants, is_alive, kill, pause, until


class WebServer:
    """On this database; it can be killed and started again."""

    def __init__(self, data_dir, database_url, **environment):
        self.port = free_port()
        self.log = data_dir / f"web_server_{self.port}.log"
        self.environment = os.environ | {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(data_dir),
            **environment,
        }
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "mlplatform.web_server", "--port", str(self.port)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=PROJECT, env=self.environment, stdout=log, stderr=log
            )
        until(self.is_up, what="for the web server")
        return self

    def is_up(self):
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def kill_serving_processes(self):
        """They are started again by the one that looks after them."""
        serving = descendants(self.process.pid)
        for process in serving:
            os.kill(process, signal.SIGKILL)
        until(lambda: not any(map(is_alive, serving)), what="for the end of the processes")

    def kill(self):
        """The whole server, which a supervisor would start again.

        It is paused first: a process that it starts between the look and the kill would keep the port.
        """
        pause(self.process.pid)
        serving = descendants(self.process.pid)
        kill(self.process)
        until(lambda: not any(map(is_alive, serving)), what="for the port")
        self.start()

    def end(self):
        """However it is, nothing is left of it."""
        if self.process:
            serving = descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            until(lambda: not any(map(is_alive, serving)), what="for the end of the web server")

    def peak_mb(self):
        """The most memory that any of the serving processes has taken since its start."""
        return max(map(peak_mb, descendants(self.process.pid)))

    def ask(self, method, address, body=None, headers=None):
        """`body` is JSON data, or bytes."""
        content = body if isinstance(body, bytes) else body and json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, address, content, headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


def peak_mb(pid):
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmHWM"].removesuffix("kB")) / 1024
