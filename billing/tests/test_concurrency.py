"""Many at once, in threads that start together, on whichever engine the tests run."""

import random
import threading
import time

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from billing import idempotency, operations
from billing.idempotency import IdempotentRequest, RequestRepeated
from billing.models import LedgerEntry
from billing.operations import InsufficientTokens
from billing.verify import verify_ledger

pytestmark = pytest.mark.django_db(transaction=True)

REQUEST = IdempotentRequest(endpoint="POST predict", key="k1", fingerprint="f" * 64)


def charge(user, operation, amount=5):
    return operations.charge(user=user, amount=amount, reason="prediction", operation=operation)


def predict_with_key(user, number):
    """A door and its operation: what was answered before, or the work and its answer."""
    earlier = idempotency.find(user=user, request=REQUEST)
    if earlier:
        return earlier.answer
    answer = {"prediction": number}
    try:
        with transaction.atomic():
            idempotency.claim(user=user, request=REQUEST, body=answer)
            charge(user, f"prediction:{number}")
    except RequestRepeated as repeated:
        return repeated.earlier.answer
    return answer


def test_of_fifty_charges_with_tokens_for_three_exactly_three_succeed(alice, books, at_once):
    outcomes = at_once(lambda number: charge(alice, f"prediction:{number}"), each=range(50))

    booked = [outcome for outcome in outcomes if isinstance(outcome, LedgerEntry)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientTokens)]
    assert (len(booked), len(refused)) == (3, 47)
    assert {str(refusal) for refusal in refused} == {"This costs 5 tokens and you have 0."}
    assert books(alice) == (0, [15, -5, -5, -5])


@pytest.mark.postgresql_only  # SQLite lets one transaction in at a time, which hides the mistake
def test_the_threads_do_meet_for_a_charge_that_reads_before_it_writes_sells_too_much(
    alice, at_once, monkeypatch
):
    def read_check_write(entry, *, undo=False):
        account = get_user_model().objects.filter(pk=entry.account_id)
        balance = account.values_list("token_balance", flat=True).get() + entry.amount
        time.sleep(0.01)
        return balance if balance >= 0 and account.update(token_balance=balance) else None

    monkeypatch.setattr(operations, "_move_balance", read_check_write)

    outcomes = at_once(lambda number: charge(alice, f"prediction:{number}"), each=range(50))

    assert sum(isinstance(outcome, LedgerEntry) for outcome in outcomes) > 3
    assert {failure.check for failure in verify_ledger()} == {"running_sums", "balances", "tokens_spent"}


def test_one_operation_twenty_times_at_once_is_booked_once(alice, books, at_once):
    outcomes = at_once(lambda: charge(alice, "prediction:1"), times=20)

    assert {outcome.pk for outcome in outcomes} == {LedgerEntry.objects.get(operation="prediction:1").pk}
    assert books(alice) == (10, [15, -5])


def test_one_operation_that_takes_the_last_tokens_is_booked_once(make_user, books, at_once):
    dora = make_user("dora@example.com", tokens=5)

    outcomes = at_once(lambda: charge(dora, "prediction:1"), times=20)

    assert {outcome.pk for outcome in outcomes} == {LedgerEntry.objects.get(operation="prediction:1").pk}
    assert books(dora) == (0, [5, -5])


@pytest.mark.parametrize("tokens", [5, 15])
def test_one_key_twenty_times_at_once_is_one_charge_and_twenty_equal_answers(
    make_user, books, at_once, tokens
):
    dora = make_user("dora@example.com", tokens=tokens)

    answers = at_once(lambda number: predict_with_key(dora, number), each=range(20))

    assert len(answers) == 20
    assert all(answer == answers[0] for answer in answers)
    assert books(dora) == (tokens - 5, [tokens, -5])


def test_one_charge_is_refunded_once_however_many_try(alice, books, at_once):
    charge(alice, "run:1:charge", amount=1)

    outcomes = at_once(
        lambda: operations.refund(operation_of_charge="run:1:charge", reason="worker was lost"), times=20
    )

    assert len({outcome.pk for outcome in outcomes}) == 1
    assert books(alice) == (15, [15, -1, 1])


def test_everything_at_once_adds_up(alice, bob, books, at_once):
    def live(number):
        chance = random.Random(number)
        for step in range(10):
            user = chance.choice([alice, bob])
            operation = f"work:{number}:{step}:charge"
            try:
                charge(user, operation, amount=chance.randint(1, 4))
            except InsufficientTokens:
                operations.grant(user=user, amount=5, reason="more", operation=f"more:{number}:{step}")
                continue
            if chance.random() < 0.5:
                operations.refund(operation_of_charge=operation, reason="did not work")

    outcomes = at_once(live, each=range(12))

    assert outcomes == [None] * 12
    charged_and_refunded = LedgerEntry.objects.exclude(kind="grant").count()
    assert charged_and_refunded > 60
    for user in (alice, bob):
        balance, amounts = books(user)
        assert balance == sum(amounts)


def test_a_key_is_free_again_when_its_first_request_is_rolled_back(alice, books, at_once):
    """The second request waits for the first, which fails after its claim; then the second does the work."""
    is_claimed = threading.Event()

    def fail_after_the_claim():
        with transaction.atomic():
            idempotency.claim(user=alice, request=REQUEST, body={"prediction": 0})
            is_claimed.set()
            raise ZeroDivisionError

    def come_second():
        is_claimed.wait(timeout=30)
        return predict_with_key(alice, 1)

    outcomes = at_once(lambda work: work(), each=[fail_after_the_claim, come_second])

    assert isinstance(outcomes[0], ZeroDivisionError)
    assert outcomes[1] == {"prediction": 1}
    assert books(alice) == (10, [15, -5])


@pytest.mark.postgresql_only  # SQLite has one writer: who waits too long for it is refused before the claim
def test_a_second_request_does_not_wait_for_ever(alice, at_once):
    is_claimed, is_refused = threading.Event(), threading.Event()

    def take_long():
        with transaction.atomic():
            idempotency.claim(user=alice, request=REQUEST, body={"prediction": 0})
            is_claimed.set()
            assert is_refused.wait(timeout=30)

    def come_second():
        is_claimed.wait(timeout=30)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '50ms'")
                idempotency.claim(user=alice, request=REQUEST, body={"prediction": 1})
        finally:
            is_refused.set()

    outcomes = at_once(lambda work: work(), each=[take_long, come_second])

    assert outcomes[0] is None
    assert isinstance(outcomes[1], idempotency.RequestStillRunning)
