"""The web server as processes: one that looks after those that serve."""

import os
import subprocess
import sys

import pytest

from mlmodels.tests.worker.processes import descendants, is_alive, kill, until
from mlplatform.settings import BASE_DIR
from mlplatform.tests.postgresql import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_killed_while_its_serving_process_still_starts_it_leaves_nobody(tmp_path):
    """Whoever stayed would keep the port, and serve what nobody looks after."""
    server = subprocess.Popen(
        [sys.executable, "-m", "mlplatform.web_server", "--port", str(free_port())],
        cwd=BASE_DIR,
        env={**os.environ, "DATA_DIR": str(tmp_path)},
    )
    serving = until(lambda: descendants(server.pid), what="for the serving process")

    kill(server)

    until(lambda: not any(map(is_alive, serving)), seconds=20, what="for the serving process to end")
