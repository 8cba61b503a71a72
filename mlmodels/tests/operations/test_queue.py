"""Whose job is next: one turn for each owner, by priority, and by age."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from mlmodels.errors import JobEnded
from mlmodels.models import KINDS, Batch, OwnerPriority, Priority, TrainingRun, place_in_line
from mlmodels.operations import jobs
from mlmodels.tests.factories import houses_csv, make_dataset, make_model_row, start_run

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

    with pytest.raises(JobEnded):
        jobs.set_priority(job=run, priority=Priority.HIGH)


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_ask_at_once_get_a_job_each(make_user, at_once):
    for number in range(3):
        start_runs(make_user(f"owner{number}@example.com"), 3)

    claimed = at_once(lambda worker: jobs.claim_next(worker=worker), each=map(str, range(9)))

    assert len({job.pk for job in claimed}) == 9
    assert Counter(job.owner_id for job in claimed).most_common(1)[0][1] == 3


def test_the_place_in_line_is_that_in_which_jobs_are_taken(make_user):
    owners = [make_user(f"owner{number}@example.com") for number in range(3)]
    for owner, count in zip(owners, [3, 1, 2], strict=True):
        start_runs(owner, count)
    queue_batch(owners[1])
    waiting = [job for kind in KINDS for job in kind.objects.queued()]

    places = {(type(job), job.pk): place_in_line(job) for job in waiting}

    taken = [(type(job), job.pk) for job in claim_and_end(7)]
    assert [places[job] for job in taken] == [1, 2, 3, 4, 5, 6, 7]


# As many open runs as allowed


def over_the_api(owner, dataset, api_as, pages_of):
    return (
        api_as(owner).post("/api/v1/runs", {"dataset": str(dataset.uuid), "target": "price"}).json()["detail"]
    )


def over_the_classic_api(owner, dataset, api_as, pages_of):
    upload = SimpleUploadedFile("houses.csv", houses_csv())
    order = {"model_type": "linear", "feature_cols": "size", "label_col": "price", "csv_file": upload}
    return api_as(owner).post("/api/create", order, format="multipart").json()["detail"]


def on_the_page(owner, dataset, api_as, pages_of):
    order = {"target": "3", "algorithm": "linear", "use": ["0"], "train_percentage": "0.8"}
    order["idempotency_key"] = "k"
    return pages_of(owner).post(f"/datasets/{dataset.uuid}/train/", order).content.decode()


def by_command(owner, dataset, api_as, pages_of):
    with TemporaryDirectory() as folder, pytest.raises(CommandError) as refused:
        Path(folder, "houses.csv").write_bytes(houses_csv())
        call_command("train_model", f"{folder}/houses.csv", "--owner", owner.email, "--target", "price")
    return str(refused.value)


@pytest.mark.parametrize("door", [over_the_api, over_the_classic_api, on_the_page, by_command])
def test_a_run_too_many_is_refused_at_every_door_and_nothing_is_charged(
    alice, api_as, pages_of, settings, door
):
    settings.OPEN_RUNS_MAX = 1
    dataset = make_dataset(alice)
    start_run(alice, dataset)

    said = door(alice, dataset, api_as, pages_of)

    alice.refresh_from_db()
    assert "You already have 1 training run in progress. Wait for one to end, or cancel one." in said
    assert TrainingRun.objects.count() == 1
    assert alice.token_balance == 14
    assert [entry.amount for entry in alice.ledger_entries.all()] == [-1, 15]
