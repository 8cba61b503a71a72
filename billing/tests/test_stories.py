"""Accounting stories: what happens to an account in its life, told from the first entry to the last."""

import pytest

from billing import operations
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db


def history(user):
    entries = LedgerEntry.objects.filter(account=user).order_by("seq")
    return [(entry.seq, entry.kind, entry.amount, entry.balance_after) for entry in entries]


def charge(user, amount, operation):
    return operations.charge(user=user, amount=amount, reason="work", operation=operation)


def test_a_newcomer_trains_predicts_twice_and_buys_more(alice, admin_user, books):
    charge(alice, 1, "run:1:charge")
    charge(alice, 5, "prediction:1")
    charge(alice, 5, "prediction:2")
    with pytest.raises(operations.InsufficientTokens, match="This costs 5 tokens and you have 4."):
        charge(alice, 5, "prediction:3")
    operations.grant(user=alice, amount=100, reason="card payment", operation="card:1", by=admin_user)
    charge(alice, 5, "prediction:4")

    assert history(alice) == [
        (1, "grant", 15, 15),
        (2, "charge", -1, 14),
        (3, "charge", -5, 9),
        (4, "charge", -5, 4),
        (5, "grant", 100, 104),
        (6, "charge", -5, 99),
    ]
    assert books(alice)[0] == 99


def test_a_training_fails_and_its_token_pays_for_the_next(make_user, books):
    dora = make_user("dora@example.com", tokens=1)

    charge(dora, 1, "run:1:charge")
    operations.refund(operation_of_charge="run:1:charge", reason="training failed")
    charge(dora, 1, "run:2:charge")

    assert history(dora) == [
        (1, "grant", 1, 1),
        (2, "charge", -1, 0),
        (3, "refund", 1, 1),
        (4, "charge", -1, 0),
    ]
    assert books(dora)[0] == 0


def test_two_accounts_number_their_entries_on_their_own(alice, bob, books):
    charge(alice, 5, "prediction:1")
    charge(bob, 5, "prediction:2")
    charge(alice, 5, "prediction:3")

    assert [seq for seq, *_ in history(alice)] == [1, 2, 3]
    assert [seq for seq, *_ in history(bob)] == [1, 2]
    assert (books(alice)[0], books(bob)[0]) == (5, 10)


def test_tokens_are_granted_to_the_wrong_user_and_taken_back(alice, bob, admin_user, books):
    operations.grant(user=alice, amount=50, reason="for Bob", operation="card:1", by=admin_user)
    operations.adjust(user=alice, amount=-50, reason="was for Bob", operation="fix:1", by=admin_user)
    operations.grant(user=bob, amount=50, reason="was given to Alice", operation="card:2", by=admin_user)

    assert history(alice)[1:] == [(2, "grant", 50, 65), (3, "adjustment", -50, 15)]
    assert (books(alice)[0], books(bob)[0]) == (15, 65)


def test_a_year_of_predictions_is_paid_token_by_token(make_user, books):
    dora = make_user("dora@example.com", tokens=365)

    for day in range(365):
        charge(dora, 1, f"prediction:{day}")
    with pytest.raises(operations.InsufficientTokens):
        charge(dora, 1, "prediction:365")

    balance, amounts = books(dora)
    assert (balance, len(amounts), sum(amounts)) == (0, 366, 0)
