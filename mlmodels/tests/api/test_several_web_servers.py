"""Two web servers on one database: one is replaced during an upload, one notices what the other deletes."""

import socket
import sys
import time

import pytest
from django.db import connections

from accounts.api.tokens import AccessToken
from billing.verify import verify_ledger
from mlmodels.models import Dataset, Worker
from mlmodels.tests.factories import houses_csv
from mlmodels.tests.web_server import WebServer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

ROW = {"size": 70, "rooms": 2, "place": "city"}
BOUNDARY = "slow"
NOT_READY_SECONDS = 3


@pytest.fixture
def start_server(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    started = []

    def start():
        server = WebServer(
            settings, tmp_path, WEB_PROCESSES="1", WEB_NOT_READY_SECONDS=str(NOT_READY_SECONDS)
        )
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


def test_an_upload_in_progress_survives_the_replacement_of_its_web_server(alice, start_server):
    Worker.objects.create(name="worker-1")
    old, body = start_server(), upload_of(houses_csv())
    with socket.create_connection(("127.0.0.1", old.port), timeout=30) as upload:
        upload.sendall(
            f"POST /api/v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {AccessToken.for_user(alice)}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode()
            + body[:300]
        )
        new = start_server()
        stopped_at = time.monotonic()
        old.process.terminate()
        time.sleep(1)
        assert old.ask("GET", "/readyz") == (
            503, {"status": "unavailable", "failing": {"web_server": "is stopping"}}
        )  # fmt: skip
        assert old.ask("GET", "/healthz")[0] == new.ask("GET", "/readyz")[0] == 200
        time.sleep(max(0, stopped_at + NOT_READY_SECONDS + 1 - time.monotonic()))
        with pytest.raises(ConnectionRefusedError):
            old.ask("GET", "/healthz")

        upload.sendall(body[300:])
        answer = upload.recv(65536)

    assert answer.startswith(b"HTTP/1.1 201")
    assert old.process.wait(timeout=10) == 0
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
