"""Trainings that bring their own table."""

import io

import pytest

from mlmodels.models import Dataset
from mlmodels.operations import datasets, training
from mlmodels.operations.training import train_on_upload
from mlmodels.tests.factories import houses_csv, make_dataset

pytestmark = pytest.mark.django_db


def order(owner, content=None):
    return train_on_upload(
        owner=owner,
        upload=io.BytesIO(content or houses_csv()),
        name="houses.csv",
        algorithm="linear",
        target="price",
        features=["size", "rooms"],
    )


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
    datasets.change_columns(dataset=before.dataset, changes={"rooms": change})

    after = order(alice)
    again = order(alice)

    assert kinds_of(after) == kinds_of(again) == kinds_of(before) == {"size": "number", "rooms": "number"}
    assert after.plan == before.plan
    assert after.dataset != before.dataset
    assert again.dataset == after.dataset


def test_a_change_that_changes_nothing_leaves_the_table_in_use(alice):
    before = order(alice)
    datasets.change_columns(dataset=before.dataset, changes={"rooms": {"kind": "number"}})
    training.cancel_run(run=before)

    assert order(alice).dataset == before.dataset
