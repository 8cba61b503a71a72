"""A database that is away for a while, as in a restart."""

import threading
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from mlmodels.models import Worker
from mlmodels.operations import jobs
from mlmodels.tests.factories import start_run
from mlmodels.worker import database
from mlmodels.worker.database import Heartbeat, retry
from mlmodels.worker.loop import JobWorker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pauses(monkeypatch):
    """What was slept, without sleeping."""
    slept = []
    monkeypatch.setattr(database.time, "sleep", slept.append)
    return slept


def failing(times, error=OperationalError):
    """Fails so often, and then answers how often it was called."""
    calls = []

    def call():
        calls.append(1)
        if len(calls) <= times:
            raise error
        return len(calls)

    return call


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_call_is_made_again_until_the_database_answers(pauses, error):
    assert retry(failing(4, error)) == 5
    assert pauses == [1, 2, 4, 8]


def test_patience_has_an_end(pauses):
    with pytest.raises(OperationalError):
        retry(failing(1), seconds=0.5)

    assert pauses == []


def test_what_is_wrong_with_the_call_itself_is_not_repeated(pauses):
    with pytest.raises(ZeroDivisionError):
        retry(lambda: 1 / 0)

    assert pauses == []


def test_the_heart_beats_on_when_the_database_was_away(alice, work_space, monkeypatch):
    run = jobs.claim(job=start_run(alice), worker="w")
    beats, answered = [], threading.Event()
    extend_lease = jobs.extend_lease

    def away_at_first(*, job):
        beats.append(1)
        if len(beats) < 3:
            raise OperationalError
        extend_lease(job=job)
        answered.set()
        return True

    monkeypatch.setattr(database.jobs, "extend_lease", away_at_first)
    with Heartbeat("w") as beating:
        beating.keep(run)
        assert answered.wait(timeout=20)

        assert not beating.has_lost_job.is_set()


def test_the_heart_tells_when_somebody_else_has_the_run(alice, work_space):
    run = jobs.claim(job=start_run(alice), worker="w")
    with Heartbeat("w") as beating:
        beating.keep(run)
        jobs.hand_back(job=run)

        assert beating.has_lost_job.wait(timeout=20)


def test_a_worker_waits_for_a_database_that_is_away(alice, work_space, monkeypatch):
    worker = JobWorker("w")
    tries = []

    def away_at_first(*, worker):
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError
        stop()

    stop = worker.stop
    monkeypatch.setattr("mlmodels.worker.loop.DATABASE_RETRY_SECONDS", 0)
    monkeypatch.setattr("mlmodels.worker.loop.jobs.claim_next", away_at_first)

    worker.work()

    assert len(tries) == 2
    assert not Worker.objects.exists()


def test_a_worker_is_alive_as_long_as_it_was_heard_of_lately():
    Worker.objects.create(name="here")
    Worker.objects.create(name="gone", seen_at=timezone.now() - timedelta(seconds=61))

    assert [worker.name for worker in Worker.objects.alive()] == ["here"]


def test_workers_that_were_killed_are_forgotten_after_a_day(work_space):
    Worker.objects.create(name="killed", seen_at=timezone.now() - timedelta(days=2))
    worker = JobWorker("new")
    worker.stop()

    worker.work()

    assert not Worker.objects.exists()


def test_a_worker_that_starts_before_the_database_waits_for_it(pauses, monkeypatch):
    answers = failing(2)
    monkeypatch.setattr(type(Worker.objects.all()), "delete", lambda queryset: answers())

    with JobWorker("early")._alive():
        assert Worker.objects.filter(name="early").exists()

    assert pauses == [1, 2]


def test_a_worker_that_waits_for_the_database_can_be_stopped(monkeypatch):
    worker, asked = JobWorker("early"), []

    def stop_after(_seconds):
        asked.append(1)
        worker.stop()

    monkeypatch.setattr(database.time, "sleep", stop_after)
    monkeypatch.setattr(type(Worker.objects.all()), "delete", lambda queryset: failing(9)())

    with pytest.raises(OperationalError):
        worker.work()

    assert asked == [1]
