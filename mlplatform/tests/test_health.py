from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from mlmodels.limits import WORKER_SILENT_SECONDS
from mlmodels.models import Worker
from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by


def a_worker(*, seen_seconds_ago):
    Worker.objects.create(name="here:1", seen_at=timezone.now() - timedelta(seconds=seen_seconds_ago))


def test_healthz_needs_nothing_but_the_process(client):
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert "no-store" in response["Cache-Control"]


def test_healthz_asks_no_database_even_with_a_session_cookie(pages_of, alice, django_assert_num_queries):
    client = pages_of(alice)

    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert response.status_code == 200


@pytest.mark.django_db
def test_ready_when_a_worker_was_seen(client):
    a_worker(seen_seconds_ago=WORKER_SILENT_SECONDS - 5)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.parametrize(("probe", "imported"), [("healthz", set()), ("readyz", set(LEARNING_LIBRARIES))])
def test_a_process_is_ready_when_it_has_imported_what_predictions_need(tmp_path, probe, imported):
    code = f"""
import django

django.setup()
from unittest import mock
from django.test import RequestFactory
from mlplatform import health

with mock.patch.object(health, "find_failing", return_value={{}}):
    health.{probe}(RequestFactory().get("/{probe}"))
"""
    environment = {"DJANGO_SETTINGS_MODULE": "mlplatform.settings", "DATA_DIR": str(tmp_path), "DEBUG": "on"}

    assert imported_by(code, LEARNING_LIBRARIES, **environment) == imported


@pytest.mark.django_db
def test_not_ready_without_a_worker(client):
    response = client.get("/readyz")

    assert response.status_code == 503
    assert list(response.json()["failing"]) == ["worker"]


@pytest.mark.django_db
def test_not_ready_when_the_worker_has_fallen_silent(client):
    a_worker(seen_seconds_ago=WORKER_SILENT_SECONDS + 5)

    assert "worker" in client.get("/readyz").json()["failing"]


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(client):
    a_worker(seen_seconds_ago=0)
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("billing")
    MigrationRecorder(connection).record_unapplied(*newest)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert list(response.json()["failing"]) == ["migrations"]


def test_not_ready_without_the_database_and_healthy_all_the_same(client, monkeypatch):
    def gone():
        raise DatabaseError("no route; password=secret")

    monkeypatch.setattr(connection, "ensure_connection", gone)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "failing": {"database": "does not answer"}}
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_probes_only_read(client, address):
    assert client.post(address).status_code == 405
