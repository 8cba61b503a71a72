"""Whose job is next: one turn for each owner, by priority, and by age."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from mlmodels.models import Batch, OwnerPriority, Priority, TrainingRun
from mlmodels.operations import jobs
from mlmodels.tests.factories import make_dataset, make_model_row, start_run

pytestmark = pytest.mark.django_db


def start_runs(owner, count):
    dataset = make_dataset(owner)
    return [start_run(owner, dataset) for _ in range(count)]


def queue_batch(owner):
    """Only the row, which is all that the queue looks at."""
    model = make_model_row(owner, name=f"{owner.pk}_model_{Batch.objects.count()}")
    return Batch.objects.create(
        owner=owner, model=model, status="queued", size_bytes=1, reading={}, row_count=1, unreadable_rows=0,
        faults=[], first_rows=[], cost_tokens=0,
    )  # fmt: skip


def claim_next():
    return jobs.claim_next(worker="w")


def claim_and_end(count):
    """The next jobs, each of which ends before the next is claimed."""
    ended = []
    for _ in range(count):
        job = claim_next()
        type(job).objects.filter(pk=job.pk).update(status="cancelled")
        ended.append(job)
    return ended


def test_the_oldest_run_is_next(alice, bob):
    first, second = start_run(alice), start_run(bob)

    assert claim_next() == first
    assert claim_next() == second
    assert claim_next() is None


def test_a_long_queue_of_one_person_does_not_hold_up_another(alice, bob):
    of_alice = start_runs(alice, 3)
    of_bob = start_run(bob)

    order = [claim_next() for _ in range(4)]

    assert order == [of_alice[0], of_bob, of_alice[1], of_alice[2]]


def test_who_waited_longest_for_a_turn_is_next_when_nobody_has_a_run_going(alice, bob):
    start_run(alice)
    claim_and_end(1)
    of_alice, of_bob = start_run(alice), start_run(bob)

    assert claim_and_end(2) == [of_bob, of_alice]


def test_owners_take_turns_however_many_jobs_each_has_queued(make_user, settings):
    settings.OPEN_RUNS_MAX = 9
    owners = [make_user(f"owner{number}@example.com") for number in range(4)]
    for owner, count in zip(owners, [9, 2, 5, 3], strict=True):
        start_runs(owner, count)

    turns = [job.owner for job in claim_and_end(19)]

    assert turns[:8] == owners * 2
    assert Counter(turns[8:11]) == Counter([owners[0], owners[2], owners[3]])
    assert Counter(turns) == dict(zip(owners, [9, 2, 5, 3], strict=True))


def test_runs_and_batches_of_an_owner_share_the_turns_of_that_owner(alice, bob):
    first, second = start_runs(alice, 2)
    file_of_alice, file_of_bob = queue_batch(alice), queue_batch(bob)

    order = [claim_next() for _ in range(4)]

    assert order == [first, file_of_bob, second, file_of_alice]


def test_the_jobs_of_one_owner_are_taken_by_age(alice):
    runs = start_runs(alice, 3)
    newest = runs[0]
    TrainingRun.objects.filter(pk=newest.pk).update(created_at=timezone.now() + timedelta(seconds=1))

    assert claim_and_end(3) == [runs[1], runs[2], newest]


def test_a_run_with_a_high_priority_goes_before_all_and_one_with_a_low_priority_after_all(alice, bob):
    low, normal, high = start_runs(alice, 3)
    of_bob = start_run(bob)
    jobs.set_priority(job=low, priority=Priority.LOW)
    jobs.set_priority(job=high, priority=Priority.HIGH)

    assert claim_and_end(4) == [high, of_bob, normal, low]


def test_a_priority_of_an_owner_counts_for_all_that_owner_has_and_will_have_queued(alice, bob):
    first = start_run(alice)
    jobs.set_priority_of_owner(owner=bob, priority=Priority.HIGH)
    file, run = queue_batch(bob), start_run(bob)

    assert claim_and_end(3) == [file, run, first]


def test_an_owner_with_a_low_priority_still_gets_a_run_of_high_priority_into_the_turns(alice, bob):
    of_alice, of_bob = start_run(alice), start_run(bob)
    jobs.set_priority_of_owner(owner=alice, priority=Priority.LOW)
    jobs.set_priority(job=of_alice, priority=Priority.HIGH)

    assert claim_and_end(2) == [of_alice, of_bob]


def test_a_normal_priority_of_an_owner_is_no_row(alice):
    jobs.set_priority_of_owner(owner=alice, priority=Priority.HIGH)
    jobs.set_priority_of_owner(owner=alice, priority=Priority.NORMAL)

    assert not OwnerPriority.objects.exists()


def test_what_has_ended_has_no_priority_any_more(alice):
    run = start_run(alice)
    jobs.cancel(job=run)

    with pytest.raises(jobs.errors.JobEnded):
        jobs.set_priority(job=run, priority=Priority.HIGH)


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_ask_at_once_get_a_job_each(make_user, at_once):
    for number in range(3):
        start_runs(make_user(f"owner{number}@example.com"), 3)

    claimed = at_once(lambda worker: jobs.claim_next(worker=worker), each=map(str, range(9)))

    assert len({job.pk for job in claimed}) == 9
    assert Counter(job.owner_id for job in claimed).most_common(1)[0][1] == 3
