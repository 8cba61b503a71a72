import io
import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.db import DatabaseError

from mlmodels import limits
from mlmodels.errors import DatasetInUse, RoomExceeded, UnknownColumn, UnknownSample
from mlmodels.learning.trainers import PlanRefused
from mlmodels.models import Dataset, TrainedModel
from mlmodels.operations import datasets, jobs, trained_models
from mlmodels.operations.plans import make_plan
from mlmodels.tests.factories import houses_csv, make_dataset, start_run
from mlplatform.core.errors import InvalidInput, NotFound, TooLarge

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


def test_the_bytes_of_a_person_are_limited(alice, settings):
    settings.USER_FILES_MB = 2 * len(houses_csv()) / 1_000_000
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
    assert (limits.DATASETS_MAX, limits.LAPSES_MAX) == (100, 2)


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

    changed = datasets.change(dataset=dataset, columns={"rooms": {"kind": "category", "use": False}})

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
        datasets.change(dataset=dataset, columns=changes)

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

    jobs.cancel(job=run)
    datasets.delete_dataset(dataset=dataset)
    assert not Dataset.objects.exists()


def test_an_upload_without_a_size_is_measured(alice):
    assert make_dataset(alice, io.BytesIO(houses_csv()).getvalue()).size_bytes == len(houses_csv())


def leaky_csv(rows: int = 120) -> bytes:
    """price as in houses, a fee that gives it away, and a column of numbers but for a word."""
    header, *lines = houses_csv(rows).decode().splitlines()
    lines = [
        f"{line},{int(line.split(',')[-1]) / 20},{'unknown size' if n % 30 == 0 else n % 7}"
        for n, line in enumerate(lines)
    ]
    return "\n".join([f"{header},fee,yard", *lines]).encode()


def found_in(dataset, code):
    (found,) = [finding for finding in dataset.findings if finding["code"] == code]
    return found


def chosen(dataset, code, label):
    """The dataset after a click on that choice of a finding."""
    (choice,) = [choice for choice in found_in(dataset, code)["choices"] if choice["label"] == label]
    return datasets.change(dataset=dataset, **choice["change"])


def test_an_upload_is_examined_and_what_gives_the_target_away_is_left_out(alice):
    dataset = make_dataset(alice, leaky_csv())

    assert found_in(dataset, "leakage")["columns"] == ["fee"]
    assert [column["name"] for column in dataset.columns if not column["use"]] == ["fee"]
    assert make_plan(dataset, algorithm="linear", target="price").plan.feature_names == [
        "size", "rooms", "place", "yard"
    ]  # fmt: skip


def test_a_classic_plan_uses_all_columns_as_the_services_before_did(alice):
    dataset = make_dataset(alice, leaky_csv())

    plan = make_plan(dataset, algorithm="linear", target="price", is_classic=True).plan

    assert plan.feature_names == ["size", "rooms", "place", "fee", "yard"]


def test_a_column_that_is_left_out_is_used_where_the_user_says_so(alice):
    dataset = chosen(make_dataset(alice, leaky_csv()), "leakage", "Use")

    stored = Dataset.objects.get(pk=dataset.pk)
    assert "fee" in make_plan(stored, algorithm="linear", target="price").plan.feature_names
    assert [c["is_current"] for c in found_in(stored, "leakage")["choices"]] == [False, True]


def test_another_target_is_examined_anew(alice):
    dataset = make_dataset(alice, leaky_csv())

    changed = datasets.change(dataset=dataset, target="rooms")

    assert (changed.target_name, dataset.target_guess["name"]) == ("rooms", "price")
    assert not [finding for finding in changed.findings if finding["code"] == "leakage"]
    assert all(column["use"] for column in changed.columns)


def test_a_plan_for_another_target_leaves_out_what_gives_that_one_away(alice):
    dataset = make_dataset(alice, leaky_csv())

    plan = make_plan(dataset, algorithm="linear", target="fee").plan

    assert plan.feature_names == ["size", "rooms", "place", "yard"]
    assert Dataset.objects.get(pk=dataset.pk).target_name == "price"


def test_words_are_read_as_blanks_with_one_choice_and_the_profile_follows(alice):
    dataset = chosen(make_dataset(alice, leaky_csv()), "misfits", "As a number")

    yard = dataset.column("yard")
    assert (yard.kind, yard.profile["missing"], yard.profile["maximum"]) == ("number", 4, 6)
    assert "misfits" not in [finding["code"] for finding in dataset.findings]


def test_a_kind_that_does_not_fit_is_refused_at_once(alice):
    dataset = make_dataset(alice, leaky_csv())

    with pytest.raises(InvalidInput, match='Row 2, column "yard": "unknown size" is not a number'):
        datasets.change(dataset=dataset, columns={"yard": {"kind": "number"}})


def dated_csv(rows: int = 120) -> bytes:
    lines = [f"2024-{n // 28 + 1:02}-{n % 28 + 1:02},{n * 37 % 11},{n + n * 37 % 11}" for n in range(rows)]
    return "\n".join(["sold_on,size,price", *lines]).encode()


def evaluation_of(dataset, **order):
    return make_plan(dataset, algorithm="linear", target="price", **order).plan.evaluation


def test_how_models_are_tested_follows_the_table_until_the_user_chooses(alice):
    dataset = make_dataset(alice, dated_csv())

    by_time = dataset.default_evaluation
    changed = chosen(dataset, "time", "Random rows")

    assert by_time == {"kind": "time", "by": "sold_on"}
    assert (evaluation_of(dataset).kind, evaluation_of(dataset).by) == ("time", "sold_on")
    assert evaluation_of(changed).kind == "hold_out"
    assert evaluation_of(dataset, evaluation={"kind": "k_fold"}).kind == "k_fold"
    assert evaluation_of(dataset, is_classic=True).kind == "hold_out"
    assert Dataset.objects.get(pk=dataset.pk).default_evaluation == {"kind": "hold_out"}
    assert [c["is_current"] for c in found_in(changed, "time")["choices"]] == [False, True]


def test_a_date_is_refused_as_a_target_with_what_to_do_instead(alice):
    with pytest.raises(PlanRefused, match="Predict a number instead"):
        make_plan(make_dataset(alice, dated_csv()), algorithm="linear", target="sold_on")


@pytest.mark.parametrize(
    "change",
    [
        {"target": "pool"},
        {"evaluation": {"kind": "time", "by": "pool"}},
        {"evaluation": {"kind": "dice"}},
        {"columns": {"rooms": {"blanks": "-1"}}},
        {"columns": {"rooms": {"blanks": [-1]}}},
        {"columns": {"rooms": {"blanks": ["x"] * 51}}},
        {"columns": {"rooms": {"merge_spellings": 1}}},
    ],
)
def test_an_unusable_choice_is_refused(alice, change):
    dataset = make_dataset(alice)

    with pytest.raises(InvalidInput):
        datasets.change(dataset=dataset, **change)


def test_two_changes_at_the_same_moment_are_both_kept(alice, monkeypatch):
    dataset = make_dataset(alice)
    store_change = datasets._store_change

    def overtaken(changed, seen, only_if_unchanged):
        monkeypatch.setattr(datasets, "_store_change", store_change)
        datasets.change(dataset=dataset, columns={"place": {"use": False}})
        return store_change(changed, seen, only_if_unchanged)

    monkeypatch.setattr(datasets, "_store_change", overtaken)

    datasets.change(dataset=dataset, columns={"rooms": {"kind": "category"}})

    stored = Dataset.objects.get(pk=dataset.pk)
    assert (stored.column("place").use, stored.column("rooms").kind) == (False, "category")


@pytest.fixture
def large_upload():
    """A file of 1.2 MB on disk, as the upload of a browser becomes one."""
    rows = "".join(f"{n},{n % 977},city {n % 40},{n % 90}\n" for n in range(60_000))
    with TemporaryUploadedFile("large.csv", "text/csv", 0, "utf-8") as upload:
        upload.write(b"number,size,place,price\n" + rows.encode())
        upload.size = upload.tell()
        upload.seek(0)
        yield upload


def test_a_large_file_is_inspected_stored_and_changed_like_a_small_one(alice, files_folder, large_upload):
    dataset = datasets.create_dataset(owner=alice, name="Large", upload=large_upload)

    changed = datasets.change(dataset=dataset, columns={"size": {"kind": "category"}})

    assert dataset.row_count == 60_000
    assert dataset.target_guess["name"] == "price"
    assert [column["kind"] for column in dataset.columns] == ["number", "number", "category", "number"]
    assert [column["kind"] for column in changed.columns] == ["number", "category", "category", "number"]
    assert len(files_in(files_folder)) == 1


def test_a_large_file_is_moved_to_its_place_and_not_copied(alice, large_upload):
    received = os.fstat(large_upload.fileno()).st_ino

    dataset = datasets.create_dataset(owner=alice, name="Large", upload=large_upload)

    assert os.stat(dataset.file.path).st_ino == received
    assert os.stat(dataset.file.path).st_mode & 0o777 == 0o600


def test_a_large_file_is_refused_with_the_row_and_leaves_nothing(alice, files_folder, large_upload):
    large_upload.seek(0, io.SEEK_END)
    large_upload.write(b"1,2\n")

    with pytest.raises(InvalidInput, match="Row 60,002 has 2 cells and the header has 4"):
        datasets.create_dataset(owner=alice, name="Large", upload=large_upload)

    assert not Dataset.objects.exists()
    assert files_in(files_folder) == []


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda dataset: datasets.delete_dataset(dataset=dataset), id="delete"),
        pytest.param(lambda dataset: datasets.change(dataset=dataset, target="rooms"), id="change"),
    ],
)
def test_a_dataset_that_another_request_has_just_deleted_is_not_there(alice, use):
    dataset = make_dataset(alice)
    datasets.delete_dataset(dataset=Dataset.objects.get(pk=dataset.pk))

    with pytest.raises(NotFound, match="just deleted"):
        use(dataset)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda model: trained_models.rename_model(model=model, label="Bonn"), id="rename"),
        pytest.param(lambda model: trained_models.set_threshold(model=model, threshold=0.3), id="threshold"),
    ],
)
def test_a_model_that_another_request_has_just_deleted_is_not_there(alice, make_model, use, monkeypatch):
    monkeypatch.setattr(trained_models, "check_has_threshold", lambda model: None)
    model = make_model(alice)
    trained_models.delete_model(model=TrainedModel.objects.get(pk=model.pk))

    with pytest.raises(NotFound, match="just deleted"):
        use(model)
