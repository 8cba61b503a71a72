"""What contends for the same rows: the ledger stays right, and nobody sees a deadlock."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from accounts.models import User
from accounts.operations import users
from billing import operations as billing
from billing.idempotency import IdempotentRequest
from billing.verify import verify_ledger
from mlmodels.models import Dataset, TrainedModel, TrainingRun
from mlmodels.operations import datasets, jobs, predictions, trained_models
from mlmodels.tests.factories import make_dataset, start_run
from mlplatform.core.errors import DomainError
from mlplatform.core.transactions import atomic_with_retry

pytestmark = pytest.mark.django_db(transaction=True)

ROW = {"size": 70, "rooms": 2, "place": "city"}
SEEDS = range(6)
STEPS = 12
THREADS = 6


@pytest.mark.parametrize("end", ["cancel", "fail"])
def test_a_run_that_ends_while_its_name_is_wanted_again_causes_no_deadlock(alice, at_once, monkeypatch, end):
    dataset = make_dataset(alice)
    run = start_run(alice, dataset, model_name="houses")
    if end == "fail":
        run = jobs.claim(job=run, worker="w")

    def refund_slowly(**charge):
        time.sleep(0.5)
        return refund(**charge)

    refund = billing.refund
    monkeypatch.setattr(billing, "refund", refund_slowly)

    def act(starts):
        if starts:
            time.sleep(0.2)
            return start_run(alice, dataset, model_name="houses")
        if end == "cancel":
            return jobs.cancel(job=run)
        return jobs.fail(job=run, error="", code="")

    outcomes = at_once(act, each=[True, False])

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    alice.refresh_from_db()
    assert alice.token_balance == 14
    assert verify_ledger() == []


def test_a_deadlock_is_resolved_by_trying_again(alice, bob, at_once):
    """Two transactions that lock the same two accounts in opposite order."""
    attempts = []

    @atomic_with_retry
    def lock(first, second):
        attempts.append(first)
        billing.lock_account(account_id=first.pk)
        time.sleep(0.3)
        billing.lock_account(account_id=second.pk)
        return "locked"

    outcomes = at_once(lambda pair: lock(*pair), each=[(alice, bob), (bob, alice)])

    assert outcomes == ["locked", "locked"]
    assert len(attempts) > 2 or connection.vendor == "sqlite"


def test_inside_a_transaction_of_the_caller_only_the_caller_tries_again(alice, bob, at_once):
    inner, outer = [], []

    @atomic_with_retry
    def lock_second(account):
        inner.append(account)
        billing.lock_account(account_id=account.pk)

    @atomic_with_retry
    def lock(first, second):
        outer.append(first)
        billing.lock_account(account_id=first.pk)
        time.sleep(0.3)
        lock_second(second)
        return "locked"

    outcomes = at_once(lambda pair: lock(*pair), each=[(alice, bob), (bob, alice)])

    assert outcomes == ["locked", "locked"]
    assert len(inner) == len(outer)


class Crowd:
    """People who do everything at once, each step drawn from a seed."""

    def __init__(self, people, models, seed):
        self.people = people
        self.models = models
        self.draw = random.Random(seed)

    def steps(self):
        verbs = [self.train, self.train, self.cancel, self.work, self.predict, self.predict_again, self.grant,
                 self.delete_model, self.delete_dataset, self.close]  # fmt: skip
        weights = [3, 3, 3, 3, 3, 2, 2, 1, 1, 0.3]
        return [
            (verb, self.draw.choice(self.people), self.draw.random())
            for verb in self.draw.choices(verbs, weights, k=STEPS * THREADS)
        ]

    def train(self, person, chance):
        """Under one of three names, so that runs contend for them."""
        dataset = Dataset.objects.filter(owner=person).first()
        if dataset:
            key = IdempotentRequest("POST /train", f"key {int(chance * 20)}", "f" * 64)
            name = f"name{int(chance * 3)}"
            start_run(person, dataset, model_name=name, idempotency=key if chance > 0.5 else None)

    def cancel(self, person, chance):
        run = TrainingRun.objects.open().filter(owner=person).first()
        if run:
            jobs.cancel(job=run)

    def work(self, person, chance):
        run = jobs.claim_next(worker="w")
        if run and chance < 0.5:
            jobs.fail(job=run, error="", code="")
        elif run:
            jobs.end_cancelled(job=run) or jobs.hand_back(job=run)

    def predict(self, person, chance):
        model = self.models[person.pk]
        predictions.predict(owner=person, model=model, features=ROW)

    def predict_again(self, person, chance):
        key = IdempotentRequest("POST /predict", f"key {int(chance * 4)}", "f" * 64)
        predictions.predict(owner=person, model=self.models[person.pk], features=ROW, idempotency=key)

    def grant(self, person, chance):
        billing.grant(user=person, amount=5, reason="gift", operation=f"gift:{person.pk}:{chance}")

    def delete_model(self, person, chance):
        model = TrainedModel.objects.filter(owner=person).first()
        if model:
            trained_models.delete_model(model=model)

    def delete_dataset(self, person, chance):
        dataset = Dataset.objects.filter(owner=person).last()
        if dataset:
            datasets.delete_dataset(dataset=dataset)

    def close(self, person, chance):
        users.close_own_account(user=User.objects.get(pk=person.pk))


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_at_once_leaves_the_ledger_right(make_user, make_model, seed):
    people = [make_user(f"{name}@example.com", tokens=60) for name in ("dora", "emil", "fay")]
    models = {person.pk: make_model(person) for person in people}
    for person in people:
        make_dataset(person)

    def take(step):
        verb, person, chance = step
        try:
            verb(person, chance)
        except (DomainError, Dataset.DoesNotExist, TrainedModel.DoesNotExist) as expected:
            return type(expected).__name__
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(take, Crowd(people, models, seed).steps()))

    assert outcomes.count(None) > len(outcomes) / 4
    assert verify_ledger() == []
    for person in people:
        person.refresh_from_db()
        assert person.token_balance == sum(person.ledger_entries.values_list("amount", flat=True))
