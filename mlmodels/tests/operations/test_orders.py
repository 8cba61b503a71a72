"""Trainings that bring their own table."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mlmodels.errors import RoomExceeded, UnknownColumn
from mlmodels.models import Dataset
from mlmodels.operations import datasets, jobs
from mlmodels.operations.training import train_on_upload
from mlmodels.tests.factories import houses_csv, make_dataset

pytestmark = pytest.mark.django_db


def order(owner, content=None, **changes):
    order = {"algorithm": "linear", "target": "price", "features": ["size", "rooms"], **changes}
    return train_on_upload(
        owner=owner,
        upload=io.BytesIO(content or houses_csv()),
        name="houses.csv",
        **order,
    )


def order_replaceable(owner, rows, **changes):
    return order(owner, houses_csv(rows=rows), is_replaceable=True, **changes)


def end(run):
    jobs.cancel(job=run)


def row_counts(owner):
    return list(owner.datasets.order_by("pk").values_list("row_count", flat=True))


def kinds_of(run):
    return {feature["name"]: feature["kind"] for feature in run.features}


def test_the_same_table_is_kept_once(alice, bob):
    first, second, of_bob = order(alice), order(alice), order(bob)

    assert first.dataset == second.dataset
    assert of_bob.dataset.owner == bob
    assert Dataset.objects.count() == 2


def test_a_table_that_was_uploaded_on_a_page_is_used_again(alice):
    uploaded = make_dataset(alice)

    assert order(alice).dataset == uploaded


def test_another_table_is_another_data_set(alice):
    order(alice)
    order(alice, houses_csv(rows=61))

    assert Dataset.objects.count() == 2


@pytest.mark.parametrize("change", [{"kind": "category"}, {"use": False}])
def test_columns_changed_on_a_page_do_not_change_what_the_same_order_trains(alice, change):
    before = order(alice)
    datasets.change(dataset=before.dataset, columns={"rooms": change})

    after = order(alice)
    again = order(alice)

    assert kinds_of(after) == kinds_of(again) == kinds_of(before) == {"size": "number", "rooms": "number"}
    assert after.plan == before.plan
    assert after.dataset != before.dataset
    assert again.dataset == after.dataset


def test_a_change_that_changes_nothing_leaves_the_table_in_use(alice):
    before = order(alice)
    datasets.change(dataset=before.dataset, columns={"rooms": {"kind": "number"}})
    jobs.cancel(job=before)

    assert order(alice).dataset == before.dataset


@pytest.mark.django_db(transaction=True)
def test_the_oldest_table_that_no_training_needs_makes_room(alice, monkeypatch, files_folder):
    monkeypatch.setattr(datasets, "DATASETS_MAX", 3)
    needed = order_replaceable(alice, 30)
    for rows in (31, 32):
        end(order_replaceable(alice, rows))

    end(order_replaceable(alice, 33))
    end(order_replaceable(alice, 34))

    assert row_counts(alice) == [30, 33, 34]
    assert needed.dataset.file.storage.exists(needed.dataset.file.name)
    assert len(list((files_folder / "datasets").iterdir())) == 3


def test_tables_make_room_for_the_bytes_of_the_next(alice, settings):
    settings.USER_FILES_MB = 2 * len(houses_csv(rows=60)) / 1_000_000
    for rows in (60, 59, 58):
        end(order_replaceable(alice, rows))

    assert row_counts(alice) == [59, 58]


def test_a_table_uploaded_or_edited_on_a_page_is_never_deleted_for_room(alice, monkeypatch):
    monkeypatch.setattr(datasets, "DATASETS_MAX", 2)
    make_dataset(alice)
    edited = order_replaceable(alice, 31)
    datasets.change(dataset=edited.dataset, columns={"rooms": {"kind": "category"}})
    end(edited)

    with pytest.raises(RoomExceeded):
        order_replaceable(alice, 32)

    assert row_counts(alice) == [60, 31]


def test_a_refused_order_deletes_no_other_table(alice, charlie, monkeypatch):
    monkeypatch.setattr(datasets, "DATASETS_MAX", 2)
    for rows in (30, 31):
        end(order_replaceable(alice, rows))

    with pytest.raises(UnknownColumn):
        order_replaceable(alice, 32, target="height")

    assert row_counts(alice) == [30, 31]


def test_a_client_trains_on_more_files_than_there_is_room_for(alice, api_as, trains_at_once, monkeypatch):
    monkeypatch.setattr(datasets, "DATASETS_MAX", 2)

    def create(rows):
        table = SimpleUploadedFile("houses.csv", houses_csv(rows=rows))
        body = {"model_type": "linear", "feature_cols": "size,rooms", "label_col": "price", "csv_file": table}
        return api_as(alice).post("/api/create", body, format="multipart").status_code

    assert [create(rows) for rows in (60, 61, 62, 63)] == [200] * 4
    assert row_counts(alice) == [62, 63]
    assert alice.trained_models.count() == 4
