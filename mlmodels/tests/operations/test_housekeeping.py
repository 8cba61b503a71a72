"""What has to be done every day: once, each step whatever became of the others, and reported."""

import io
import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone
from django.utils.module_loading import import_string

from mlmodels.models import Housekeeping, Prediction
from mlmodels.operations.housekeeping import run_daily, run_now
from mlmodels.worker.loop import JobWorker

NIGHT = "2026-03-01T03:30:00Z"
HERE = "mlmodels.tests.operations.test_housekeeping"
done_steps = []


def good_step():
    done_steps.append("good")
    return {"rows_deleted": 2, "nothing": 0}


def bad_step():
    raise RuntimeError("the disk is full")


others = []


def pass_an_hour():
    """Replaced by the tests that use it."""


def step_of_an_hour():
    pass_an_hour()
    others.append(run_daily(by="other"))


def step_that_is_given_up():
    pass_an_hour()
    settings.HOUSEKEEPING = {"good": f"{HERE}.good_step"}
    run_daily(by="other")


@pytest.fixture
def steps(settings):
    done_steps.clear()
    settings.HOUSEKEEPING_HOUR = 3
    settings.HOUSEKEEPING = {"bad": f"{HERE}.bad_step", "good": f"{HERE}.good_step"}


def command(*arguments):
    output = io.StringIO()
    call_command("housekeeping", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.django_db
def test_every_step_of_the_settings_can_be_called(settings):
    assert all(callable(import_string(path)) for path in settings.HOUSEKEEPING.values())


@pytest.mark.django_db
def test_a_new_installation_is_in_order(alice):
    assert "ledger" in command()
    report = json.loads(command("--json"))

    assert report["is_done"] and report["failed"] == []
    assert {"name": "ledger", "is_done": True, "detail": "The ledger adds up."}.items() <= report["steps"][
        -1
    ].items()


@pytest.mark.django_db
def test_what_has_expired_goes(alice, pages_of):
    pages_of(alice)
    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))

    assert "1 sessions" in command()
    assert not Session.objects.exists()


@pytest.mark.django_db
def test_a_step_that_fails_stops_no_other_and_is_the_exit_code(steps):
    output = io.StringIO()

    with pytest.raises(CommandError, match="Failed: bad") as failed:
        call_command("housekeeping", stdout=output)

    assert failed.value.returncode == 1
    assert "bad                FAILED: RuntimeError: the disk is full" in output.getvalue()
    assert "good               2 rows deleted" in output.getvalue()


@pytest.mark.django_db
def test_a_balance_without_its_entry_fails_the_step(alice):
    type(alice).objects.update(token_balance=16)

    with pytest.raises(CommandError, match="Failed: ledger"):
        command()

    assert "balances (1)" in Housekeeping.objects.get().steps[-1]["detail"]


@pytest.mark.django_db
def test_old_predictions_are_erased_if_a_setting_says_so(alice, make_model, settings):
    from mlmodels.operations.predictions import predict

    prediction = predict(owner=alice, model=make_model(alice), features={"size": 1, "rooms": 1, "place": "x"})
    Prediction.objects.update(created_at=timezone.now() - timedelta(days=31))

    command()
    prediction.refresh_from_db()
    assert prediction.output

    settings.PREDICTIONS_KEPT_DAYS = 30
    assert "1 erased" in command()
    prediction.refresh_from_db()
    assert (prediction.inputs, prediction.output, prediction.cost_tokens) == (None, None, 5)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_keeps_house(steps, time_machine, at_once):
    time_machine.move_to(NIGHT, tick=False)

    done = at_once(lambda number: run_daily(by=f"worker {number}"), each=range(8))

    assert sum(isinstance(one, Housekeeping) for one in done) == 1
    assert [one for one in done if isinstance(one, BaseException)] == []
    assert done_steps == ["good"]


@pytest.mark.django_db
def test_it_is_done_again_on_the_next_day_and_not_before_its_hour(steps, time_machine):
    for moment, is_due in (
        ("2026-03-01T02:59:00Z", False),
        (NIGHT, True),
        ("2026-03-01T23:59:00Z", False),
        ("2026-03-02T02:00:00Z", False),
        ("2026-03-02T17:00:00Z", True),
    ):
        time_machine.move_to(moment, tick=False)
        assert bool(run_daily(by="worker")) is is_due


@pytest.mark.django_db
def test_a_worker_that_was_killed_meanwhile_leaves_its_day_to_another(steps, time_machine):
    time_machine.move_to(NIGHT, tick=False)
    Housekeeping.objects.claim_day(timezone.now().date(), "killed")

    assert run_daily(by="next") is None
    time_machine.shift(timedelta(hours=2, seconds=1))
    assert run_daily(by="next").done_by == "next"
    assert run_daily(by="third") is None


@pytest.mark.django_db
def test_a_round_of_many_hours_stays_with_its_worker(steps, settings, time_machine, monkeypatch):
    """Steps of an hour each; another worker asks after each of them."""
    time_machine.move_to(NIGHT, tick=False)
    began = timezone.now()
    monkeypatch.setattr(f"{HERE}.others", [])
    settings.HOUSEKEEPING = {f"step {number}": f"{HERE}.step_of_an_hour" for number in range(4)}
    monkeypatch.setattr(f"{HERE}.pass_an_hour", lambda: time_machine.shift(timedelta(hours=1)))

    done = run_daily(by="first")

    assert others == [None] * 4
    assert Housekeeping.objects.get() == done
    assert (done.done_by, done.started_at, len(done.steps)) == ("first", began, 4)
    assert done.finished_at == began + timedelta(hours=4)


@pytest.mark.django_db
def test_a_worker_whose_day_was_taken_over_stops_after_its_step(steps, settings, time_machine, monkeypatch):
    time_machine.move_to(NIGHT, tick=False)
    monkeypatch.setattr(f"{HERE}.pass_an_hour", lambda: time_machine.shift(timedelta(hours=3)))
    settings.HOUSEKEEPING = {"long": f"{HERE}.step_that_is_given_up", "good": f"{HERE}.good_step"}

    assert run_daily(by="first") is None

    assert done_steps == ["good"]  # the other worker's
    assert Housekeeping.objects.get().done_by == "other"


@pytest.mark.django_db
def test_rounds_are_forgotten_after_a_season(steps):
    old = run_now(by="worker")
    Housekeeping.objects.update(started_at=timezone.now() - timedelta(days=91))

    run_now(by="worker")

    assert not Housekeeping.objects.filter(pk=old.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_keeps_house_while_it_trains(steps, time_machine, caplog):
    time_machine.move_to(NIGHT, tick=False)

    JobWorker("w").run_housekeeping_when_due().join()

    assert Housekeeping.objects.get().done_by == "w"
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


@pytest.mark.django_db
def test_an_administrator_sees_what_was_done(steps, pages_of, admin_user):
    done = run_now(by="worker")

    page = pages_of(admin_user).get(f"/admin/mlmodels/housekeeping/{done.pk}/change/").content.decode()

    assert "bad: FAILED RuntimeError: the disk is full" in page
