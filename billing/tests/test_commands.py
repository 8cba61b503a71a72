import json
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection

from billing.models import LedgerEntry
from billing.verify import failures_of
from mlplatform.core.errors import StorageUnavailable

pytestmark = pytest.mark.django_db


def run(*arguments):
    output = StringIO()
    call_command(*arguments, stdout=output, stderr=output)
    return output.getvalue()


def write_a_balance_behind_the_ledger(user):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET token_balance = 1000 WHERE id = %s", [user.pk])


def test_tokens_are_granted_with_a_reason(alice, books):
    output = run("grant_tokens", "Alice@Example.com", "100", "--reason", "Invoice 17")

    assert "alice@example.com: 100 tokens granted" in output
    assert "the balance is 115" in output
    assert books(alice) == (115, [15, 100])
    assert LedgerEntry.objects.first().reason == "Invoice 17"


def test_a_named_grant_can_be_repeated_by_a_script(alice, books):
    for _ in range(2):
        run("grant_tokens", "alice@example.com", "10", "--reason", "May", "--operation", "grant:may")

    assert books(alice) == (25, [15, 10])


def test_two_grants_without_a_name_are_two(alice, books):
    for _ in range(2):
        run("grant_tokens", "alice@example.com", "10", "--reason", "May")

    assert books(alice) == (35, [15, 10, 10])


def test_nobody_is_granted_nothing(db):
    with pytest.raises(CommandError, match="no user with the e-mail address nobody@example.com") as failure:
        run("grant_tokens", "nobody@example.com", "10", "--reason", "May")

    assert failure.value.returncode == 3


@pytest.mark.parametrize("amount", ["0", "-5", "1.5", "many"])
def test_wrong_amounts_are_wrong_usage(alice, books, amount):
    with pytest.raises(CommandError, match="amount"):
        run("grant_tokens", "alice@example.com", "--reason", "May", "--", amount)

    assert books(alice) == (15, [15])


@pytest.mark.parametrize(
    "arguments", [["2000000000", "--reason", "May"], ["10", "--reason", " "], ["10", "--reason", "x" * 201]]
)
def test_a_refused_grant_books_nothing(alice, books, arguments):
    with pytest.raises(CommandError) as failure:
        run("grant_tokens", "alice@example.com", *arguments)

    assert failure.value.returncode == 1
    assert books(alice) == (15, [15])


def test_a_grant_needs_a_reason(alice, books):
    with pytest.raises(CommandError, match="--reason"):
        run("grant_tokens", "alice@example.com", "10")

    assert books(alice) == (15, [15])


def test_a_right_ledger_is_said_to_be_right(alice):
    assert run("verify_ledger") == "The ledger adds up.\n"
    assert json.loads(run("verify_ledger", "--json")) == {
        "is_correct": True,
        "count": 0,
        "checks": [],
        "differences": [],
    }


def test_a_wrong_ledger_is_shown_with_its_rows(alice):
    write_a_balance_behind_the_ledger(alice)
    output = StringIO()

    with pytest.raises(CommandError, match="1 wrong row") as failure:
        call_command("verify_ledger", stdout=output)

    assert failure.value.returncode == 1
    assert "FAILED: The balance of an account is the sum of its entries" in output.getvalue()
    assert f"account_id={alice.pk}  token_balance=1000  sum_of_entries=15" in output.getvalue()


def test_a_wrong_ledger_is_shown_as_json_to_programs(alice, bob):
    write_a_balance_behind_the_ledger(alice)
    write_a_balance_behind_the_ledger(bob)
    output = StringIO()

    with pytest.raises(CommandError, match="2 wrong rows"):
        call_command("verify_ledger", "--json", stdout=output)

    answer = json.loads(output.getvalue())
    assert answer["is_correct"] is False
    assert answer["count"] == 2
    assert [(check["check"], check["count"]) for check in answer["checks"]] == [("balances", 2)]
    assert [difference["check"] for difference in answer["differences"]] == ["balances", "balances"]
    assert answer["differences"][0]["row"]["token_balance"] == 1000


def find_a_thousand_lost_socks():
    return failures_of("socks", "Every sock has its pair.", ({"sock": number} for number in range(1000)))


def test_of_a_thousand_wrong_rows_the_first_hundred_are_printed_and_all_are_counted(db, settings):
    settings.LEDGER_VERIFICATIONS = [f"{__name__}.find_a_thousand_lost_socks"]
    as_text, as_json = StringIO(), StringIO()

    with pytest.raises(CommandError, match="1,000 wrong rows"):
        call_command("verify_ledger", stdout=as_text)
    with pytest.raises(CommandError, match="1,000 wrong rows"):
        call_command("verify_ledger", "--json", stdout=as_json)

    first, *rows, last = as_text.getvalue().splitlines()
    assert first == "FAILED: Every sock has its pair. (1,000 rows)"
    assert rows == [f"  sock={number}" for number in range(100)]
    assert last == "  … and 900 more"
    answer = json.loads(as_json.getvalue())
    assert answer["count"] == 1000
    assert len(answer["differences"]) == 100


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("connection refused"), "does not answer"),
        (ProgrammingError("no such table"), "does not answer"),
        (StorageUnavailable(), "cannot be reached"),
    ],
)
def test_a_silent_database_or_storage_is_no_verdict(db, monkeypatch, error, said):
    def no_answer():
        raise error

    monkeypatch.setattr("billing.management.commands.verify_ledger.verify_ledger", no_answer)

    with pytest.raises(CommandError, match=said) as failure:
        run("verify_ledger")

    assert failure.value.returncode == 3


@pytest.mark.parametrize("command", ["grant_tokens", "verify_ledger"])
def test_help_names_the_exit_codes(command):
    program = [sys.executable, "manage.py", command, "--help"]

    answer = subprocess.run(program, capture_output=True, text=True, check=True)

    assert "exit codes:\n  0  " in answer.stdout
    assert "\n  1  " in answer.stdout


@pytest.mark.sqlite_only  # about imports
def test_the_commands_load_no_learning_library(environment):
    """They answer in a second, on machines where memory is short."""
    program = """
import sys, django
django.setup()
from django.core.management import CommandError, call_command
call_command("migrate", verbosity=0)
call_command("verify_ledger")
try:
    call_command("grant_tokens", "nobody@example.com", 1, "--reason", "none")
except CommandError as refusal:
    print(refusal)
print("loaded:", sorted({"sklearn", "pandas", "numpy", "scipy", "joblib"} & set(sys.modules)))
"""

    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert "The ledger adds up." in answer.stdout
    assert "no user with the e-mail address nobody@example.com" in answer.stdout
    assert "loaded: []" in answer.stdout
