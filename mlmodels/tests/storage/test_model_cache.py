"""Copies of models on the disk of a machine: bounded, verified, and gone with their models."""

import os
import time

import pytest

from mlmodels.errors import ModelUnusable
from mlmodels.operations import model_cache, model_files
from mlmodels.operations.trained_models import delete_model
from mlmodels.tests.factories import houses_csv, make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(alice, bucket, make_model):
    return make_model(alice)


@pytest.fixture
def reads(monkeypatch):
    """The models that were read from the storage."""
    read, names = model_files.read_bytes, []

    def noted(model):
        names.append(model.name)
        return read(model)

    monkeypatch.setattr(model_files, "read_bytes", noted)
    return names


def copy_of(model):
    return model_cache._path(model.sha256)


def test_a_model_is_read_from_the_storage_once(model, reads, bucket):
    model_files.load_pipeline(model)
    model_files.load_pipeline(model)

    assert reads == [model.name]
    assert copy_of(model).read_bytes() == bucket.read(model.file.name)
    assert copy_of(model).stat().st_mode & 0o077 == 0


def test_a_copy_that_was_altered_is_replaced(model, reads, bucket):
    model_files.load_pipeline(model)
    copy_of(model).write_bytes(b"x" * model.size_bytes)

    model_files.load_pipeline(model)

    assert len(reads) == 2
    assert copy_of(model).read_bytes() == bucket.read(model.file.name)


def test_a_signature_that_does_not_hold_is_not_healed_by_a_copy(model):
    model_files.load_pipeline(model)
    model.signature = "0" * 64

    with pytest.raises(ModelUnusable, match="was altered"):
        model_files.load_pipeline(model)


def test_what_was_used_last_stays_within_the_limit(model, alice, make_model, settings):
    others = [make_model(alice, make_dataset(alice, houses_csv(rows))) for rows in (61, 62)]
    settings.MODEL_CACHE_MB = 2.5 * model.size_bytes / 1_000_000
    for age, each in enumerate([model, *others]):
        model_files.load_pipeline(each)
        used_at = time.time() - 100 + age
        if copy_of(each).exists():
            os.utime(copy_of(each), (used_at, used_at))

    model_cache.clean()

    assert [copy_of(each).exists() for each in (model, *others)] == [False, True, True]


def test_without_room_nothing_is_copied(model, settings, reads):
    settings.MODEL_CACHE_MB = 0

    model_files.load_pipeline(model)
    model_files.load_pipeline(model)

    assert len(reads) == 2
    assert not copy_of(model).exists()


@pytest.mark.django_db(transaction=True)
def test_the_copy_of_a_deleted_model_goes_at_once(model):
    model_files.load_pipeline(model)

    delete_model(model=model)

    assert not copy_of(model).exists()


def test_that_of_a_model_deleted_on_another_machine_goes_with_the_next_cleaning(model):
    model_files.load_pipeline(model)
    type(model).objects.all().delete()

    model_cache.clean()

    assert not copy_of(model).exists()


def test_files_on_this_machine_have_no_copies(alice, make_model):
    model_files.load_pipeline(make_model(alice))

    assert not (model_cache._folder()).exists() or list(model_cache._folder().iterdir()) == []
