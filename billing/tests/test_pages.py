"""/tokens/: the balance and every movement."""

import pytest

from billing import operations

pytestmark = pytest.mark.django_db


def test_the_page_shows_balance_movements_and_what_was_spent(alice, pages_of):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:a")
    operations.refund(operation_of_charge="prediction:a", reason="failed")
    operations.charge(user=alice, amount=1, reason="training linear", operation="run:b:charge")

    page = pages_of(alice).get("/tokens/").content.decode()

    assert '<dd class="big">14</dd>' in page
    assert '<dd class="big">1</dd>' in page
    for change in ("+15", "−5", "+5", "−1"):
        assert f">{change}<" in page


def test_movements_can_be_narrowed_to_a_kind(alice, pages_of):
    operations.charge(user=alice, amount=5, reason="prediction", operation="prediction:a")

    partial = pages_of(alice).get("/tokens/?kind=charge", headers={"HX-Request": "true"}).content.decode()

    assert "−5" in partial
    assert "+15" not in partial
    assert "<html" not in partial


def test_the_ledger_as_csv_is_whole_and_runs_no_formula(alice, admin_user, pages_of):
    operations.grant(user=alice, amount=3, reason="=1+1", operation="grant:1", by=admin_user)

    answer = pages_of(alice).get("/tokens/ledger.csv")

    lines = answer.content.decode().splitlines()
    assert answer["Content-Disposition"] == 'attachment; filename="ledger.csv"'
    assert lines[0] == "number,time,kind,change,balance,reason,reference"
    assert lines[2].endswith(",grant,3,18,'=1+1,")


def test_nobody_sees_anothers_movements(alice, bob, pages_of):
    operations.charge(user=alice, amount=5, reason="alice alone", operation="prediction:a")

    assert "alice alone" not in pages_of(bob).get("/tokens/").content.decode()


def test_many_movements_come_in_pages(alice, pages_of):
    for number in range(60):
        operations.grant(user=alice, amount=1, reason=f"gift {number}", operation=f"grant:{number}")

    first = pages_of(alice).get("/tokens/").content.decode()
    second = pages_of(alice).get("/tokens/?page=2").content.decode()

    assert "Gift 59" in first
    assert "Gift 0<" in second
    assert "Page 2 of 2" in second


def test_tokens_are_private(client):
    assert client.get("/tokens/").url == "/accounts/login/?next=/tokens/"
