from accounts.operations import users
from mlmodels.operations import erasure
from mlplatform.core import commands
from mlplatform.core.text import plural


class Command(commands.Command):
    help = (
        "Deletes the datasets and models of a user, and erases what training runs and predictions hold. With "
        "--close-account the account is closed as well."
    )
    epilog = """
This cannot be undone. Training runs and batches in progress are cancelled and refunded. The rows of runs,
batches and predictions stay, with dates and prices, because the ledger refers to them; the ledger stays too.
The command can be repeated: it goes on where an earlier call stopped.

exit codes:
  0  deleted, or there was nothing to delete
  1  not confirmed, or refused: the only administrator cannot be removed
  2  wrong usage
  3  no such user

examples:
  manage.py delete_user_data alice@example.com
  manage.py delete_user_data alice@example.com --close-account --yes --json
"""

    def add_arguments(self, parser):
        parser.add_argument("email", help="the user's e-mail address, in any case")
        parser.add_argument(
            "--close-account",
            action="store_true",
            help="also end sessions and keys, and replace the e-mail address",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
        counts = "uploads, runs_in_progress, runs, predictions, batches_in_progress, batches, webhooks"
        shape = f"{{datasets: [name, …], models: [name, …], {counts}, is_account_closed}}"
        commands.add_json_option(parser, shape)

    def handle(self, *, email, close_account, yes, json, **options):
        user = commands.find_user(email)
        found = erasure.what_would_be_erased(owner=user)
        output = self.stderr if json else self.stdout
        output.write("\n".join(in_words(found)))
        question = (
            f"All of this is deleted for {user.email}{', and the account closed' if close_account else ''}."
        )
        commands.confirm(question, is_confirmed=yes, output=output)
        if close_account:
            users.close_own_account(user=user)
        else:
            erasure.erase_everything_of(owner=user)
        if json:
            self.stdout.write(commands.as_json({**found, "is_account_closed": close_account}))
        else:
            self.stdout.write("Deleted.")


def in_words(found: dict) -> list[str]:
    lines = []
    for kind in ("datasets", "models"):
        lines += [f"{len(found[kind])} {kind}", *(f"  {name}" for name in found[kind])]
    return [
        *lines,
        f"{plural(found['uploads'], 'large file')} without a dataset",
        f"contents of {plural(found['runs'], 'training run')}{in_progress(found['runs_in_progress'])}",
        f"contents of {plural(found['predictions'], 'prediction')}",
        f"files of {plural(found['batches'], 'batch', 'batches')}{in_progress(found['batches_in_progress'])}",
        plural(found["webhooks"], "webhook"),
    ]


def in_progress(count: int) -> str:
    return f", {count} of them in progress" if count else ""
