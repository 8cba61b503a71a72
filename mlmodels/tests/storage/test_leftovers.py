"""What killed processes leave on object storage is swept, and nothing else."""

import pytest

from billing.verify import verify_ledger
from mlmodels.models import PendingFile
from mlmodels.operations import pending_files
from mlmodels.tests.factories import make_dataset
from mlmodels.tests.leftovers import grow_old

pytestmark = pytest.mark.django_db


def begin_upload(bucket, name):
    """As a process leaves it that is killed while it sends a large file."""
    begun = bucket.client.create_multipart_upload(Bucket=bucket.name, Key=name)
    part = {"Bucket": bucket.name, "Key": name, "UploadId": begun["UploadId"], "PartNumber": 1}
    bucket.client.upload_part(Body=b"half a table", **part)


def test_files_and_parts_of_files_without_a_row_go(bucket):
    for name in ("datasets/whole.csv", "datasets/half.csv"):
        pending_files.register(name=name)
    bucket.write("datasets/whole.csv", b"a,b\n1,2\n")
    begin_upload(bucket, "datasets/half.csv")

    assert pending_files.sweep() == 0
    grow_old()
    assert pending_files.sweep() == 2

    assert (bucket.names(), bucket.unfinished()) == ([], [])
    assert not PendingFile.objects.exists()


def test_what_this_database_does_not_know_stays(alice, bucket):
    dataset = make_dataset(alice)
    bucket.write("datasets/of_another.csv", b"a,b\n1,2\n")
    begin_upload(bucket, "datasets/being_sent.csv")
    grow_old()

    assert pending_files.sweep() == 0

    assert bucket.names() == sorted([dataset.file.name, "datasets/of_another.csv"])
    assert bucket.unfinished() == ["datasets/being_sent.csv"]


def test_the_verification_names_old_files_without_a_row(alice, bucket, monkeypatch):
    make_dataset(alice)
    bucket.write("datasets/unknown.csv", b"a,b\n1,2\n")
    assert verify_ledger() == []  # it may belong to an upload of this moment

    monkeypatch.setattr(pending_files, "left_over_age", lambda: -pending_files.AGE_MIN)

    (failure,) = verify_ledger()
    assert failure.check == "orphaned_files"
    assert failure.rows == [{"file": "datasets/unknown.csv"}]
