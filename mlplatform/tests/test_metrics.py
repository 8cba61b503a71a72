"""/metrics: what Prometheus reads, who may, and what counting costs."""

import http.client
import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import path
from prometheus_client.parser import text_string_to_metric_families

from mlmodels.models import Prediction, Worker
from mlmodels.operations import jobs
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import start_batch, start_run
from mlplatform import metrics
from mlplatform.settings import BASE_DIR
from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import PATIENCE_SECONDS, until
from mlplatform.urls import urlpatterns as urls_of_the_project

KEY = "a long random text"
COUNTING_MICROSECONDS_MAX = 40  # 7 on a quiet machine

urlpatterns = [path("metrics", metrics.metrics), *urls_of_the_project]


@pytest.fixture
def counted(settings):
    """The project with METRICS_KEY."""
    settings.METRICS_KEY = KEY
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["mlplatform.metrics.MetricsMiddleware", *settings.MIDDLEWARE]


@pytest.fixture
def read(client, counted, monkeypatch):
    """The values by name and labels, of a process that was just started."""
    monkeypatch.setattr(metrics, "predictions", metrics.PredictionCount())

    def read():
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200
        return values_of(answer.content.decode())

    return read


def values_of(text):
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}


def test_without_a_key_in_the_settings_there_is_nothing(client, settings):
    assert settings.METRICS_KEY == ""
    assert client.get("/metrics").status_code == 404
    assert not any("Metrics" in name for name in settings.MIDDLEWARE)


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", KEY, f"Bearer {KEY} "])
def test_who_does_not_send_the_key_gets_401(client, counted, sent):
    answer = client.get("/metrics", headers={"Authorization": sent} if sent else {})

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"mlplatform_" not in answer.content


@pytest.mark.django_db
def test_requests_are_counted_by_pattern_and_status_with_their_duration(client, read, alice):
    client.force_login(alice)
    before = read()

    for name in ("one", "two"):
        assert client.get(f"/models/{name}/").status_code == 404
    client.get("/wp-login.php")
    client.generic("BREW", "/healthz")

    def more(*name):
        return read()[name] - before.get(name, 0)

    route = "models/<str:name>/"
    assert more("mlplatform_requests_total", "404", "GET", route) == 2
    assert more("mlplatform_requests_total", "(none)", "404", "GET") == 1
    assert more("mlplatform_requests_total", "405", "healthz", "other") == 1
    assert more("mlplatform_request_seconds_count", route) == 2
    assert more("mlplatform_request_seconds_bucket", "+Inf", route) == 2
    assert (
        0 < more("mlplatform_database_seconds_total", route) < more("mlplatform_request_seconds_sum", route)
    )


@pytest.mark.django_db
def test_what_the_database_knows(read, alice, bob, make_model, time_machine):
    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    model = make_model(alice)
    predict(owner=alice, model=model, features={"size": 100, "rooms": 2, "place": "city"})
    jobs.fail(job=jobs.claim(job=start_run(bob), worker="w"), error="no", code="crashed")
    start_run(alice, model.dataset, model_name="waits")
    start_batch(alice, model)
    Worker.objects.create(name="w")
    time_machine.shift(30)

    now = read()

    runs = {status: now["mlplatform_training_runs", status] for status in ("queued", "failed", "succeeded")}
    assert runs == {"queued": 1, "failed": 1, "succeeded": 1}
    assert (now["mlplatform_batches", "queued"], now["mlplatform_batches", "succeeded"]) == (1, 0)
    assert now["mlplatform_queue_age_seconds",] == 30
    assert now["mlplatform_predictions_total",] == 1
    assert (now["mlplatform_tokens_granted",], now["mlplatform_tokens_spent",]) == (30, 11)


@pytest.mark.django_db
def test_a_scrape_costs_a_constant_number_of_queries(read, alice):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            read()
        return len(captured)

    before = queries()
    start_run(alice)

    assert queries() == before == 8


@pytest.mark.django_db
def test_predictions_are_counted_again_only_while_they_are_new(read, alice, time_machine):
    def store(pk):
        return Prediction.objects.create(pk=pk, owner=alice, output={"prediction": 1}, cost_tokens=5)

    time_machine.move_to("2026-03-01T10:00:00Z", tick=False)
    for pk in (101, 102, 105):
        store(pk)
    time_machine.shift(metrics.SETTLED_AFTER + timedelta(seconds=1))
    assert read()["mlplatform_predictions_total",] == 3

    store(108)
    assert read()["mlplatform_predictions_total",] == 4
    store(107)  # committed after the one that took the next id

    with CaptureQueriesContext(connection) as captured:
        assert read()["mlplatform_predictions_total",] == 5
    of_predictions = [query["sql"] for query in captured if "mlmodels_prediction" in query["sql"]]
    assert len(of_predictions) == 2
    assert all('"id" > 105' in sql for sql in of_predictions)


def test_a_percentile_lies_within_its_bucket():
    buckets = [(0.1, 50), (0.2, 90), (0.4, 100), (float("inf"), 100)]

    assert metrics.quantile(0.5, buckets) == 0.1
    assert metrics.quantile(0.95, buckets) == pytest.approx(0.3)
    assert metrics.quantile(0.95, [(0.1, 0), (float("inf"), 10)]) == 0.1


def test_counting_costs_microseconds(rf):
    """The hot path is a prediction of about two milliseconds."""
    request, response = rf.post("/api/predict/houses"), type("Response", (), {"status_code": 200})
    request.resolver_match = type("Match", (), {"route": "api/predict/<str:name>"})
    middleware = metrics.MetricsMiddleware(lambda request: response)
    middleware(request)

    def seconds():
        started = time.process_time()
        for _ in range(2_000):
            middleware(request)
        return time.process_time() - started

    assert min(seconds() for _ in range(5)) / 2_000 * 1e6 < COUNTING_MICROSECONDS_MAX


@pytest.mark.sqlite_only
@pytest.mark.django_db(transaction=True)
def test_all_processes_of_a_web_server_count_together(tmp_path):
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "mlplatform.web_server", "--processes", "2", "--port", str(port)],
        cwd=BASE_DIR,
        env=os.environ
        | {
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
            "METRICS_KEY": KEY,
        },
    )

    def ask(url):
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            asked.request("GET", url, headers={"Authorization": f"Bearer {KEY}"})
            answer = asked.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return None
        finally:
            asked.close()

    try:
        until(lambda: ask("/readyz"), what="for the web server")
        already = values_of(ask("/metrics")[1]).get(("mlplatform_requests_total", "200", "GET", "healthz"), 0)
        for _ in range(40):
            assert ask("/healthz")[0] == 200
        counted = [values_of(ask("/metrics")[1]) for _ in range(4)]
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE_SECONDS)

    name = ("mlplatform_requests_total", "200", "GET", "healthz")
    assert [values[name] - already for values in counted] == [40] * 4
