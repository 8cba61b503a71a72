"""What every command of ours owes to whoever calls it from a script."""

import os
import re
import subprocess
import sys

import pytest
from django.core.management import call_command, get_commands

from mlplatform.settings import BASE_DIR
from mlplatform.tests.postgresql import free_port
from mlplatform.tests.processes import PATIENCE_SECONDS

OURS = sorted(
    name for name, app in get_commands().items() if app in ("mlplatform", "accounts", "billing", "mlmodels")
)
PROMISED = {
    "train_model", "predict", "grant_tokens", "verify_ledger", "create_demo", "prune_predictions",
    "recover_runs", "create_key", "list_models", "export_model", "import_model", "cancel_run", "cancel_batch",
    "retrain", "housekeeping", "delete_user_data", "back_up", "set_priority",
}  # fmt: skip


def test_every_promised_command_is_there():
    assert set(OURS) >= PROMISED


@pytest.mark.parametrize("command", OURS)
def test_help_says_what_a_command_is_for_and_lists_its_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command(command, "--help")

    words = capsys.readouterr().out
    assert ended.value.code == 0
    assert re.search(r"^exit codes:\n  0  \S", words, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("prepare", 1), ("list_models", 1), ("verify_ledger", 3), ("housekeeping", 3),
        ("grant_tokens alice@example.com 5 --reason May", 1),
    ],
)  # fmt: skip
def test_without_a_database_a_command_ends_at_once_and_says_so(tmp_path, command, exit_code):
    address = f"postgres://mlplatform:secret@127.0.0.1:{free_port()}/mlplatform"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": address}

    ended = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )

    assert ended.returncode == exit_code
    assert ended.stderr.startswith("CommandError: The database does not answer: ")
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr


def test_each_option_of_quickstart_is_explained(capsys):
    with pytest.raises(SystemExit):
        call_command("quickstart", "--help")

    words = " ".join(capsys.readouterr().out.split())
    assert "--host HOST address to listen on" in words
    assert "--port PORT port to listen on" in words
