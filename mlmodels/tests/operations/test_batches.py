"""A file of rows: quoted, charged once, predicted as a whole; or refused, and nothing is left."""

import csv
import io
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from billing import operations as billing
from billing.idempotency import IdempotentRequest, RequestRepeated
from billing.verify import verify_ledger
from mlmodels import errors
from mlmodels.learning.tables import TableRefused
from mlmodels.models import Batch, PendingFile
from mlmodels.models.batches import BatchQuerySet
from mlmodels.operations import batches, jobs, predictions
from mlmodels.operations.erasure import erase_everything_of
from mlmodels.operations.trained_models import delete_model
from mlmodels.tests.factories import houses_csv, quote_file, start_batch, start_run, work_off
from mlplatform.core.errors import NotFound

pytestmark = pytest.mark.django_db

HALF_READABLE = b"size;rooms;place\n70;2;city\nca. 90;2;city\n80;3\n;;\n90;4;coast"


@pytest.fixture
def model(alice, make_model):
    return make_model(alice)


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def stored_files(folder):
    return sorted(path.name for path in (folder / "batches").glob("*"))


def rows_of(batch, separator=","):
    batch.refresh_from_db()
    assert batch.status == "succeeded", batch.error
    with batch.answer.open("rb") as handle:
        text = io.TextIOWrapper(handle, encoding="utf-8", newline="")
        return list(csv.DictReader(text, delimiter=separator))


@pytest.mark.django_db(transaction=True)
def test_a_file_comes_back_with_predictions_for_the_price_of_its_started_thousands(alice, model):
    batch = start_batch(alice, model, houses_csv())
    assert (batch.status, batch.cost_tokens, balance_of(alice)) == ("queued", 5, 10)

    work_off()

    rows = rows_of(batch)
    assert len(rows) == 60
    assert list(rows[0])[4:] == ["prediction", "low", "high", "warnings", "reason"]
    for row in rows:
        _, output = predictions.answered(model, row)
        assert float(row["prediction"]) == pytest.approx(output["prediction"], rel=1e-9)
        assert float(row["low"]) == pytest.approx(output["interval"]["low"], rel=1e-9)
    assert balance_of(alice) == 10
    assert verify_ledger() == []


@pytest.mark.django_db(transaction=True)
def test_rows_that_cannot_be_read_are_not_charged_and_come_back_with_the_reason(alice, model):
    batch = start_batch(alice, model, HALF_READABLE)
    assert (batch.row_count, batch.unreadable_rows, batch.cost_tokens) == (4, 2, 5)
    assert [fault["row"] for fault in batch.faults] == [3, 4]

    work_off()

    rows = rows_of(batch, ";")
    assert [bool(row["prediction"]) for row in rows] == [True, False, False, False, True]
    assert 'size": "ca. 90" is not a number' in rows[1]["reason"]
    assert "2 cells" in rows[2]["reason"]
    assert rows[3]["reason"] == ""
    batch.refresh_from_db()
    assert (batch.rows_done, batch.unreadable_rows, batch.preview[1]["reason"][:6]) == (4, 2, '"size"')


def test_prices_go_by_started_thousands_of_readable_rows(settings):
    settings.BATCH_TOKEN_COST = 3

    assert [batches.price_of(rows) for rows in (1, 1000, 1001, 3000)] == [3, 3, 6, 9]


def test_a_quote_costs_nothing_until_it_is_started_and_then_once(alice, model):
    quoted = quote_file(alice, model)
    assert (quoted.status, balance_of(alice)) == ("quoted", 15)

    batches.start(batch=quoted)

    with pytest.raises(errors.BatchStarted):
        batches.start(batch=quoted)
    assert balance_of(alice) == 10
    assert alice.ledger_entries.filter(kind="charge").count() == 1


def test_the_same_request_is_charged_once(alice, model):
    request = IdempotentRequest("POST /x", "key-1", "the same")
    first = start_batch(alice, model, idempotency=request)

    with pytest.raises(RequestRepeated) as repeated:
        start_batch(alice, model, idempotency=request)

    assert repeated.value.earlier.identifier == str(first.uuid)
    assert (Batch.objects.count(), balance_of(alice)) == (1, 10)


def test_a_broke_user_is_refused_and_nothing_is_left(charlie, make_model, files_folder):
    model = make_model(charlie)

    with pytest.raises(billing.InsufficientTokens):
        start_batch(charlie, model)

    assert not Batch.objects.exists()
    assert stored_files(files_folder) == []
    assert not PendingFile.objects.exists()
    assert charlie.ledger_entries.count() == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"size,rooms\n70,2\n", 'no column named "place". The model needs it.'),
        (b"size,other\n70,2\n", 'no columns named "rooms", "place". The model needs them.'),
        (b"size,rooms,place\nx,2,city\n", "No row of the file can be read. Row 2"),
        (b"size,rooms,place\n", "no rows"),
        (b'size,rooms,place\n70,"2,city\n', "never closed"),
        (b"", "empty"),
    ],
)
def test_a_file_of_no_use_is_refused_and_nothing_is_left(alice, model, files_folder, content, words):
    with pytest.raises(TableRefused, match=words):
        start_batch(alice, model, content)

    assert not Batch.objects.exists()
    assert stored_files(files_folder) == []
    assert balance_of(alice) == 15


def test_columns_that_are_spelled_otherwise_are_matched(alice, model):
    quoted = quote_file(alice, model, b"Size,ROOMS,place,agent\n70,2,city,Ann\n")

    assert quoted.reading["header_names"] == {"size": "Size", "rooms": "ROOMS"}


def test_a_cancelled_batch_is_refunded_once(alice, model):
    batch = start_batch(alice, model)

    jobs.cancel(job=batch)

    with pytest.raises(errors.JobEnded, match="was cancelled") as refused:
        jobs.cancel(job=batch)
    assert refused.value.code == "batch_ended"
    assert balance_of(alice) == 15
    assert verify_ledger() == []


def test_a_batch_whose_worker_was_lost_twice_is_refunded_once(alice, model):
    batch = start_batch(alice, model)
    for _ in range(2):
        jobs.claim(job=batch, worker="gone")
        Batch.objects.update(lease_until=Now() - timedelta(seconds=1))
        jobs.recover()

    batch.refresh_from_db()
    assert (batch.status, batch.error_code, balance_of(alice)) == ("failed", "worker_lost", 15)
    assert "this batch was lost" in batch.error
    assert verify_ledger() == []


def test_workers_take_runs_and_batches_of_owners_in_turn(alice, bob, model):
    """Alice has had a turn, in which her model was trained."""
    first = start_batch(alice, model)
    run = start_run(bob)
    second = start_batch(alice, model)

    claimed = [jobs.claim_next(worker="w") for _ in range(3)]

    assert claimed == [run, first, second]


def test_a_fourth_open_batch_is_refused(alice, model, settings):
    settings.BATCH_TOKEN_COST = 1
    for _ in range(3):
        start_batch(alice, model)

    with pytest.raises(errors.TooManyOpenBatches):
        start_batch(alice, model)

    assert balance_of(alice) == 12


def test_of_many_quotes_the_oldest_gives_way(alice, model, django_capture_on_commit_callbacks, files_folder):
    with django_capture_on_commit_callbacks(execute=True):
        quoted = [quote_file(alice, model) for _ in range(6)]

    assert set(Batch.objects.all()) == set(quoted[1:])
    assert stored_files(files_folder) == sorted(f"{quote.uuid}.csv" for quote in quoted[1:])


def test_a_quote_that_somebody_else_has_just_deleted_is_not_found_and_does_not_stop_the_sweep(
    alice, model, monkeypatch
):
    quoted = quote_file(alice, model)
    batches.delete_batch(batch=Batch.objects.get())
    monkeypatch.setattr(BatchQuerySet, "expired_quotes", lambda self: [quoted])

    with pytest.raises(NotFound):
        batches.delete_batch(batch=quoted)
    assert batches.sweep_expired() == 0


def test_a_model_is_not_deleted_while_a_batch_needs_it_and_a_quote_for_it_ends(alice, model):
    quoted, started = quote_file(alice, model), start_batch(alice, model)

    with pytest.raises(errors.ModelInUse):
        delete_model(model=model)

    jobs.cancel(job=started)
    delete_model(model=model)
    with pytest.raises(NotFound, match="The model was deleted"):
        batches.start(batch=quoted)
    assert balance_of(alice) == 15


def finished(batch) -> Batch:
    """As after a worker, without one."""
    claimed = jobs.claim(job=batch, worker="w")
    name = claimed.result_path(claimed.attempt)
    batch.file.storage.save(name, io.BytesIO(b"a,prediction\n"))
    PendingFile.objects.create(name=name)
    outcome = {"rows": 1, "unreadable_rows": 0, "rows_with_warnings": 0, "preview": []}
    assert batches.finish_batch(batch=claimed, answer_bytes=13, outcome=outcome)
    return Batch.objects.get(pk=batch.pk)


def test_files_go_after_their_time_and_the_row_stays(
    alice, model, django_capture_on_commit_callbacks, files_folder
):
    ended, quoted = finished(start_batch(alice, model)), quote_file(alice, model)
    assert batches.sweep_expired() == 0
    Batch.objects.filter(pk=ended.pk).update(finished_at=timezone.now() - timedelta(days=8))
    Batch.objects.filter(pk=quoted.pk).update(created_at=timezone.now() - timedelta(hours=25))

    with django_capture_on_commit_callbacks(execute=True):
        assert batches.sweep_expired() == 2

    ended = Batch.objects.get()
    assert (ended.status, ended.has_answer, ended.name) == ("succeeded", False, "new.csv")
    assert stored_files(files_folder) == []
    assert batches.sweep_expired() == 0
    assert verify_ledger() == []


def test_an_open_batch_is_not_deleted(alice, model):
    with pytest.raises(errors.BatchInUse):
        batches.delete_batch(batch=start_batch(alice, model))


def test_closing_an_account_ends_refunds_and_empties_its_batches(
    alice, model, django_capture_on_commit_callbacks, files_folder
):
    start_batch(alice, model)
    quote_file(alice, model)

    with django_capture_on_commit_callbacks(execute=True):
        erase_everything_of(owner=alice)

    left = Batch.objects.get()
    assert (left.status, left.name, left.first_rows) == ("cancelled", "erased", [])
    assert stored_files(files_folder) == []
    assert verify_ledger() == []


@pytest.mark.django_db(transaction=True)
def test_started_by_many_clicks_at_once_it_is_charged_once(alice, model, at_once):
    quoted = quote_file(alice, model)

    outcomes = at_once(lambda: batches.start(batch=quoted), times=6)

    assert sum(isinstance(outcome, Batch) for outcome in outcomes) == 1
    assert balance_of(alice) == 10
    assert verify_ledger() == []
