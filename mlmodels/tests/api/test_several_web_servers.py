"""Two web servers on one database: one is replaced during an upload, one notices what the other deletes."""

import socket
import sys

import pytest
from django.db import connections

from accounts.api.tokens import AccessToken
from billing.verify import verify_ledger
from mlmodels.models import Dataset, Worker
from mlmodels.tests.factories import houses_csv
from mlmodels.tests.web_server import WebServer
from mlmodels.tests.worker.conftest import url_of_test_database
from mlplatform.tests.processes import PATIENCE_SECONDS, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

ROW = {"size": 70, "rooms": 2, "place": "city"}
BOUNDARY = "slow"
NOT_READY_SECONDS = 3
IS_STOPPING = (503, {"status": "unavailable", "failing": {"web_server": "is stopping"}})


@pytest.fixture
def start_server(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    started = []

    def start():
        seconds = {"WEB_NOT_READY_SECONDS": str(NOT_READY_SECONDS)}
        server = WebServer(tmp_path, url_of_test_database(), WEB_PROCESSES="1", **seconds)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.end()


def headers_of(user):
    return {"Authorization": f"Bearer {AccessToken.for_user(user)}", "Content-Type": "application/json"}


def upload_of(table: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="houses.csv"\r\n\r\n'
    return head.encode() + table + f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.mark.sqlite_only  # about processes
def test_an_upload_in_progress_survives_the_replacement_of_its_web_server(alice, start_server):
    Worker.objects.create(name="worker-1")
    old, new, body = start_server(), start_server(), upload_of(houses_csv())
    with socket.create_connection(("127.0.0.1", old.port), timeout=30) as upload:
        upload.sendall(
            f"POST /api/v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {AccessToken.for_user(alice)}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode()
            + body[:300]
        )
        old.process.terminate()
        until(lambda: old.ask("GET", "/readyz") == IS_STOPPING, what="for the web server to be not ready")
        assert old.ask("GET", "/healthz")[0] == new.ask("GET", "/readyz")[0] == 200
        until(lambda: not old.is_up(), what="for the web server to accept no connection")

        upload.sendall(body[300:])
        answer = upload.recv(65536)

    assert answer.startswith(b"HTTP/1.1 201")
    assert old.process.wait(timeout=PATIENCE_SECONDS) == 0
    assert Dataset.objects.get().row_count == 60
    assert new.ask("GET", "/api/v1/datasets", headers=headers_of(alice))[1]["count"] == 1
    connections.close_all()


def test_a_model_that_one_web_server_deletes_is_gone_from_the_memory_of_the_other(
    alice, make_model, start_server
):
    model, headers = make_model(alice), headers_of(alice)
    servers = [start_server(), start_server()]
    path = f"/api/predict/{model.name}"
    for server in servers:
        assert server.ask("POST", path, {"features": ROW}, headers)[0] == 200

    assert servers[0].ask("DELETE", f"/api/delete/{model.name}", headers=headers)[0] == 200

    for server in servers:
        assert server.ask("POST", path, {"features": ROW}, headers)[0] == 404
    alice.refresh_from_db()
    assert alice.token_balance == 15 - 5 - 5
    assert verify_ledger() == []
    connections.close_all()
