import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError

from mlmodels import limits
from mlmodels.errors import DatasetInUse, RoomExceeded, UnknownColumn, UnknownSample
from mlmodels.models import Dataset
from mlmodels.operations import datasets, training
from mlmodels.tests.factories import houses_csv, make_dataset, start_run
from mlplatform.core.errors import InvalidInput, TooLarge

pytestmark = pytest.mark.django_db


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_table_is_kept_with_what_was_found_in_it(alice, files_folder):
    dataset = make_dataset(alice, name="  My\thouses ")

    assert dataset.name == "My houses"
    assert dataset.row_count == 60
    assert dataset.column_names == ["size", "rooms", "place", "price"]
    assert dataset.target_guess["name"] == "price"
    assert dataset.size_bytes == len(houses_csv())
    with dataset.file.open("rb") as handle:
        assert handle.read() == houses_csv()
    assert [path.name for path in files_in(files_folder)] == [f"{dataset.uuid}.csv"]


def test_what_a_user_calls_a_file_never_becomes_a_path(alice, files_folder):
    upload = SimpleUploadedFile("../../../etc/passwd.csv", houses_csv())

    dataset = datasets.create_dataset(owner=alice, name="../../x", upload=upload)

    assert files_in(files_folder) == [files_folder / "datasets" / f"{dataset.uuid}.csv"]


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n", b"a,a\n1,2\n", b"a,b\n1,2,3\n", b"%PDF-1.4\n\x00\x01", b'a,b\n"1,2\n', b"a,b\n1,\x00\n"],
    ids=["empty", "header only", "twice the same name", "ragged", "no text", "open quote", "NUL"],
)
def test_a_refused_table_leaves_no_row_and_no_file(alice, files_folder, content):
    with pytest.raises(InvalidInput):
        make_dataset(alice, content)

    assert not Dataset.objects.exists()
    assert files_in(files_folder) == []


def test_a_file_over_the_limit_is_refused_before_it_is_read(alice, settings):
    settings.MAX_UPLOAD_MB = 1
    upload = SimpleUploadedFile("large.csv", b"a,b\n" + b"1,2\n" * 250_000)

    with pytest.raises(TooLarge, match="at most 1 MB"):
        datasets.create_dataset(owner=alice, name="large", upload=upload)

    assert upload.tell() == 0


def test_a_name_without_a_visible_character_is_refused(alice):
    with pytest.raises(InvalidInput, match="name"):
        make_dataset(alice, name=" \x00\n")


def test_when_the_row_cannot_be_written_the_file_goes_again(alice, files_folder, monkeypatch):
    written = []

    def fail(self, **kwargs):
        written.extend(files_in(files_folder))
        raise DatabaseError

    monkeypatch.setattr(Dataset, "save", fail)

    with pytest.raises(DatabaseError):
        make_dataset(alice)

    assert len(written) == 1
    assert files_in(files_folder) == []


def test_the_number_of_data_sets_per_person_is_limited(alice, bob, files_folder, monkeypatch):
    monkeypatch.setattr(datasets, "DATASETS_MAX", 1)
    make_dataset(alice)

    with pytest.raises(RoomExceeded, match="Delete one"):
        make_dataset(alice)

    make_dataset(bob)
    assert len(files_in(files_folder)) == 2


def test_the_bytes_of_a_person_are_limited(alice, monkeypatch):
    monkeypatch.setattr(datasets, "DATASET_BYTES_MAX", 2 * len(houses_csv()))
    make_dataset(alice)
    make_dataset(alice)

    with pytest.raises(RoomExceeded, match="MB together"):
        make_dataset(alice, b"a,b\n1,2\n2,3\n")

    assert alice.datasets.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_uploads_at_once_do_not_get_past_the_limit(alice, at_once, files_folder, monkeypatch):
    monkeypatch.setattr(datasets, "DATASETS_MAX", 3)

    outcomes = at_once(lambda: make_dataset(alice), times=8)

    assert sum(isinstance(outcome, Dataset) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, RoomExceeded) for outcome in outcomes) == 5
    assert len(files_in(files_folder)) == 3


def test_the_limits_are_the_published_ones():
    assert (limits.DATASETS_MAX, limits.OPEN_RUNS_MAX, limits.LAPSES_MAX) == (100, 3, 2)


def test_a_sample_is_made_once_per_person(alice, bob):
    first = datasets.add_sample(owner=alice, sample="iris")
    second = datasets.add_sample(owner=alice, sample="iris")
    other = datasets.add_sample(owner=bob, sample="iris")

    assert first == second
    assert other.owner == bob
    assert first.row_count == 150


def test_an_unknown_sample_is_refused_with_the_known_ones(alice):
    with pytest.raises(UnknownSample, match="iris"):
        datasets.add_sample(owner=alice, sample="titanic")


def test_kind_and_use_of_a_column_can_be_changed(alice):
    dataset = make_dataset(alice)

    changed = datasets.change_columns(dataset=dataset, changes={"rooms": {"kind": "category", "use": False}})

    rooms = changed.columns[1]
    assert (rooms["kind"], rooms["role"], rooms["use"]) == ("category", "category", False)
    assert changed.column_names == dataset.column_names


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"pool": {"use": True}}, UnknownColumn),
        ({"rooms": {"kind": "colour"}}, InvalidInput),
        ({"rooms": {"use": "yes"}}, InvalidInput),
        ({"rooms": {"name": "x"}}, InvalidInput),
        ({"size": {"use": False}, "rooms": {"kind": "colour"}}, InvalidInput),
    ],
)
def test_a_refused_change_changes_nothing(alice, changes, refusal):
    dataset = make_dataset(alice)

    with pytest.raises(refusal):
        datasets.change_columns(dataset=dataset, changes=changes)

    assert Dataset.objects.get(pk=dataset.pk).columns == dataset.columns


def test_a_deleted_data_set_takes_its_file_along(alice, files_folder, django_capture_on_commit_callbacks):
    dataset = make_dataset(alice)

    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete_dataset(dataset=dataset)

    assert not Dataset.objects.exists()
    assert files_in(files_folder) == []


def test_a_data_set_that_a_training_waits_for_stays(alice):
    dataset = make_dataset(alice)
    run = start_run(alice, dataset)
    assert datasets.what_depends_on(dataset) == {"models": 0, "open_runs": 1}

    with pytest.raises(DatasetInUse):
        datasets.delete_dataset(dataset=dataset)

    training.cancel_run(run=run)
    datasets.delete_dataset(dataset=dataset)
    assert not Dataset.objects.exists()


def test_an_upload_without_a_size_is_measured(alice):
    assert make_dataset(alice, io.BytesIO(houses_csv()).getvalue()).size_bytes == len(houses_csv())
