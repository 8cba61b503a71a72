import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from billing import operations as billing
from billing.models import LedgerEntry
from billing.verify import verify_ledger
from mlmodels.models import Prediction
from mlmodels.operations import predictions

pytestmark = pytest.mark.django_db


@pytest.fixture
def buy():
    """`buy(alice, days_ago=40)`: a paid prediction of that day."""

    def buy(owner, days_ago):
        prediction = Prediction.objects.create(
            owner=owner,
            model_name="houses",
            inputs={"size": 60},
            output={"prediction": 1},
            cost_tokens=1,
            created_at=timezone.now() - timedelta(days=days_ago),
        )
        billing.charge(user=owner, amount=1, reason="prediction", operation=prediction.reference)
        return prediction

    return buy


def prune(*arguments):
    output = io.StringIO()
    call_command("prune_predictions", *map(str, arguments), stdout=output)
    return output.getvalue().splitlines()


def kept():
    return set(Prediction.objects.stored())


def balance_of(user):
    user.refresh_from_db()
    return user.token_balance


def test_old_predictions_lose_their_contents_and_keep_what_the_ledger_needs(alice, buy):
    old, young = buy(alice, days_ago=31), buy(alice, days_ago=29)

    assert prune("--older-than", 30)[-1].startswith("1 prediction erased, from before ")

    old.refresh_from_db()
    assert (old.inputs, old.output) == (None, None)
    assert old.erased_at
    assert kept() == {young}
    assert Prediction.objects.count() == LedgerEntry.objects.filter(kind="charge").count() == 2
    assert balance_of(alice) == 13
    assert verify_ledger() == []


def test_a_second_time_there_is_nothing_to_erase(alice, buy):
    old = buy(alice, days_ago=31)
    prune("--older-than", 30)
    old.refresh_from_db()

    assert prune("--older-than", 30)[-1].startswith("0 predictions erased, from before ")
    assert Prediction.objects.get().erased_at == old.erased_at


def test_of_one_owner_only_when_one_is_named(alice, bob, buy):
    of_alice, of_bob = buy(alice, days_ago=31), buy(bob, days_ago=31)

    prune("--older-than", 30, "--owner", "ALICE@example.com")

    assert kept() == {of_bob}
    of_alice.refresh_from_db()
    assert of_alice.erased_at


def test_a_dry_run_counts_and_erases_nothing(alice, buy):
    old = {buy(alice, days_ago=31), buy(alice, days_ago=400)}

    output = prune("--older-than", 30, "--dry-run")

    assert output[-1].startswith("2 predictions would be erased, from before ")
    assert kept() == old


def test_many_are_erased_in_batches_and_each_is_told(alice, buy, monkeypatch):
    monkeypatch.setattr(predictions, "PRUNED_AT_ONCE", 2)
    for _ in range(5):
        buy(alice, days_ago=31)

    output = prune("--older-than", 30)

    assert output[:-1] == ["2 of 5 erased", "4 of 5 erased", "5 of 5 erased"]
    assert kept() == set()


def test_what_is_done_stays_done_when_the_database_goes_away(alice, buy, monkeypatch):
    monkeypatch.setattr(predictions, "PRUNED_AT_ONCE", 2)
    for _ in range(5):
        buy(alice, days_ago=31)
    erase = type(Prediction.objects.all()).erase

    def erase_once(predictions):
        if Prediction.objects.stored().count() < 5:
            raise OperationalError("gone")
        return erase(predictions)

    monkeypatch.setattr("mlmodels.models.predictions.PredictionQuerySet.erase", erase_once)
    with pytest.raises(CommandError, match="Run the command again") as stopped:
        prune("--older-than", 30)

    assert stopped.value.returncode == 1
    assert len(kept()) == 3


def test_an_unknown_owner_is_an_error():
    with pytest.raises(CommandError, match="no user with the e-mail address") as refused:
        prune("--older-than", 30, "--owner", "nobody@example.com")

    assert refused.value.returncode == 3


@pytest.mark.parametrize("days", ["0", "-1", "soon", "1000000000", "1.5"])
def test_an_age_that_is_none_is_wrong_usage_and_erases_nothing(alice, buy, days):
    bought = buy(alice, days_ago=31)

    with pytest.raises(CommandError, match="--older-than"):
        prune(f"--older-than={days}")

    assert kept() == {bought}


def test_nobody_prunes_without_saying_how_much(alice, buy):
    bought = buy(alice, days_ago=31)

    with pytest.raises(CommandError, match="--older-than"):
        prune()

    assert kept() == {bought}


def test_its_help_tells_what_stays_and_how_it_ends(capsys):
    with pytest.raises(SystemExit):
        call_command("prune_predictions", "--help")

    words = capsys.readouterr().out
    for word in ("ledger", "cannot be undone", "exit codes", "--dry-run", "--owner EMAIL", "example"):
        assert word in words
