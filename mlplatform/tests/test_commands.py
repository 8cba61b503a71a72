"""What every command of ours owes to whoever calls it from a script."""

import re

import pytest
from django.core.management import call_command, get_commands

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


def test_each_option_of_quickstart_is_explained(capsys):
    with pytest.raises(SystemExit):
        call_command("quickstart", "--help")

    words = " ".join(capsys.readouterr().out.split())
    assert "--host HOST address to listen on" in words
    assert "--port PORT port to listen on" in words
