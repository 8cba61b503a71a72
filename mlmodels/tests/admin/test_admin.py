"""What staff see and may do: nothing is edited or uploaded, and what may be done goes through operations."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mlmodels.models import (
    Dataset,
    Housekeeping,
    OwnerPriority,
    Prediction,
    Priority,
    TrainedModel,
    TrainingRun,
    Worker,
)
from mlmodels.operations import jobs
from mlmodels.operations.predictions import predict
from mlmodels.tests.factories import make_dataset, start_run

pytestmark = pytest.mark.django_db

SHOWN = [Dataset, TrainingRun, TrainedModel, Prediction, Worker]
ROW = {"size": 70, "rooms": 2, "place": "city"}


def list_address(model):
    return reverse(f"admin:mlmodels_{model._meta.model_name}_changelist")


def address(thing):
    return reverse(f"admin:mlmodels_{thing._meta.model_name}_change", args=[thing.pk])


def text_of(page):
    return page.content.decode()


@pytest.fixture
def staff(client, admin_user):
    client.force_login(admin_user)
    return client


@pytest.fixture
def things(alice, make_model):
    """One of each, all Alice's."""
    model = make_model(alice)
    run = start_run(alice, model.dataset)
    prediction = predict(owner=alice, model=model, features=ROW)
    return [model.dataset, run, model, prediction, Worker.objects.create(name="worker-7")]


@pytest.mark.parametrize("model", SHOWN)
def test_each_list_shows_searches_and_filters(staff, things, model):
    for query in ("", "?q=houses", "?q=alice"):
        page = staff.get(list_address(model) + query)
        assert page.status_code == 200
    assert admin.site.get_model_admin(model).search_fields


def test_models_are_listed_where_a_figure_does_not_exist(staff, things):
    TrainedModel.objects.update(metrics={"r2_score": None}, baseline={"r2_score": None})

    page = staff.get(list_address(TrainedModel))

    assert page.status_code == 200
    assert "r2_score - (-)" in text_of(page)


@pytest.mark.parametrize("number", range(len(SHOWN)))
def test_each_thing_is_shown_and_cannot_be_edited(staff, things, number):
    thing = things[number]

    page = staff.get(address(thing))

    assert page.status_code == 200
    assert 'name="_save"' not in text_of(page)
    assert '<input type="file"' not in text_of(page)
    assert staff.post(address(thing), {"name": "mine", "status": "succeeded"}).status_code == 403


@pytest.mark.parametrize("model", SHOWN)
def test_nothing_is_added_or_uploaded(staff, model):
    assert staff.get(reverse(f"admin:mlmodels_{model._meta.model_name}_add")).status_code == 403


@pytest.mark.parametrize("model", SHOWN)
def test_whoever_is_not_staff_sees_nothing(client, alice, model):
    client.force_login(alice)

    assert client.get(list_address(model)).status_code == 302


@pytest.mark.parametrize("model", SHOWN)
def test_a_list_takes_as_many_queries_for_many_as_for_one(staff, things, make_user, make_model, model):
    with CaptureQueriesContext(connection) as for_one:
        staff.get(list_address(model))
    for number in range(2):
        owner = make_user(f"dora{number}@example.com")
        predict(owner=owner, model=make_model(owner), features=ROW)
        Worker.objects.create(name=f"worker-{number}")

    with CaptureQueriesContext(connection) as for_many:
        staff.get(list_address(model))

    assert len(for_many) == len(for_one) <= 6


def test_rows_without_a_uuid_are_not_looked_up_by_one(staff):
    pages = [list_address(Housekeeping), reverse("admin:mlmodels_worker_change", args=["worker-7"])]

    assert [staff.get(page, {"_to_field": "uuid"}).status_code for page in pages] == [400, 400]


@pytest.mark.parametrize("model", SHOWN)
def test_no_list_counts_all_rows(staff, things, model):
    with CaptureQueriesContext(connection) as queries:
        staff.get(list_address(model))

    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "mlmodels_" in query["sql"]]
    assert counts
    assert all("LIMIT" in count for count in counts)


def test_a_list_ends_where_counting_ends(staff, monkeypatch):
    monkeypatch.setattr("mlplatform.core.admin.ROWS_COUNTED_MAX", 60)
    Worker.objects.bulk_create(Worker(name=f"worker-{number}") for number in range(150))

    changes = staff.get(list_address(Worker)).context["cl"]

    assert changes.paginator.num_pages == 2


def test_a_run_leads_to_its_owner_data_set_and_model(staff, make_model, alice):
    model = make_model(alice)

    page = text_of(staff.get(address(model.run)))

    for place in (
        address(model),
        address(model.dataset),
        reverse("admin:accounts_user_change", args=[alice.pk]),
    ):
        assert f'href="{place}"' in page


def test_a_data_set_leads_to_its_runs_and_models(staff, make_model, alice):
    model, other = make_model(alice), make_model(alice)

    page = text_of(staff.get(address(model.dataset)))
    runs = re.search(r'href="([^"]*trainingrun/\?[^"]*)"', page)[1].replace("&amp;", "&")

    listed = text_of(staff.get(runs))
    assert model.name in listed
    assert other.name not in listed


def test_a_failed_run_says_why(staff, alice):
    run = start_run(alice)
    jobs.fail(job=jobs.claim(job=run, worker="w"), error="All rows are alike.", code="data_refused")

    assert "All rows are alike." in text_of(staff.get(list_address(TrainingRun)))
    assert "All rows are alike." in text_of(staff.get(address(run)))


def test_runs_are_cancelled_and_refunded_and_an_ended_one_is_left_alone(staff, alice, make_model):
    ended, run = make_model(alice).run, start_run(alice)

    page = staff.post(
        list_address(TrainingRun), {"action": "cancel", "_selected_action": [ended.pk, run.pk]}, follow=True
    )

    run.refresh_from_db(), ended.refresh_from_db(), alice.refresh_from_db()
    assert (run.status, ended.status, alice.token_balance) == ("cancelled", "succeeded", 15)
    assert f"{run.title.capitalize()}: cancellation requested." in text_of(page)
    assert "already ended" in text_of(page)


@pytest.mark.parametrize(
    ("right", "status"), [("view_trainingrun", "queued"), ("change_trainingrun", "cancelled")]
)
def test_staff_who_may_only_look_cancel_nothing(client, make_user, alice, right, status):
    run, clerk = start_run(alice), make_user("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_trainingrun", right]))
    client.force_login(clerk)

    client.post(list_address(TrainingRun), {"action": "cancel", "_selected_action": [run.pk]})

    run.refresh_from_db(), alice.refresh_from_db()
    assert (run.status, alice.token_balance) == (status, 14 if status == "queued" else 15)


def test_administrators_put_runs_and_users_before_all_others(staff, alice, bob):
    first, second, of_bob = start_run(alice), start_run(alice), start_run(bob)

    page = staff.post(
        list_address(TrainingRun),
        {"action": "set_high_priority", "_selected_action": [second.pk]},
        follow=True,
    )
    saved = staff.post(reverse("admin:mlmodels_ownerpriority_add"), {"owner": bob.pk, "priority": "1"})

    assert f"{second.title.capitalize()}: priority high." in text_of(page)
    assert saved.status_code == 302
    assert [jobs.claim_next(worker="w") for _ in range(3)] == [second, of_bob, first]


def test_staff_without_that_right_set_no_priority(client, make_user, alice):
    run, clerk = start_run(alice), make_user("clerk@example.com", is_staff=True)
    names = ["view_trainingrun", "view_ownerpriority", "add_ownerpriority"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(clerk)

    client.post(list_address(TrainingRun), {"action": "set_high_priority", "_selected_action": [run.pk]})
    refused = client.post(reverse("admin:mlmodels_ownerpriority_add"), {"owner": alice.pk, "priority": "1"})

    run.refresh_from_db()
    assert (run.priority, refused.status_code) == (Priority.NORMAL, 403)
    assert not OwnerPriority.objects.exists()


@pytest.mark.parametrize("way", ["one by one", "several at once"])
def test_a_model_is_deleted_with_its_file(
    staff, alice, make_model, files_folder, django_capture_on_commit_callbacks, way
):
    model = make_model(alice)

    with django_capture_on_commit_callbacks(execute=True):
        delete(staff, model, way)

    assert not TrainedModel.objects.exists()
    assert not list(files_folder.glob("models/*"))


@pytest.mark.parametrize("way", ["one by one", "several at once"])
def test_a_data_set_is_deleted_with_its_file(
    staff, alice, files_folder, django_capture_on_commit_callbacks, way
):
    with django_capture_on_commit_callbacks(execute=True):
        delete(staff, make_dataset(alice), way)

    assert not Dataset.objects.exists()
    assert not list(files_folder.glob("datasets/*"))


@pytest.mark.parametrize("way", ["one by one", "several at once"])
def test_a_data_set_that_a_training_waits_for_stays_and_staff_learn_why(staff, alice, way):
    run = start_run(alice)

    page = delete(staff, run.dataset, way)

    assert Dataset.objects.filter(pk=run.dataset_id).exists()
    assert "Cancel it, or wait for it to end." in text_of(page)


def delete(staff, thing, way):
    if way == "one by one":
        return staff.post(address(thing).replace("/change/", "/delete/"), {"post": "yes"}, follow=True)
    choice = {"action": "delete_selected", "_selected_action": [thing.pk], "post": "yes"}
    return staff.post(list_address(type(thing)), choice, follow=True)


@pytest.mark.parametrize("model", [TrainingRun, Prediction, Worker])
def test_runs_predictions_and_workers_are_not_deleted(staff, things, model):
    thing = model.objects.first()

    assert staff.post(address(thing).replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in text_of(staff.get(list_address(model)))


def test_words_of_users_are_shown_as_text(staff, alice):
    make_dataset(alice, name="<script>alert(1)</script>")

    page = text_of(staff.get(list_address(Dataset)))

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
