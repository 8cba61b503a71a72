"""A large file is stored at once; a worker makes a dataset of it, once, or says why it cannot."""

import io
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.utils import timezone

from billing.verify import verify_ledger
from mlmodels.errors import RoomExceeded, TooManyOpenUploads
from mlmodels.limits import OPEN_UPLOADS_MAX
from mlmodels.models import Dataset, PendingFile, Upload
from mlmodels.operations import datasets, erasure, pending_files, uploads
from mlmodels.tests.factories import houses_csv, inspect_now, make_dataset, start_upload
from mlmodels.tests.leftovers import grow_old, stored
from mlplatform.core.errors import InvalidInput, NotFound

pytestmark = pytest.mark.django_db


def reread(upload):
    return Upload.objects.get(pk=upload.pk)


def lose_worker_of(upload):
    Upload.objects.filter(pk=upload.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_a_file_up_to_the_limit_is_a_dataset_at_once(alice, settings):
    content = houses_csv()
    settings.INSPECTED_AT_ONCE_MB = len(content) / 1e6

    received = uploads.receive_dataset(owner=alice, name="houses", upload=io.BytesIO(content))

    assert isinstance(received, Dataset)
    assert not Upload.objects.exists()


def test_a_larger_one_waits_with_its_file_and_takes_room(alice, settings):
    settings.USER_FILES_MB = len(houses_csv()) * 1.5 / 1e6

    upload = start_upload(alice)

    assert (upload.status, upload.progress, upload.dataset) == ("queued", 0, None)
    assert default_storage.size(upload.file.name) == upload.size_bytes == len(houses_csv())
    assert not PendingFile.objects.exists() and not Dataset.objects.exists()
    with pytest.raises(RoomExceeded):
        make_dataset(alice)


def test_inspected_it_is_the_dataset_that_it_would_have_been_at_once(alice, bob):
    upload, at_once = start_upload(alice), make_dataset(bob)

    assert inspect_now() == 1

    dataset = Dataset.objects.get(owner=alice)
    assert (dataset.uuid, dataset.name) == (upload.uuid, "houses")
    for name in (
        "row_count",
        "columns",
        "findings",
        "first_rows",
        "dialect",
        "target_guess",
        "sha256",
        "version",
    ):
        assert getattr(dataset, name) == getattr(at_once, name), name
    assert dataset.file.read() == houses_csv()
    upload = reread(upload)
    assert (upload.status, upload.progress, upload.dataset, upload.file.name) == ("succeeded", 1, dataset, "")
    assert inspect_now() == 0
    alice.refresh_from_db()
    assert alice.token_balance == 15 and verify_ledger() == []


def test_a_newer_version_carries_over_what_was_chosen(alice):
    dataset = make_dataset(alice)
    datasets.change(dataset=dataset, columns={"rooms": {"kind": "category"}}, target="size")

    start_upload(alice, houses_csv(90), dataset=dataset)
    inspect_now()

    newest = dataset.newest
    assert (newest.version, newest.row_count, newest.target_name) == (2, 90, "size")
    assert newest.column("rooms").kind == "category"


def test_the_same_file_is_no_newer_version(alice):
    with pytest.raises(InvalidInput, match="nothing changed"):
        start_upload(alice, dataset=make_dataset(alice))

    assert len(stored()) == 1


def test_a_file_that_is_no_table_is_refused_in_the_words_of_a_small_one_and_goes(alice):
    upload = start_upload(alice, b"a,b\n1,2\n3\n")

    inspect_now()

    upload = reread(upload)
    assert (upload.status, upload.error_code) == ("failed", "table_refused")
    assert upload.error.startswith("Row 3 has 1 cell")
    assert not Dataset.objects.exists()
    assert [pending.name for pending in PendingFile.objects.all()] == [f"datasets/{upload.uuid}.csv"]


def test_a_version_of_a_dataset_that_was_deleted_meanwhile_fails(alice):
    dataset = make_dataset(alice)
    upload = start_upload(alice, houses_csv(90), dataset=dataset)
    datasets.delete_dataset(dataset=dataset)

    inspect_now()

    assert reread(upload).error == "The dataset was deleted meanwhile."
    assert not Dataset.objects.exists()


def test_a_missing_file_is_said(alice):
    upload = start_upload(alice)
    default_storage.delete(upload.file.name)

    inspect_now()

    assert reread(upload).error_code == "file_missing"


def test_a_user_has_a_few_of_them_at_a_time(alice, bob):
    for _ in range(OPEN_UPLOADS_MAX):
        start_upload(alice)

    with pytest.raises(TooManyOpenUploads, match="Wait for one to end"):
        start_upload(alice)
    start_upload(bob)

    assert len(stored()) == OPEN_UPLOADS_MAX + 1


def test_of_two_workers_one_gets_it_and_what_the_other_writes_changes_nothing(alice):
    first = uploads.claim_next() if start_upload(alice) else None
    assert uploads.claim_next() is None
    lose_worker_of(first)

    second = uploads.claim_next()

    assert (second.attempt, second.lapses) == (2, 1)
    assert not uploads.report_progress(upload=first, progress=0.5)
    assert not uploads.fail(upload=first, error="late", code="late")
    dataset, _ = uploads.start_dataset(upload=first)
    datasets.inspect(dataset, io.BytesIO(houses_csv()))
    assert not uploads.finish(upload=first, dataset=dataset)
    assert not Dataset.objects.exists()
    assert uploads.finish(upload=second, dataset=dataset)
    assert Dataset.objects.count() == 1


def test_whose_workers_are_lost_twice_fails_and_leaves_nothing(alice):
    upload = start_upload(alice)
    for _ in range(2):
        lose_worker_of(uploads.claim_next())

    assert uploads.claim_next() is None

    upload = reread(upload)
    assert (upload.status, upload.error_code) == ("failed", "worker_lost")
    assert "Upload the file again" in upload.error
    assert PendingFile.objects.count() == 1 and not Dataset.objects.exists()


def test_a_worker_that_stops_hands_it_back_without_a_lapse(alice):
    upload = start_upload(alice)

    assert uploads.hand_back(upload=uploads.claim_next())

    assert (reread(upload).status, reread(upload).lapses) == ("queued", 0)
    assert inspect_now() == 1
    assert Dataset.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_deleted_while_it_is_inspected_nothing_is_left(alice):
    upload = start_upload(alice)
    claimed = uploads.claim_next()

    uploads.delete_upload(upload=upload)

    assert not uploads.report_progress(upload=claimed, progress=0.5)
    assert not Upload.objects.exists() and not PendingFile.objects.exists()
    assert stored() == []
    with pytest.raises(NotFound):
        uploads.delete_upload(upload=upload)


@pytest.mark.django_db(transaction=True)
def test_of_a_removed_account_nothing_is_left(alice):
    start_upload(alice)

    erasure.erase_everything_of(owner=alice)

    assert not Upload.objects.exists()
    assert stored() == []


def test_its_file_is_no_leftover(alice):
    start_upload(alice)
    grow_old()

    assert pending_files.sweep() == 0
    assert verify_ledger() == []


def test_what_became_of_it_is_told_for_some_days(alice):
    start_upload(alice)
    inspect_now()

    assert uploads.prune() == 0
    Upload.objects.update(finished_at=timezone.now() - timedelta(days=8))
    assert uploads.prune() == 1
    assert Dataset.objects.count() == 1
