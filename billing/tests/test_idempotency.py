import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import idempotency, operations
from billing.idempotency import IdempotentRequest, RequestRepeated
from billing.models import IdempotencyKey, LedgerEntry

pytestmark = pytest.mark.django_db


def request_of(user, key="k1", body=None, endpoint="POST predict"):
    return IdempotentRequest(
        endpoint=endpoint,
        key=key,
        fingerprint=idempotency.fingerprint(method="POST", path="/predict", user=user, body=body or {"x": 1}),
    )


def predict(user, request, answer=7.5):
    """What an operation does: claim, charge and answer in one transaction."""
    operation = f"prediction:{LedgerEntry.objects.count()}"
    with transaction.atomic():
        idempotency.claim(user=user, request=request, reference=operation, body={"prediction": answer})
        operations.charge(user=user, amount=5, reason="prediction", operation=operation)
    return {"prediction": answer}


def test_a_request_is_carried_out_once_and_its_answer_kept(alice, books):
    predict(alice, request_of(alice), answer=7.5)

    with pytest.raises(RequestRepeated) as repeated:
        predict(alice, request_of(alice), answer=8.5)

    assert repeated.value.earlier == idempotency.find(user=alice, request=request_of(alice))
    assert (repeated.value.earlier.status, repeated.value.earlier.answer) == (200, {"prediction": 7.5})
    assert books(alice) == (10, [15, -5])


def test_without_a_key_every_request_is_a_new_one(alice, books):
    predict(alice, None)
    predict(alice, None)

    assert idempotency.find(user=alice, request=None) is None
    assert IdempotencyKey.objects.count() == 0
    assert books(alice) == (5, [15, -5, -5])


def test_a_stored_answer_comes_back_as_it_was(alice):
    body = {"z": 0.1, "a": [1.0, 1e22, -0.0, None, True], "ö": {"b": 1, "a": 2}}
    with transaction.atomic():
        idempotency.claim(user=alice, request=request_of(alice), status=201, body=body)

    earlier = idempotency.find(user=alice, request=request_of(alice))

    assert earlier.status == 201
    assert json.dumps(earlier.answer) == json.dumps(body)


@pytest.mark.parametrize("body", [{}, [], 0, False])
def test_an_empty_answer_is_an_answer_too(alice, body):
    with transaction.atomic():
        idempotency.claim(user=alice, request=request_of(alice), body=body)

    earlier = idempotency.find(user=alice, request=request_of(alice))

    assert earlier.is_answered
    assert earlier.answer == body


def test_a_key_with_another_request_is_refused(alice, books):
    predict(alice, request_of(alice, body={"x": 1}))

    with pytest.raises(idempotency.IdempotencyKeyReused):
        idempotency.find(user=alice, request=request_of(alice, body={"x": 2}))
    with pytest.raises(idempotency.IdempotencyKeyReused):
        predict(alice, request_of(alice, body={"x": 2}))

    assert books(alice) == (10, [15, -5])


def test_keys_of_other_users_and_endpoints_do_not_meet(alice, bob, books):
    predict(alice, request_of(alice))
    predict(bob, request_of(bob))
    predict(alice, request_of(alice, endpoint="POST train"))

    assert books(alice) == (5, [15, -5, -5])
    assert books(bob) == (10, [15, -5])


def test_a_refusal_is_not_stored_and_the_key_stays_free(charlie, books):
    with pytest.raises(operations.InsufficientTokens):
        predict(charlie, request_of(charlie))
    assert IdempotencyKey.objects.count() == 0

    operations.grant(user=charlie, amount=5, reason="card", operation="card:1")
    predict(charlie, request_of(charlie))

    assert books(charlie) == (0, [5, -5])


def test_work_that_goes_on_is_known_by_its_reference(alice):
    with transaction.atomic():
        idempotency.claim(user=alice, request=request_of(alice), reference="run:42")

    earlier = idempotency.find(user=alice, request=request_of(alice))
    assert (earlier.reference, earlier.is_answered, earlier.answer) == ("run:42", False, None)

    idempotency.store_answer(user=alice, request=request_of(alice), body={"model": "m"})
    earlier = idempotency.find(user=alice, request=request_of(alice))
    assert (earlier.reference, earlier.status, earlier.answer) == ("run:42", 200, {"model": "m"})


def test_the_first_stored_answer_stays(alice):
    with transaction.atomic():
        idempotency.claim(user=alice, request=request_of(alice), body={"model": "first"})

    idempotency.store_answer(user=alice, request=request_of(alice), body={"model": "second"})

    assert idempotency.find(user=alice, request=request_of(alice)).answer == {"model": "first"}


def test_a_request_that_says_nothing_yet_is_still_running(alice):
    with transaction.atomic():
        idempotency.claim(user=alice, request=request_of(alice))

    with pytest.raises(idempotency.RequestStillRunning, match="Try again in a moment"):
        idempotency.find(user=alice, request=request_of(alice))


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb", "a\x00b", "a\nb", "\x7f"])
def test_a_key_is_up_to_255_printable_ascii_characters(alice, key):
    with pytest.raises(idempotency.InvalidInput, match="1 to 255 printable ASCII characters") as refusal:
        request_of(alice, key=key)

    assert refusal.value.code == "idempotency_key_invalid"


def test_the_longest_key_works(alice, books):
    predict(alice, request_of(alice, key="~" * 255))

    with pytest.raises(RequestRepeated):
        predict(alice, request_of(alice, key="~" * 255))
    assert books(alice) == (10, [15, -5])


def test_a_fingerprint_tells_requests_apart_and_ignores_the_order_of_keys(alice, bob):
    same = {"method": "POST", "path": "/predict/m", "user": alice, "body": {"a": 1, "b": [1, 2]}}
    reference = idempotency.fingerprint(**same)

    assert idempotency.fingerprint(**same | {"body": {"b": [1, 2], "a": 1}}) == reference
    for other in (
        {"method": "PUT"},
        {"path": "/predict/n"},
        {"user": bob},
        {"body": {"a": 1, "b": [2, 1]}},
        {"body": {"a": "1", "b": [1, 2]}},
        {"body": {"a": 1, "b": [1, 2], "c": None}},
    ):
        assert idempotency.fingerprint(**same | other) != reference, other


def test_keys_are_forgotten_after_a_day_and_not_before(alice, time_machine):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    predict(alice, request_of(alice))

    time_machine.move_to(now + timedelta(hours=24), tick=False)
    assert idempotency.prune() == 0
    time_machine.move_to(now + timedelta(hours=24, seconds=1), tick=False)
    assert idempotency.prune() == 1

    assert idempotency.find(user=alice, request=request_of(alice)) is None


@pytest.mark.django_db(transaction=True)
def test_a_claim_outside_of_a_transaction_is_a_mistake_of_ours(alice):
    with pytest.raises(AssertionError):
        idempotency.claim(user=alice, request=request_of(alice))


def test_a_claim_with_its_answer_is_one_statement(alice):
    with transaction.atomic(), CaptureQueriesContext(connection) as statements:
        idempotency.claim(user=alice, request=request_of(alice), body={"prediction": 1})

    assert len(statements) == 1
