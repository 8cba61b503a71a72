import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing import operations
from billing.models import LedgerEntry

pytestmark = pytest.mark.django_db


def charge(user, amount=5, operation="prediction:1"):
    return operations.charge(user=user, amount=amount, reason="prediction", operation=operation)


def test_a_charge_takes_tokens_and_leaves_an_entry(alice, books):
    entry = operations.charge(
        user=alice, amount=5, reason="prediction", operation="prediction:1", reference="prediction:1"
    )

    assert books(alice) == (10, [15, -5])
    stored = LedgerEntry.objects.get(pk=entry.pk)
    assert (stored.seq, stored.kind, stored.amount, stored.balance_after) == (2, "charge", -5, 10)
    assert (stored.reason, stored.reference, stored.operation) == (
        "prediction",
        "prediction:1",
        "prediction:1",
    )
    assert stored.created_at == entry.created_at


def test_a_charge_that_is_booked_can_be_saved_no_second_time(alice, books):
    entry = charge(alice)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        entry.save()

    assert books(alice) == (10, [15, -5])


def test_a_balance_can_be_spent_to_the_last_token(alice, books):
    charge(alice, amount=15)

    assert books(alice) == (0, [15, -15])


def test_a_broke_user_is_refused_and_nothing_is_written(make_user, books):
    charlie = make_user("charlie@example.com", tokens=3)

    with pytest.raises(operations.InsufficientTokens) as refusal:
        charge(charlie)

    assert str(refusal.value) == "This costs 5 tokens and you have 3."
    assert books(charlie) == (3, [3])


def test_a_refusal_speaks_of_one_token_in_the_singular(charlie, books):
    with pytest.raises(operations.InsufficientTokens, match=r"^This costs 1 token and you have 0\.$"):
        charge(charlie, amount=1)

    assert books(charlie) == (0, [])


def test_a_refused_charge_undoes_the_work_of_its_transaction(charlie, alice, books):
    with pytest.raises(operations.InsufficientTokens), transaction.atomic():
        operations.grant(user=alice, amount=7, reason="bonus", operation="bonus:1")
        charge(charlie)

    assert books(alice) == (15, [15])
    assert books(charlie) == (0, [])


def test_a_closed_account_pays_nothing_and_can_be_given_back(alice, books):
    charge(alice)
    alice.is_active = False
    alice.save(update_fields=["is_active"])

    with pytest.raises(operations.AccountClosed, match="closed"):
        charge(alice, operation="prediction:2")

    assert charge(alice).amount == -5, "the one that is booked already"
    operations.refund(operation_of_charge="prediction:1", reason="account removed")
    operations.adjust(user=alice, amount=-15, reason="paid out", operation="adjust:1", by=alice)
    assert books(alice) == (0, [15, -5, 5, -15])


def test_a_held_account_tells_its_balance_and_a_closed_one_is_not_held(alice):
    with transaction.atomic():
        assert operations.hold_account(user=alice) == 15
    alice.is_active = False
    alice.save(update_fields=["is_active"])

    with pytest.raises(operations.AccountClosed), transaction.atomic():
        operations.hold_account(user=alice)


def test_what_is_free_leaves_no_entry(charlie, books):
    assert charge(charlie, amount=0) is None
    assert operations.grant(user=charlie, amount=0, reason="signup", operation="signup:0") is None

    assert books(charlie) == (0, [])


@pytest.mark.parametrize("amount", [-5, 2.5, "5", True, None, operations.AMOUNT_MAX_TOKENS + 1])
def test_an_amount_is_a_positive_whole_number(alice, books, amount):
    with pytest.raises(operations.InvalidInput, match="whole number of tokens from 1 to 1,000,000,000"):
        charge(alice, amount=amount)
    with pytest.raises(operations.InvalidInput):
        operations.grant(user=alice, amount=amount, reason="gift", operation="gift:1")

    assert books(alice) == (15, [15])


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_grant_says_why(alice, books, reason):
    with pytest.raises(operations.InvalidInput, match="reason of 1 to 200 characters"):
        operations.grant(user=alice, amount=5, reason=reason, operation="gift:1")

    assert books(alice) == (15, [15])


@pytest.mark.parametrize("operation", ["", "x" * 101])
def test_a_grant_has_a_name_that_every_database_can_keep(alice, books, operation):
    with pytest.raises(operations.InvalidInput, match="1 to 100 characters"):
        operations.grant(user=alice, amount=5, reason="May", operation=operation)

    assert books(alice) == (15, [15])


def test_a_grant_remembers_who_gave_it(alice, admin_user, books):
    entry = operations.grant(user=alice, amount=10, reason="card", operation="card:1", by=admin_user)

    assert LedgerEntry.objects.get(pk=entry.pk).booked_by == admin_user
    assert books(alice) == (25, [15, 10])


def test_the_same_operation_again_is_the_same_entry(alice, books):
    first, second = charge(alice), charge(alice)

    assert first.pk == second.pk
    assert books(alice) == (10, [15, -5])


def test_an_operation_that_took_the_last_tokens_can_be_repeated(alice, books):
    first = charge(alice, amount=15)

    assert charge(alice, amount=15).pk == first.pk
    assert books(alice) == (0, [15, -15])


def test_an_operation_is_not_booked_again_as_something_else(alice, bob, books):
    charge(alice, amount=5)

    with pytest.raises(operations.OperationReused):
        charge(alice, amount=4)
    with pytest.raises(operations.OperationReused):
        charge(bob, amount=5)
    with pytest.raises(operations.OperationReused):
        operations.grant(user=alice, amount=5, reason="gift", operation="prediction:1")

    assert books(alice) == (10, [15, -5])
    assert books(bob) == (15, [15])


def test_a_refund_gives_a_charge_back_once(alice, books):
    charge(alice, amount=1, operation="run:42:charge")

    first = operations.refund(operation_of_charge="run:42:charge", reason="training failed")
    second = operations.refund(operation_of_charge="run:42:charge", reason="worker was lost")

    assert first.pk == second.pk
    assert first.operation == "run:42:refund"
    assert books(alice) == (15, [15, -1, 1])


def test_only_a_charge_can_be_refunded(alice, books):
    for operation in ("run:nobody:charge", f"signup:{alice.pk}"):
        with pytest.raises(operations.ChargeNotFound):
            operations.refund(operation_of_charge=operation, reason="training failed")

    assert books(alice) == (15, [15])


def test_a_mistake_is_corrected_by_another_entry(alice, admin_user, books):
    operations.adjust(user=alice, amount=-5, reason="granted twice", operation="fix:1", by=admin_user)
    operations.adjust(user=alice, amount=2, reason="goodwill", operation="fix:2", by=admin_user)

    assert books(alice) == (12, [15, -5, 2])


def test_a_correction_does_not_go_below_zero(alice, admin_user, books):
    with pytest.raises(operations.InsufficientTokens):
        operations.adjust(user=alice, amount=-16, reason="mistake", operation="fix:1", by=admin_user)

    assert books(alice) == (15, [15])


def test_saving_an_account_that_was_read_before_a_charge_gives_no_tokens_back(alice, books):
    charge(alice)

    alice.is_staff = True
    alice.save()

    alice.refresh_from_db()
    assert alice.is_staff
    assert books(alice) == (10, [15, -5])


def test_a_new_account_starts_with_nothing_whatever_it_was_made_with(django_user_model, books):
    dora = django_user_model.objects.create(email="dora@example.com", token_balance=1000)

    assert dora.token_balance == 0
    assert books(dora) == (0, [])


def test_a_charge_is_two_statements(alice):
    with transaction.atomic(), CaptureQueriesContext(connection) as statements:
        charge(alice)

    assert [query["sql"].split()[0] for query in statements] == ["UPDATE", "INSERT"]
