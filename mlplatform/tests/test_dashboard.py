"""The dashboard of the admin."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mlmodels.models import TrainingRun, Worker
from mlmodels.operations import jobs
from mlmodels.operations.housekeeping import run_now
from mlmodels.tests.factories import make_dataset, start_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def look(client, admin_user):
    """The text of the dashboard."""

    def look():
        page = client.get(reverse("admin-dashboard"))
        assert page.status_code == 200
        return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())

    client.force_login(admin_user)
    return look


def failed(owner, dataset, code):
    run = jobs.claim(job=start_run(owner, dataset), worker="w")
    jobs.fail(job=run, error="no", code=code)
    return run


def test_a_new_installation(look):
    words = look()

    assert "Training runs queued 0 Training runs running 0 Batches queued 0 Batches running 0" in words
    assert "No worker is running." in words
    assert "No training run or batch has failed." in words
    assert "Last housekeeping never" in words
    assert "Set METRICS_KEY to measure requests." in words


def test_queue_workers_and_failures(look, alice, bob):
    dataset, others = make_dataset(alice), make_dataset(bob)
    for code in ("time_limit", "crashed", "time_limit"):
        failed(alice, dataset, code)
    old = failed(alice, dataset, "killed")
    TrainingRun.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(hours=25))
    start_run(alice, dataset)
    running = jobs.claim(job=start_run(bob, others, model_name="houses"), worker="trainer-1")
    for name in ("trainer-1", "trainer-2"):
        Worker.objects.create(name=name)
    run_now(by="worker")

    words = look()

    assert "Training runs queued 1, the oldest just now Training runs running 1" in words
    assert f"trainer-1 {running.model_name}, 0%" in words
    assert "trainer-2 idle" in words
    assert re.search("time_limit 2 .* crashed 1", words)
    assert "killed" not in words
    assert "Last housekeeping just now" in words


def test_tokens_granted_and_spent_per_day(look, alice, time_machine):
    today = timezone.now().date()
    start_run(alice)
    failed(alice, None, "crashed")

    words = look()

    assert f"{today} 30 1" in words  # the administrator and Alice; the run that failed is refunded
    assert f"{today - timedelta(days=13)} 0 0" in words
    assert str(today - timedelta(days=14)) not in words


def test_it_costs_a_constant_number_of_queries(look, alice, bob):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            look()
        return len(captured)

    Worker.objects.create(name="one")
    before = queries()
    dataset = make_dataset(alice)
    for code in ("time_limit", "crashed"):
        failed(alice, dataset, code)
    jobs.claim(job=start_run(bob), worker="one")
    Worker.objects.create(name="two")

    assert queries() == before


def test_it_is_for_administrators_and_linked_from_the_front_page(client, make_user, admin_user, alice):
    url = reverse("admin-dashboard")
    clerk = make_user("clerk@example.com", is_staff=True)

    for user, status, is_linked in ((alice, 302, None), (clerk, 403, False), (admin_user, 200, True)):
        client.force_login(user)
        assert client.get(url).status_code == status
        if is_linked is not None:
            assert (f'href="{url}"' in client.get(reverse("admin:index")).content.decode()) is is_linked


def test_with_metrics_it_shows_the_slowest_routes(look, settings, client):
    settings.METRICS_KEY = "key"
    settings.MIDDLEWARE = ["mlplatform.metrics.MetricsMiddleware", *settings.MIDDLEWARE]
    client.get("/healthz")

    assert re.search(r"healthz \d+ [\d.,]+ ms", look())
